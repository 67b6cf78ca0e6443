package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

var (
	ctx = context.Background()

	apex  = rr.MustParseName("example.org")
	other = rr.MustParseName("example.net")
)

func name(format string, args ...any) rr.Name { return rr.MustParseName(fmt.Sprintf(format, args...)) }

func soa(zone rr.Name, serial uint32) rr.Set {
	data := []byte(name("ns.example.net").Wire() + name("hostmaster.example.net").Wire())
	for _, v := range []uint32{serial, 7200, 900, 1209600, 300} {
		data = binary.BigEndian.AppendUint32(data, v)
	}
	return rr.Set{Name: zone, Type: rr.TypeSOA, TTL: 3600, Data: []rr.Rdata{rr.Rdata(data)}}
}

func a(owner rr.Name, ttl uint32, addresses ...uint32) rr.Set {
	s := rr.Set{Name: owner, Type: rr.TypeA, TTL: ttl}
	for _, v := range addresses {
		s.Data = append(s.Data, rr.Rdata(binary.BigEndian.AppendUint32(nil, v)))
	}
	return s
}

func txt(owner rr.Name, text string) rr.Set {
	return rr.Set{Name: owner, Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{string(rune(len(text))) + text}}
}

func cname(owner, target rr.Name) rr.Set {
	return rr.Set{Name: owner, Type: rr.TypeCNAME, TTL: 60, Data: []rr.Rdata{target.Wire()}}
}

// rrsig covers a type; its signature is the text.
func rrsig(owner rr.Name, ttl uint32, covered rr.Type, signature string) rr.Set {
	data := binary.BigEndian.AppendUint16(nil, uint16(covered))
	data = append(data, 13, 2)
	for range 3 {
		data = binary.BigEndian.AppendUint32(data, 3600)
	}
	data = append(append(append(data, 0, 1), apex.Wire()...), signature...)
	return rr.Set{Name: owner, Type: rr.TypeRRSIG, TTL: ttl, Data: []rr.Rdata{rr.Rdata(data)}}
}

// plain is a zone of an SOA and n addresses.
func plain(zone rr.Name, serial uint32, n int) []rr.Set {
	sets := []rr.Set{soa(zone, serial)}
	for i := range n {
		sets = append(sets, a(name("h%06d.%v", i, zone), 60, uint32(i)))
	}
	return sets
}

// failing yields sets, then an error.
func failing(sets []rr.Set, err error) iter.Seq2[rr.Set, error] {
	return func(yield func(rr.Set, error) bool) {
		for _, s := range sets {
			if !yield(s, nil) {
				return
			}
		}
		yield(rr.Set{}, err)
	}
}

func create(t *testing.T, st *store.Store, zone rr.Name, sets ...rr.Set) store.Zone {
	t.Helper()
	res, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(sets))
	if err != nil {
		t.Fatal(err)
	}
	return res.Zone
}

func change(t *testing.T, st *store.Store, zone rr.Name, changes ...store.Change) store.Zone {
	t.Helper()
	res, err := st.Change(ctx, zone, changes, store.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return res.Zone
}

// text is a set as one line, with all that there is to a set.
func text(s rr.Set) string { return fmt.Sprintf("%v %d %v %x", s.Name, s.TTL, s.Type, s.Data) }

func texts(sets []rr.Set) []string {
	var lines []string
	for _, s := range sets {
		lines = append(lines, text(s))
	}
	return lines
}

// load reads a zone by LoadZone and holds it against Sets.
func load(t *testing.T, st *store.Store, zone rr.Name) (store.Zone, []rr.Set) {
	t.Helper()
	var z store.Zone
	var sets []rr.Set
	err := st.LoadZone(ctx, zone, func(at store.Zone, all iter.Seq2[rr.Set, error]) error {
		z = at
		for s, err := range all {
			if err != nil {
				return err
			}
			sets = append(sets, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(sets)) != z.Sets {
		t.Errorf("zone %v has %d sets, and says %d", zone, len(sets), z.Sets)
	}
	return z, sets
}

// want holds a zone against sets in canonical order, the SOA, whose serial it
// only holds against the zone's, not among them.
func want(t *testing.T, st *store.Store, zone rr.Name, sets ...rr.Set) store.Zone {
	t.Helper()
	z, got := load(t, st, zone)
	var rest []rr.Set
	for _, s := range got {
		if s.Type != rr.TypeSOA {
			rest = append(rest, s)
		} else if diff := cmp.Diff(soa(zone, z.Serial).Data, s.Data); diff != "" {
			t.Errorf("SOA of %v has not the zone's serial %d (-want +got):\n%s", zone, z.Serial, diff)
		}
	}
	if diff := cmp.Diff(texts(sets), texts(rest)); diff != "" {
		t.Errorf("zone %v at version %d (-want +got):\n%s", zone, z.Version, diff)
	}
	return z
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}
