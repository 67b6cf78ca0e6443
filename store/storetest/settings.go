package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Settings are set without touching content, kept by an import that says nothing
// of them, and read back by whoever opens the store again.
func testSetZone(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 5, 3)...)
	head, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	settings := store.ZoneSettings{Serial: store.SerialDate, MaxStale: 36 * time.Hour, Residency: store.ResidencyLookup, IgnoreClientSubnet: true}
	set := func(z *store.ZoneSpec) error {
		z.ZoneSettings, z.Fallback, z.Name = settings, store.FallbackServFail, other
		return nil
	}
	res, err := st.SetZone(ctx, apex, set, store.WriteOptions{IfVersion: 1, RequestID: "set"})
	if err != nil || !res.Changed || res.Version != 2 || res.Zone.Serial != 5 {
		t.Fatalf("SetZone: %+v, %v", res, err)
	}
	for what, o := range map[string]store.WriteOptions{"the same again": {}, "the same request": {RequestID: "set"}} {
		if res, err := st.SetZone(ctx, apex, set, o); err != nil || res.Changed || res.Version != 2 {
			t.Errorf("%s: %+v, %v", what, res, err)
		}
	}
	if events, _, err := st.Changes(ctx, head, 10); err != nil || len(events) != 1 || events[0].Kind != store.EventZone || events[0].Version != 2 {
		t.Errorf("settings were announced as %+v, %v", events, err)
	}
	kept := func(*store.ZoneSpec) error { return nil }
	res, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(plain(apex, 6, 2)), store.ReplaceOptions{Edit: kept})
	if err != nil || res.Version != 3 {
		t.Fatalf("import: %+v, %v", res, err)
	}
	if s.durable {
		st, _ = s.reopen(t, st, d)
	}
	z := want(t, st, apex, plain(apex, 6, 2)[1:]...)
	if z.ZoneSettings != settings || z.Fallback != store.FallbackServFail || !z.Name.Equal(apex) || z.Private {
		t.Errorf("settings came back as %+v", z)
	}
	settings = store.ZoneSettings{}
	if res, err := st.SetZone(ctx, apex, set, store.WriteOptions{}); err != nil || res.Zone.ZoneSettings != settings || res.Version != 4 {
		t.Errorf("back to the defaults: %+v, %v", res, err)
	}
	refuseSettings(t, st)
}

func refuseSettings(t *testing.T, st *store.Store) {
	signed := name("signed.example")
	create(t, st, signed, soa(signed, 1), rrsig(signed, 1, rr.TypeSOA, "s"))
	unread := store.ZoneSpec{Name: other, ZoneSettings: store.ZoneSettings{Residency: store.ResidencyLookup}}
	_, err := st.CreateZone(ctx, unread, store.Sequence([]rr.Set{soa(other, 1), rrsig(other, 1, rr.TypeSOA, "s")}))
	wantErr(t, "a new signed zone with residency lookup", err, store.ErrUnsupported)
	boom := errors.New("boom")
	for _, test := range []struct {
		name string
		zone rr.Name
		edit func(*store.ZoneSpec) error
		o    store.WriteOptions
		want error
	}{
		{"no such zone", other, func(*store.ZoneSpec) error { return nil }, store.WriteOptions{}, store.ErrNotFound},
		{"another version", apex, func(*store.ZoneSpec) error { return nil }, store.WriteOptions{IfVersion: 9}, store.ErrVersionConflict},
		{"error of the caller", apex, func(*store.ZoneSpec) error { return boom }, store.WriteOptions{}, boom},
		{"serial style", apex, func(z *store.ZoneSpec) error { z.ZoneSettings.Serial = 9; return nil }, store.WriteOptions{}, store.ErrInvalid},
		{"residency", apex, func(z *store.ZoneSpec) error { z.Residency = 9; return nil }, store.WriteOptions{}, store.ErrInvalid},
		{"residency of a signed zone", name("signed.example"), func(z *store.ZoneSpec) error { z.Residency = store.ResidencyLookup; return nil }, store.WriteOptions{}, store.ErrUnsupported},
		{"max stale below 0", apex, func(z *store.ZoneSpec) error { z.MaxStale = -1; return nil }, store.WriteOptions{}, store.ErrInvalid},
		{"max stale of a century", apex, func(z *store.ZoneSpec) error { z.MaxStale = 876000 * time.Hour; return nil }, store.WriteOptions{}, store.ErrInvalid},
		{"max stale of a nanosecond", apex, func(z *store.ZoneSpec) error { z.MaxStale = 1; return nil }, store.WriteOptions{}, store.ErrInvalid},
	} {
		before, err := st.Zone(ctx, apex)
		if err != nil {
			t.Fatal(err)
		}
		_, err = st.SetZone(ctx, test.zone, test.edit, test.o)
		wantErr(t, test.name, err, test.want)
		if after, err := st.Zone(ctx, apex); err != nil || after != before {
			t.Errorf("%s: zone is %+v, was %+v, %v", test.name, after, before, err)
		}
	}
}

// The serial follows the style, in the zone, its SOA and its journal; the styles
// never take it back.
func testSerialStyles(t *testing.T, s *suite) {
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	st, _ := s.open(t, store.Options{Now: func() time.Time { return now }})
	create(t, st, apex, soa(apex, 1))
	style := func(style store.SerialStyle) {
		t.Helper()
		_, err := st.SetZone(ctx, apex, func(z *store.ZoneSpec) error { z.ZoneSettings.Serial = style; return nil }, store.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	step := uint32(0)
	next := func(serial uint32, changes ...store.Change) {
		t.Helper()
		step++
		host := a(name("n.example.org"), 1, step)
		change(t, st, apex, append(changes, store.Put(host))...)
		if z := want(t, st, apex, host); z.Serial != serial {
			t.Errorf("step %d: serial is %d, want %d", step, z.Serial, serial)
		}
	}
	style(store.SerialDate)
	next(2026030900)
	next(2026030901)
	next(2026030999, store.Put(soa(apex, 2026030999)))
	next(2026031000)
	now = now.Add(24 * time.Hour)
	next(2026031001)
	now = now.Add(24 * time.Hour)
	next(2026031100)
	style(store.SerialUnix)
	next(2026031101) // the seconds are fewer
	next(4000000000, store.Put(soa(apex, 4000000000)))
	next(1<<32-1, store.Put(soa(apex, 1<<32-1)))
	next(uint32(now.Unix())) // the wrap has them ahead
	next(uint32(now.Unix()) + 1)
	now = now.Add(time.Minute)
	next(uint32(now.Unix()))
	style(store.SerialIncrement)
	next(uint32(now.Unix()) + 1)
	serial, version := uint32(1), uint64(2)
	err := st.Journal(ctx, apex, 1, func(e store.JournalEntry) error {
		if e.Version != version || e.SerialBefore != serial {
			t.Errorf("journal: version %d from serial %d, want %d from %d", e.Version, e.SerialBefore, version, serial)
		}
		version, serial = version+1, e.SerialAfter
		return nil
	})
	if err != nil || serial != uint32(now.Unix())+1 {
		t.Errorf("the journal ends at serial %d, %v", serial, err)
	}
}
