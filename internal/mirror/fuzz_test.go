package mirror

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// FuzzBlock parses blocks whose sum is right, whatever is in them. What parses is
// written and parsed to the same.
func FuzzBlock(f *testing.F) {
	var b block
	for _, s := range sampleSets() {
		b.add(s)
	}
	text := b.finish()
	f.Add(text[:len(text)-4])
	f.Add([]byte{1, 0, 0, 1, 0, 1, 0, 0})
	f.Add([]byte{1, 1, 0, 1, 0, 1, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x7f})
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := crc32.Checksum(body, castagnoli)
		sets, err := parseBlock(binary.BigEndian.AppendUint32(append([]byte(nil), body...), sum))
		if err != nil || len(sets) == 0 {
			return
		}
		var again block
		for _, s := range sets {
			again.add(s)
		}
		same, err := parseBlock(again.finish())
		if err != nil || len(same) != len(sets) {
			t.Fatalf("%d sets are written and read as %d: %v", len(sets), len(same), err)
		}
	})
}
