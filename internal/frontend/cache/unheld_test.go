package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// distant is a zone that is kept elsewhere: reads take time, in which it goes on.
type distant struct {
	slots *authority.Slots
	now   atomic.Pointer[authority.Snapshot] // what is kept there
	fails atomic.Bool
}

func (d *distant) Read(q authority.Question, names []rr.Name) (*authority.Snapshot, error) {
	if d.fails.Load() {
		return nil, fmt.Errorf("it is away")
	}
	if rand.IntN(4) == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	whole := d.now.Load()
	q.Name = q.Name.Clone()
	return authority.Gather(whole.Apex(), whole.Version(), d.slots, q, names, func(names []rr.Name) (authority.Around, error) {
		if rand.IntN(8) == 0 {
			time.Sleep(100 * time.Microsecond)
		}
		return around(whole, names), nil
	})
}

// around gives what a zone has at some names.
func around(whole *authority.Snapshot, names []rr.Name) (out authority.Around) {
	for _, name := range names {
		own, below := false, false
		for set := range whole.All() {
			if set.Name.Equal(name) {
				own = true
				out.Sets = append(out.Sets, set)
			}
			below = below || set.Name.IsSubdomainOf(name)
		}
		if !own && below {
			out.Inner = append(out.Inner, name)
		}
	}
	return out
}

// change makes a change there and in the world, and outdates what it concerns.
func (w *world) changeDistant(r *rand.Rand, d *distant, zones *authority.Zones, version uint64) *authority.Zones {
	whole := d.now.Load()
	set := drawSet(r, whole.Apex())
	_, had := whole.Get(set.Name, set.Type)
	if r.IntN(2) == 0 {
		set.Data = nil
	}
	next, err := whole.Apply(version, []authority.Change{set})
	if err != nil {
		return zones
	}
	zones = zones.With(&authority.Zone{Apex: whole.Apex(), Snapshot: next})
	w.mu.Lock()
	w.history = append(w.history, w.history[0].WithZones(zones))
	at := int64(len(w.history) - 1)
	w.mu.Unlock()
	w.started.Store(at)
	d.now.Store(next)
	edit := authority.Edit{Name: set.Name, Type: set.Type, CameOrWent: had != (set.Data != nil)}
	d.slots.Edited(whole.Apex(), version, []authority.Edit{edit})
	w.acked.Store(at)
	return zones
}

// What is answered from a zone that is not held, and kept, is always what it would
// answer if it were held, at some version between the question and the answer: the
// zone's own data, and its guests that look it up.
func TestUnheldIsAsHeld(t *testing.T) {
	changes := 1500
	if testing.Short() {
		changes = 500
	}
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 5))
		apex := apexes[0]
		d := &distant{slots: authority.NewSlots(10, 1)}
		d.now.Store(buildZone(t, r, apex, 1))
		rest := []*authority.Zone{
			{Apex: apexes[1], Snapshot: buildZone(t, r, apexes[1], 1)},
			{Apex: private, Private: true, Snapshot: buildZone(t, r, private, 1)},
		}
		held := authority.NewZones(append(slices.Clone(rest), &authority.Zone{Apex: apex, Snapshot: d.now.Load()}))
		w := &world{t: t}
		w.publish(routed(t, held, "first"), func() {})
		unheld := w.at(0).WithZones(authority.NewZones(append(slices.Clone(rest), &authority.Zone{Apex: apex, Source: d})))
		for n := range uint64(3) {
			a := newAsker(w, seed*100+n)
			a.resolver.SetRouting(context.Background(), unheld)
			a.worker = a.resolver.NewSlowWorker()
			w.askers = append(w.askers, a)
		}
		var group sync.WaitGroup
		for _, a := range w.askers {
			group.Go(func() {
				var resp resolve.Response
				for !w.done.Load() {
					if err := a.ask(&resp); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		zones := held
		for version := uint64(2); version < uint64(changes); version++ {
			zones = w.changeDistant(r, d, zones, version)
			time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
		}
		w.done.Store(true)
		group.Wait()
		for _, a := range w.askers {
			s := a.cache.Stats()
			t.Logf("%d checked, %d fetched, %+v", a.checked, a.fetched, s)
			if s.Hits*10 < uint64(a.checked) || s.Invalid == 0 || s.Nodes == 0 {
				t.Errorf("got %+v: too few hits, inputs or invalid answers to have tested anything", s)
			}
		}
	}
}
