package zonefile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/namelet/namelet/internal/realzones"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// TestRealZones counts records by the lines of the files, which have one each.
func TestRealZones(t *testing.T) {
	for _, file := range []string{realzones.Root2018, realzones.Root2014Signed} {
		t.Run(file, func(t *testing.T) {
			path := realzones.Path(t, file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sets, err := zonefile.ParseFile(path, rr.Root)
			if err != nil {
				t.Fatal(err)
			}
			lines := make(map[string]struct{})
			for _, line := range strings.Split(string(text), "\n") {
				if strings.TrimSpace(line) != "" && line[0] != ';' {
					lines[strings.Join(strings.Fields(line), " ")] = struct{}{}
				}
			}
			records := 0
			for _, s := range sets {
				records += len(s.Data)
			}
			if records != len(lines) {
				t.Errorf("%d records, want the file's %d different lines", records, len(lines))
			}
			checkRoundTrip(t, rr.Root, sets)
		})
	}
}

func BenchmarkParseRoot(b *testing.B) {
	path := realzones.Path(b, realzones.Root2018)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := zonefile.ParseFile(path, rr.Root); err != nil {
			b.Fatal(err)
		}
	}
}
