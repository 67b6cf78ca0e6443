package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

func testChange(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, soa(apex, 1))
	www, mail := name("www.example.org"), name("mail.example.org")

	change(t, st, apex, store.Put(a(www, 60, 2, 1, 2)), store.Put(txt(mail, "m")))
	want(t, st, apex, txt(mail, "m"), a(www, 60, 1, 2))

	change(t, st, apex, store.Put(a(www, 61, 3)), store.Put(txt(www, "w")), store.Delete(mail, rr.TypeTXT))
	want(t, st, apex, a(www, 61, 3), txt(www, "w"))

	// A later change sees the earlier one; the letter case of an owner is kept.
	change(t, st, apex, store.Delete(www, rr.TypeANY), store.Put(cname(name("WWW.example.org"), mail)))
	want(t, st, apex, cname(name("WWW.example.org"), mail))
	change(t, st, apex, store.Delete(www, rr.TypeCNAME), store.Put(a(www, 1, 1)), store.Put(a(www, 1, 2)))
	want(t, st, apex, a(www, 1, 2))

	ns := rr.Set{Name: apex, Type: rr.TypeNS, TTL: 9, Data: []rr.Rdata{mail.Wire()}}
	change(t, st, apex, store.Put(ns), store.Put(txt(apex, "gone")), store.Delete(apex, rr.TypeANY))
	z := want(t, st, apex, ns, a(www, 1, 2))
	if z.Version != 6 || z.Serial != 6 {
		t.Errorf("after five changes version is %d and serial %d, want 6 and 6", z.Version, z.Serial)
	}
}

func testChangeRefusals(t *testing.T, s *suite) {
	refused := errors.New("refused by the caller")
	st, _ := s.open(t, store.Options{Check: func(_ rr.Name, set rr.Set) error {
		if set.Name.Label() == "refused" {
			return refused
		}
		return nil
	}})
	www := name("www.example.org")
	create(t, st, apex, soa(apex, 10), cname(www, other))
	good := store.Put(a(name("good.example.org"), 1, 1))
	tests := []struct {
		name   string
		change store.Change
		want   error
	}{
		{"CNAME beside", store.Put(a(www, 1, 1)), store.ErrInvalid},
		{"CNAME at the apex", store.Put(cname(apex, other)), store.ErrInvalid},
		{"no SOA left", store.Delete(apex, rr.TypeSOA), store.ErrInvalid},
		{"lower serial", store.Put(soa(apex, 9)), store.ErrSerialLower},
		{"out of zone", store.Put(a(other, 1, 1)), store.ErrInvalid},
		{"delete out of zone", store.Delete(other, rr.TypeA), store.ErrInvalid},
		{"signature", store.Put(rrsig(www, 1, rr.TypeA, "s")), store.ErrInvalid},
		{"put of ANY", store.Put(rr.Set{Name: www, Type: rr.TypeANY}), store.ErrInvalid},
		{"empty", store.Put(rr.Set{Name: www, Type: rr.TypeA}), store.ErrInvalid},
		{"no name", store.Change{}, store.ErrInvalid},
		{"the caller's check", store.Put(a(name("refused.example.org"), 1, 1)), refused},
	}
	for _, test := range tests {
		_, err := st.Change(ctx, apex, []store.Change{good, test.change}, store.WriteOptions{})
		wantErr(t, test.name, err, test.want)
	}
	_, err := st.Change(ctx, other, []store.Change{store.Put(a(other, 1, 1))}, store.WriteOptions{})
	wantErr(t, "no such zone", err, store.ErrNotFound)
	_, err = st.Change(ctx, apex, make([]store.Change, store.MaxChanges+1), store.WriteOptions{})
	wantErr(t, "too many", err, store.ErrTooLarge)
	if z := want(t, st, apex, cname(www, other)); z.Version != 1 {
		t.Errorf("refused changes made version %d", z.Version)
	}
}

func testNoChange(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	www := name("www.example.org")
	create(t, st, apex, soa(apex, 1), a(www, 60, 1, 2))
	head, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, changes := range [][]store.Change{
		nil,
		{store.Put(a(www, 60, 2, 1))},
		{store.Put(soa(apex, 1))},
		{store.Delete(name("none.example.org"), rr.TypeANY), store.Delete(www, rr.TypeAAAA)},
		{store.Delete(www, rr.TypeA), store.Put(a(www, 60, 1, 2))},
	} {
		res, err := st.Change(ctx, apex, changes, store.WriteOptions{})
		if err != nil || res.Changed || res.Version != 1 {
			t.Errorf("%v: %+v, %v; want version 1, unchanged", changes, res, err)
		}
	}
	res, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence([]rr.Set{a(www, 60, 2), a(www, 61, 1), soa(apex, 1)}), store.ReplaceOptions{})
	if err != nil || res.Changed || res.Version != 1 {
		t.Errorf("ReplaceZone by the same: %+v, %v", res, err)
	}
	if events, _, err := st.Changes(ctx, head, 10); err != nil || len(events) != 0 {
		t.Errorf("no change was logged as %v, %v", events, err)
	}
}

