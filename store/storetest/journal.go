package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// copyOf is a zone kept by following its journal.
type copyOf struct {
	version uint64
	serial  uint32
	sets    map[string]string // text by owner, type and covered type
	reloads int
}

func setID(s rr.Set) string {
	return fmt.Sprintf("%x %d %d", s.Name.Key(), s.Type, rr.Covered(s.Data[0]))
}

func (c *copyOf) reload(t *testing.T, st *store.Store, zone rr.Name) {
	t.Helper()
	z, sets := load(t, st, zone)
	c.version, c.serial, c.sets = z.Version, z.Serial, map[string]string{}
	for _, s := range sets {
		c.sets[setID(s)] = text(s)
	}
	c.reloads++
}

// follow applies what the journal has, or loads the zone where it reaches back
// too little.
func (c *copyOf) follow(t *testing.T, st *store.Store, zone rr.Name) {
	t.Helper()
	err := st.Journal(ctx, zone, c.version, func(e store.JournalEntry) error {
		if e.Version != c.version+1 || e.SerialBefore != c.serial {
			return fmt.Errorf("entry of version %d, serial %d, after version %d, serial %d", e.Version, e.SerialBefore, c.version, c.serial)
		}
		for _, s := range e.Removed {
			if c.sets[setID(s)] != text(s) {
				return fmt.Errorf("version %d removes %s, and the copy has %q", e.Version, text(s), c.sets[setID(s)])
			}
			delete(c.sets, setID(s))
		}
		for _, s := range e.Added {
			if had, has := c.sets[setID(s)]; has {
				return fmt.Errorf("version %d adds %s, and the copy has %s", e.Version, text(s), had)
			}
			c.sets[setID(s)] = text(s)
		}
		c.version, c.serial = e.Version, e.SerialAfter
		return nil
	})
	if errors.Is(err, store.ErrGone) {
		c.reload(t, st, zone)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c *copyOf) compare(t *testing.T, st *store.Store, zone rr.Name) {
	t.Helper()
	var is copyOf
	is.reload(t, st, zone)
	if c.version != is.version || c.serial != is.serial {
		t.Errorf("copy is at version %d, serial %d; zone at %d, %d", c.version, c.serial, is.version, is.serial)
	}
	if diff := cmp.Diff(is.sets, c.sets); diff != "" {
		t.Fatalf("copy at version %d is not the zone (-zone +copy):\n%s", c.version, diff)
	}
}

// Journal replay equals the zone, over changes, imports and settings.
func testReplay(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	rng := rand.New(rand.NewPCG(3, 4))
	create(t, st, apex, plain(apex, 1<<32-40, 30)...)
	var c copyOf
	c.reload(t, st, apex)
	owners := []string{"example.org", "a.example.org", "b.a.example.org", "*.a.example.org", "h000003.example.org", "H000004.example.org"}
	for step := range 300 {
		z, sets := load(t, st, apex)
		switch n := rng.IntN(20); {
		case n == 0:
			dropped := rng.IntN(len(sets))
			fresh := []rr.Set{soa(apex, z.Serial+2), a(name("r%d.example.org", step), 1, 1)}
			for i, set := range sets {
				if i != dropped && set.Type != rr.TypeSOA {
					fresh = append(fresh, set)
				}
			}
			if _, err := replace(st, fresh, store.ReplaceOptions{}); err != nil {
				t.Fatal(err)
			}
		case n == 1:
			if _, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex, Private: step%2 == 0}, store.Sequence(loadSets(t, st, apex)), store.ReplaceOptions{}); err != nil {
				t.Fatal(err)
			}
		default:
			var changes []store.Change
			for range 1 + rng.IntN(4) {
				owner := name("%s", owners[rng.IntN(len(owners))])
				switch rng.IntN(4) {
				case 0:
					changes = append(changes, store.Delete(owner, rr.TypeANY))
				case 1:
					changes = append(changes, store.Put(txt(owner, fmt.Sprint(step))))
				default:
					changes = append(changes, store.Put(a(owner, uint32(rng.IntN(3)), rng.Uint32N(4), rng.Uint32N(4))))
				}
			}
			change(t, st, apex, changes...)
		}
		if rng.IntN(3) == 0 {
			c.follow(t, st, apex)
			c.compare(t, st, apex)
		}
	}
	c.follow(t, st, apex)
	c.compare(t, st, apex)
	if c.reloads != 1 {
		t.Errorf("the journal had gaps: %d loads, want 1", c.reloads)
	}
	wantErr(t, "journal after a version to come", st.Journal(ctx, apex, c.version+1, nil), store.ErrForeign)
	wantErr(t, "journal of no zone", st.Journal(ctx, other, 0, nil), store.ErrNotFound)
	stop := errors.New("stop")
	if err := st.Journal(ctx, apex, c.version-1, func(store.JournalEntry) error { return stop }); err != stop {
		t.Errorf("error of the reader came back as %v", err)
	}
}

// An entry of megabytes, and one that is too large.
func testLargeEntry(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, soa(apex, 1))
	var c copyOf
	c.reload(t, st, apex)
	fill := func(n int, with string) []store.Change {
		var changes []store.Change
		for i := range n {
			set := rr.Set{Name: name("h%d.example.org", i), Type: rr.TypeTXT, TTL: 1}
			for j := range 200 {
				set.Data = append(set.Data, "\xff"+fmt.Sprintf("%04d", j)+strings.Repeat(with, 251))
			}
			changes = append(changes, store.Put(set))
		}
		return changes
	}
	change(t, st, apex, fill(70, "a")...)
	change(t, st, apex, fill(70, "b")...)
	change(t, st, apex, store.Put(a(name("n.example.org"), 1, 1)))
	_, err := st.Change(ctx, apex, fill(170, "c"), store.WriteOptions{})
	wantErr(t, "a change beyond the journal", err, store.ErrTooLarge)
	c.follow(t, st, apex)
	c.compare(t, st, apex)
	if c.reloads != 1 || c.version != 4 {
		t.Errorf("%d loads to version %d, want 1 to 4", c.reloads, c.version)
	}
}

func testTrim(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{JournalVersions: 10})
	create(t, st, apex, soa(apex, 1))
	for i := range uint32(30) {
		_, err := st.Change(ctx, apex, []store.Change{store.Put(a(name("n.example.org"), 1, i))}, store.WriteOptions{RequestID: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	z, _ := load(t, st, apex)
	if z.Version != 31 || z.JournalFrom != 21 {
		t.Errorf("journal goes from %d to %d, want 21 to 31", z.JournalFrom, z.Version)
	}
	for _, table := range []store.Table{store.TableJournal, store.TableRequests} {
		if n := len(rows(t, d, table, everything)); n != 10 {
			t.Errorf("table %v has %d rows, want 10", table, n)
		}
	}
	none := func(store.JournalEntry) error { return nil }
	wantErr(t, "journal that was dropped", st.Journal(ctx, apex, 20, none), store.ErrGone)
	if err := st.Journal(ctx, apex, 21, none); err != nil {
		t.Errorf("journal that is kept: %v", err)
	}
}
