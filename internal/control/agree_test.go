package control_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
	"github.com/namelet/namelet/store/zonefile"
)

// What a zone may have at one name is the same to the store, which sees a change
// in its transaction, and to the server.
func TestStoreAndServerAgree(t *testing.T) {
	apex := rr.MustParseName("example.org")
	base := zoneSets(t, "example.org", "www A 192.0.2.1\n")
	for _, test := range []struct {
		records string
		ok      bool
	}{
		{"sub NS ns", true},
		{"sub DNAME x.example.", true},
		{"sub DNAME x.example.\nsub NS ns", false},
		{"@ DNAME x.example.", true},
		{"*.sub A 192.0.2.1", true},
		{"* NS ns", false},
		{"* DNAME x.example.", false},
		{"*.sub NS ns", false},
		{"a.*.sub NS ns", true},
		{"sub CNAME www", true},
		{"sub CNAME www\nsub TXT x", false},
		{"sub CNAME www\nsub DNAME x.example.", false},
		{"sub CNAME www\nsub NS ns", false},
		{"sub CNAME www\nsub KEY 0 3 5 AAAA", true},
		{"sub CNAME www\nsub NXT www A", true},
		{"@ CNAME www", false},
	} {
		t.Run(test.records, func(t *testing.T) {
			var extra []rr.Set
			for line := range strings.Lines(test.records) { // a zone file would be refused for some
				extra = append(extra, record(t, line))
			}
			whole := slices.Concat(base, extra)
			_, served := authority.Build(apex, 1, slices.Values(whole))
			_, imported := fresh(t).ReplaceZone(t.Context(), store.ZoneSpec{Name: apex}, store.Sequence(whole), store.ReplaceOptions{})
			st := fresh(t)
			if _, err := st.ReplaceZone(t.Context(), store.ZoneSpec{Name: apex}, store.Sequence(base), store.ReplaceOptions{}); err != nil {
				t.Fatal(err)
			}
			var changes []store.Change
			for _, set := range extra {
				changes = append(changes, store.Put(set))
			}
			_, changed := st.Change(t.Context(), apex, changes, store.WriteOptions{})
			for by, err := range map[string]error{"served": served, "imported": imported, "changed": changed} {
				if (err == nil) != test.ok {
					t.Errorf("%s: error %v, want none: %v", by, err, test.ok)
				}
			}
		})
	}
}

// record reads "NAME TYPE RDATA".
func record(t *testing.T, line string) rr.Set {
	t.Helper()
	apex := rr.MustParseName("example.org")
	words := strings.SplitN(strings.TrimSpace(line), " ", 3)
	name, err := zonefile.ParseName(words[0], apex)
	if err != nil {
		t.Fatal(err)
	}
	of, err := zonefile.ParseType(words[1])
	if err != nil {
		t.Fatal(err)
	}
	data, err := zonefile.ParseRdata(of, words[2], apex)
	if err != nil {
		t.Fatal(err)
	}
	return rr.Set{Name: name, Type: of, TTL: 60, Data: []rr.Rdata{data}}
}

func fresh(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.New(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// A change cannot take the apex's NS away, whoever asks the store for it.
func TestApexKeepsNS(t *testing.T) {
	apex := rr.MustParseName("example.org")
	st := fresh(t)
	if _, err := st.ReplaceZone(t.Context(), store.ZoneSpec{Name: apex}, store.Sequence(zoneSets(t, "example.org", "")), store.ReplaceOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Change(t.Context(), apex, []store.Change{store.Delete(apex, rr.TypeNS)}, store.WriteOptions{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("deletion of the NS at the apex: got error %v, want %v", err, store.ErrInvalid)
	}
}

// The store takes modules as large as the inspection does.
func TestModuleBounds(t *testing.T) {
	for size, large := range map[int]bool{store.MaxGuestBytes: false, store.MaxGuestBytes + 1: true} {
		_, err := runtime.Inspect(make([]byte, size))
		var refusal *runtime.Refusal
		if !errors.As(err, &refusal) || strings.Contains(refusal.Error(), "8388608") != large {
			t.Errorf("%d zero bytes: %v; want a refusal, for the size: %v", size, err, large)
		}
	}
}