func testSerial(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, soa(apex, 1<<32-3))
	step := uint32(0)
	next := func(want uint32, changes ...store.Change) {
		t.Helper()
		step++
		z := change(t, st, apex, append(changes, store.Put(a(name("n.example.org"), 1, step)))...)
		if z.Serial != want {
			t.Errorf("step %d: serial is %d, want %d", step, z.Serial, want)
		}
	}
	next(1<<32 - 2)
	next(1<<32 - 1)
	next(1) // 0 is passed over
	next(2)
	next(1000, store.Put(soa(apex, 1000)))
	next(1001, store.Put(soa(apex, 1000))) // the zone's own serial: one more
	next(1001+1<<31-1, store.Put(soa(apex, 1001+1<<31-1)))
	_, err := st.Change(ctx, apex, []store.Change{store.Put(soa(apex, 1000))}, store.WriteOptions{})
	wantErr(t, "serial half the circle away", err, store.ErrSerialLower)
	var serial *store.SerialError
	if !errors.As(err, &serial) || serial.Have != 1001+1<<31-1 {
		t.Errorf("error is %#v", err)
	}
	z := want(t, st, apex, a(name("n.example.org"), 1, step))
	if z.Version != uint64(step)+1 {
		t.Errorf("version is %d after %d changes", z.Version, step)
	}
}

// Counters that are raised by reading and comparing versions lose no step.
func testIfVersion(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	owner := name("n.example.org")
	create(t, st, apex, soa(apex, 1), a(owner, 1, 0))
	const workers, steps = 4, 15
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for done := 0; done < steps; {
				z, sets, err := st.Sets(ctx, apex, owner)
				if err != nil {
					t.Error(err)
					return
				}
				n := sets[0].Data[0]
				value := uint32(n[2])<<8 + uint32(n[3]) + 1
				_, err = st.Change(ctx, apex, []store.Change{store.Put(a(owner, 1, value))}, store.WriteOptions{IfVersion: z.Version})
				var conflict *store.VersionError
				switch {
				case err == nil:
					done++
				case !errors.As(err, &conflict) || conflict.Want != z.Version || conflict.Have <= z.Version:
					t.Errorf("change if at version %d: %v", z.Version, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if z := want(t, st, apex, a(owner, 1, workers*steps)); z.Version != workers*steps+1 {
		t.Errorf("version is %d", z.Version)
	}
}

// A request that is repeated, even while it is on its way, is done once.
func testRequestID(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, soa(apex, 1))
	results := make([]store.Result, 20)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			id := fmt.Sprintf("request %d", i/4)
			var err error
			// The values differ, so doing one again would show.
			results[i], err = st.Change(ctx, apex, []store.Change{store.Put(a(name("n%d.example.org", i/4), 1, uint32(i)))}, store.WriteOptions{RequestID: id})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	changed := 0
	for i, res := range results {
		if res.Changed {
			changed++
		}
		if res.Version != results[i/4*4].Version {
			t.Errorf("request %d has version %d and %d", i/4, res.Version, results[i/4*4].Version)
		}
	}
	if z, _ := load(t, st, apex); changed != 5 || z.Version != 6 {
		t.Errorf("%d requests were done, version is %d; want 5 and 6", changed, z.Version)
	}
	_, err := st.Change(ctx, apex, nil, store.WriteOptions{RequestID: string(make([]byte, 129))})
	wantErr(t, "long request id", err, store.ErrInvalid)
}

func testSigned(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	www := name("www.example.org")
	both := rrsig(www, 20, rr.TypeA, "a")
	both.Data = append(both.Data, rrsig(www, 20, rr.TypeTXT, "t").Data...)
	z := create(t, st, apex, soa(apex, 1), rrsig(apex, 10, rr.TypeSOA, "soa"), a(www, 20, 1), txt(www, "t"), both)
	if !z.Signed {
		t.Errorf("zone with an RRSIG over its SOA: %+v", z)
	}
	want(t, st, apex, rrsig(apex, 10, rr.TypeSOA, "soa"), a(www, 20, 1), txt(www, "t"), rrsig(www, 20, rr.TypeA, "a"), rrsig(www, 20, rr.TypeTXT, "t"))
	_, err := st.Change(ctx, apex, []store.Change{store.Put(a(www, 1, 2))}, store.WriteOptions{})
	wantErr(t, "change of a signed zone", err, store.ErrSigned)

	// Effects speak of all signatures of a name at once.
	_, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence([]rr.Set{
		soa(apex, 2), rrsig(apex, 10, rr.TypeSOA, "soa 2"), a(www, 20, 2), rrsig(www, 20, rr.TypeA, "a 2"), txt(www, "t"), rrsig(www, 20, rr.TypeTXT, "t"),
	}), store.ReplaceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := func(owner rr.Name) rr.Set {
		if owner.Equal(www) {
			return both
		}
		return rrsig(apex, 10, rr.TypeSOA, "soa")
	}
	left := rrsig(www, 20, rr.TypeTXT, "t")
	left.Data = append(left.Data, rrsig(www, 20, rr.TypeA, "a 2").Data...)
	wanted := []string{text(soa(apex, 2)), text(rrsig(apex, 10, rr.TypeSOA, "soa 2")), text(a(www, 20, 2)), text(left)}
	err = st.Journal(ctx, apex, 1, func(e store.JournalEntry) error {
		if got := texts(e.Effects(before)); fmt.Sprint(got) != fmt.Sprint(wanted) {
			t.Errorf("effects: got %q, want %q", got, wanted)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	res, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence([]rr.Set{soa(apex, 3), a(www, 20, 2)}), store.ReplaceOptions{})
	if err != nil || res.Zone.Signed {
		t.Errorf("zone without signatures: %+v, %v", res, err)
	}
	change(t, st, apex, store.Put(a(www, 1, 2)))
}
