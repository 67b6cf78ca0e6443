package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Followers who begin at different times miss no change of concurrent writers.
func testEvents(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	zones := []rr.Name{apex, other, name("a.example.org")}
	for _, zone := range zones {
		create(t, st, zone, soa(zone, 1))
	}
	const writers, steps = 6, 25
	done := make(chan struct{})
	var followers, writing sync.WaitGroup
	for range 2 {
		followers.Go(func() { follow(t, st, zones, done) })
	}
	for w := range writers {
		writing.Go(func() {
			for i := range steps {
				zone := zones[(w+i)%len(zones)]
				_, err := st.Change(ctx, zone, []store.Change{store.Put(a(name("w%d.%v", w, zone), 1, uint32(i)))}, store.WriteOptions{})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	followers.Go(func() {
		time.Sleep(time.Millisecond)
		follow(t, st, zones, done)
	})
	writing.Wait()
	close(done)
	followers.Wait()
	total := uint64(0)
	for _, zone := range zones {
		z, _ := load(t, st, zone)
		total += z.Version - 1
	}
	if total != writers*steps {
		t.Errorf("%d versions were made of %d changes", total, writers*steps)
	}
}

// follow keeps copies of zones by the change log alone until done, then compares.
func follow(t *testing.T, st *store.Store, zones []rr.Name, done chan struct{}) {
	cursor, err := st.Head(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	copies := map[rr.Key]*copyOf{}
	seen := map[rr.Key]uint64{}
	for _, zone := range zones {
		copies[zone.Key()] = &copyOf{}
		copies[zone.Key()].reload(t, st, zone)
	}
	for last := false; ; {
		events, next, err := st.Changes(ctx, cursor, 7)
		if err != nil {
			t.Error(err)
			return
		}
		cursor = next
		for _, e := range events {
			if e.Kind != store.EventZone || seen[e.Zone.Key()] != 0 && e.Version != seen[e.Zone.Key()]+1 {
				t.Errorf("event %+v after version %d", e, seen[e.Zone.Key()])
			}
			seen[e.Zone.Key()] = e.Version
			if c := copies[e.Zone.Key()]; c.version < e.Version {
				c.follow(t, st, e.Zone)
			}
		}
		if len(events) > 0 {
			continue
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true
		default:
			time.Sleep(time.Millisecond)
		}
	}
	for _, zone := range zones {
		copies[zone.Key()].compare(t, st, zone)
		if n := copies[zone.Key()].reloads; n != 1 {
			t.Errorf("zone %v was loaded %d times, want 1", zone, n)
		}
	}
}

func testCursor(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	foreign, _ := s.open(t, store.Options{})
	start, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	create(t, st, apex, soa(apex, 1))
	change(t, st, apex, store.Put(a(apex, 1, 1)))
	if _, err := st.PutGuest(ctx, "guest", []byte("module")); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "guest"}); err != nil {
		t.Fatal(err)
	}
	if err := st.Detach(ctx, apex, apex, store.ScopeSubtree); err != nil {
		t.Fatal(err)
	}
	if err := st.DeleteZone(ctx, apex, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	cursor := start
	for range 10 {
		parsed, err := store.ParseCursor(cursor.String())
		if err != nil || parsed != cursor {
			t.Fatalf("cursor %v is read as %v, %v", cursor, parsed, err)
		}
		events, next, err := st.Changes(ctx, parsed, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if time.Since(e.Time) > time.Minute || time.Since(e.Committed).Abs() > time.Minute {
				t.Errorf("event of %v, committed at %v", e.Time, e.Committed)
			}
			got = append(got, fmt.Sprintln(e.Kind, e.Zone, e.Guest, e.Version))
		}
		cursor = next
	}
	want := []string{
		fmt.Sprintln(store.EventZone, apex, "", 1), fmt.Sprintln(store.EventZone, apex, "", 2), fmt.Sprintln(store.EventGuest, rr.Name{}, "guest", 1),
		fmt.Sprintln(store.EventAttachments, apex, "", 0), fmt.Sprintln(store.EventAttachments, apex, "", 0), fmt.Sprintln(store.EventZoneDeleted, apex, "", 3),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events: got\n%v\nwant\n%v", got, want)
	}
	_, _, err = foreign.Changes(ctx, cursor, 1)
	wantErr(t, "cursor of another store", err, store.ErrForeign)
	_, _, err = st.Changes(ctx, store.Cursor{}, 1)
	wantErr(t, "zero cursor", err, store.ErrGone)
	_, _, err = st.Changes(ctx, cursor, 0)
	wantErr(t, "limit 0", err, store.ErrInvalid)
	_, err = store.ParseCursor("nonsense")
	wantErr(t, "cursor of nonsense", err, store.ErrInvalid)
}

func testWatch(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	watched, cancel := context.WithCancel(ctx)
	ch := st.Watch(watched)
	awake := func() bool {
		select {
		case <-ch:
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	}
	create(t, st, apex, soa(apex, 1))
	change(t, st, apex, store.Put(a(apex, 1, 1)))
	if !awake() {
		t.Error("no token after changes")
	}
	change(t, st, apex, store.Put(a(apex, 1, 1)))
	if awake() {
		t.Error("a token where nothing was changed")
	}
	cancel()
	time.Sleep(10 * time.Millisecond)
	change(t, st, apex, store.Put(a(apex, 1, 2)))
	if awake() {
		t.Error("a token after the watch ended")
	}
}

// Readers see whole versions, whatever writers do: every set of the zone has the
// same address, and the SOA the zone's serial.
func testIsolation(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	const names = 20
	content := func(serial, value uint32) []rr.Set {
		sets := []rr.Set{soa(apex, serial)}
		for i := range names {
			sets = append(sets, a(name("h%d.example.org", i), 1, value))
		}
		return sets
	}
	create(t, st, apex, content(1, 0)...)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			last := uint64(0)
			for {
				last = wholeVersion(t, st, names, last)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range uint32(60) {
		z, err := st.Zone(ctx, apex)
		if err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			if _, err := replace(st, content(z.Serial+1, i+1), store.ReplaceOptions{}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var changes []store.Change
		for _, set := range content(0, i+1)[1:] {
			changes = append(changes, store.Put(set))
		}
		change(t, st, apex, changes...)
	}
	close(done)
	readers.Wait()
}

func wholeVersion(t *testing.T, st *store.Store, names int, last uint64) uint64 {
	err := st.LoadZone(ctx, apex, func(z store.Zone, sets iter.Seq2[rr.Set, error]) error {
		if z.Version < last {
			t.Errorf("version %d after %d", z.Version, last)
		}
		last = z.Version
		values := map[rr.Rdata]int{}
		for set, err := range sets {
			switch {
			case err != nil:
				return err
			case set.Type == rr.TypeSOA:
				if text(set) != text(soa(apex, z.Serial)) {
					t.Errorf("version %d: SOA is not that of serial %d", z.Version, z.Serial)
				}
			default:
				values[set.Data[0]]++
			}
		}
		if len(values) != 1 {
			t.Errorf("version %d is a mixture: %v", z.Version, values)
		}
		for _, n := range values {
			if n != names {
				t.Errorf("version %d has %d sets, want %d", z.Version, n, names)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return last
}

// Writers who share a transaction do not share errors, nor does one whose
// context ends take others along.
func testGroup(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, soa(apex, 1))
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			owner := name("h%d.example.org", i)
			switch i % 4 {
			case 0:
				_, err := st.Change(ctx, apex, []store.Change{store.Put(a(owner, 1, 1)), store.Put(cname(owner, other))}, store.WriteOptions{})
				wantErr(t, "a bad change", err, store.ErrInvalid)
			case 1:
				ended, cancel := context.WithCancel(ctx)
				cancel()
				_, err := st.Change(ended, apex, []store.Change{store.Put(a(owner, 1, 1))}, store.WriteOptions{})
				wantErr(t, "a change whose context has ended", err, context.Canceled)
			default:
				if _, err := st.Change(ctx, apex, []store.Change{store.Put(a(owner, 1, 1))}, store.WriteOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if z, sets := load(t, st, apex); z.Version != 21 || len(sets) != 21 || z.Serial != 21 {
		t.Errorf("version %d, serial %d, %d sets; want 21 of each", z.Version, z.Serial, len(sets))
	}
}

func testClose(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, soa(apex, 1))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := st.Change(ctx, apex, []store.Change{store.Put(a(name("h%d.example.org", i), 1, 1))}, store.WriteOptions{})
			if err != nil && !errors.Is(err, store.ErrClosed) {
				t.Errorf("change while the store is closed: %v", err)
			}
		})
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	_, err := st.Zone(ctx, apex)
	wantErr(t, "read after Close", err, store.ErrClosed)
	_, err = st.Change(ctx, apex, nil, store.WriteOptions{})
	wantErr(t, "change after Close", err, store.ErrClosed)
	wantErr(t, "second Close", st.Close(), store.ErrClosed)
}
