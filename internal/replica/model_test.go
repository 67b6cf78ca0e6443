package replica_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// operationsEnv is how many operations TestModel does; CONTRIBUTING.md says when.
const operationsEnv = "NAMELET_TEST_OPERATIONS"

const (
	modelZones   = 3
	modelWriters = 4   // of each zone, every one with names of its own
	modelNames   = 150 // of each writer in a zone
)

// TestModel lets writers, deleters and importers work on a store through stores of
// their own, while three replicas follow it: one in peace, one whose store comes and
// goes, one that is started anew from its mirror. In the end each has what a plain
// map has.
func TestModel(t *testing.T) {
	operations := 6000
	if testing.Short() {
		operations = 1500
	}
	if text := os.Getenv(operationsEnv); text != "" {
		var err error
		if operations, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", operationsEnv, err)
		}
	}
	shared := memory.New()
	checkModel(t, shared, func(store.Driver) store.Driver { return shared }, operations)
}

// checkModel does so over a driver, of which open gives each Store its own.
func checkModel(t *testing.T, shared store.Driver, open func(store.Driver) store.Driver, operations int) {
	seed := rand.Uint64()
	t.Logf("seed %d, %d operations", seed, operations)
	m := newModel(t, seed, func() store.Driver { return &faulty{under: open(shared)} })

	calm := m.rig()
	calm.follow(replica.Config{Store: m.store(&faulty{under: open(shared)})})
	cut := &faulty{under: open(shared)}
	shaky := m.rig()
	shaky.follow(replica.Config{Store: m.store(cut)})
	anew := &mirrored{rig: m.rig(), faulty: &faulty{under: open(shared)}, path: filepath.Join(t.TempDir(), "mirror.db")}
	anew.start()

	stop := make(chan struct{})
	var trouble sync.WaitGroup
	trouble.Go(func() { disturb(cut, seed, stop) })
	for part := range 3 {
		if part > 0 {
			anew.restart()
		}
		m.run(operations / 3)
	}
	close(stop)
	trouble.Wait()
	for what, r := range map[string]*rig{"the calm replica": calm, "the one whose store came and went": shaky, "the one with a mirror": anew.rig} {
		m.expect(what, r)
	}
	if !t.Failed() {
		t.Logf("%d changes, %d imports, %d deletions of zones", m.changes.Load(), m.imports.Load(), m.deletions.Load())
	}
}

// disturb cuts a store off now and then, for moments.
func disturb(f *faulty, seed uint64, stop chan struct{}) {
	random := rand.New(rand.NewPCG(seed, 99))
	for {
		fault := fails
		if random.IntN(2) == 0 {
			fault = hangs
		}
		for _, phase := range []bool{false, true} {
			f.set(nil)
			if phase {
				f.set(fault)
			}
			select {
			case <-stop:
				f.set(nil)
				return
			case <-time.After(time.Duration(50+random.IntN(400)) * time.Millisecond):
			}
		}
	}
}

// model is what a store should have.
type model struct {
	t     *testing.T
	seed  uint64
	round uint64
	zones []*modelZone
	names map[string]bool // all that there ever was; filled before the writers begin

	changes, imports, deletions atomic.Int64
	stores                      []*store.Store // of the writers
}

// modelZone is a zone. Writers hold it for reading, whoever replaces or deletes it
// for writing.
type modelZone struct {
	mu      sync.RWMutex
	spec    store.ZoneSpec
	there   bool
	serial  int
	writers [modelWriters]map[string]string // text by name, each of one writer
}

func newModel(t *testing.T, seed uint64, open func() store.Driver) *model {
	m := &model{t: t, seed: seed, names: map[string]bool{}}
	for i := range modelZones {
		z := &modelZone{spec: store.ZoneSpec{Name: name(fmt.Sprintf("z%d.example", i))}, serial: 1}
		for w := range z.writers {
			z.writers[w] = map[string]string{}
			for n := range modelNames {
				m.names[modelName(z, w, n)] = true
			}
		}
		m.zones = append(m.zones, z)
	}
	for range modelWriters {
		s := m.store(open())
		t.Cleanup(func() { s.Close() })
		m.stores = append(m.stores, s)
	}
	return m
}

// modelName gives names at several depths.
func modelName(z *modelZone, writer, n int) string {
	owner := fmt.Sprintf("n%d-%d.", n, writer)
	if n%3 == 0 {
		owner += fmt.Sprintf("sub%d.", n%7)
	}
	return owner + strings.TrimSuffix(z.spec.Name.String(), ".")
}

func (m *model) store(d store.Driver) *store.Store {
	m.t.Helper()
	s, err := store.New(m.t.Context(), d, store.Options{JournalVersions: 500})
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

func (m *model) rig() *rig { return &rig{t: m.t} }

// run lets the writers do so many operations together.
func (m *model) run(operations int) {
	m.round++
	var left atomic.Int64
	left.Store(int64(operations))
	var writers sync.WaitGroup
	for w := range modelWriters {
		random := rand.New(rand.NewPCG(m.seed, m.round<<8|uint64(w)))
		writers.Go(func() {
			for left.Add(-1) >= 0 && !m.t.Failed() {
				z := m.zones[random.IntN(len(m.zones))]
				switch n := random.IntN(400); {
				case n == 0:
					m.remove(z, w)
				case n < 6 || !m.change(z, w, random): // where the zone is not there it is made
					m.replace(z, w, random)
				}
			}
		})
	}
	writers.Wait()
}

// change puts and deletes some names of the writer's in one version; false where the
// zone is not there.
func (m *model) change(z *modelZone, w int, random *rand.Rand) bool {
	z.mu.RLock()
	defer z.mu.RUnlock()
	if !z.there {
		return false
	}
	after := maps.Clone(z.writers[w])
	var changes []store.Change
	for range 1 + random.IntN(4) {
		owner := modelName(z, w, random.IntN(modelNames))
		if random.IntN(3) == 0 {
			delete(after, owner)
			changes = append(changes, store.Delete(name(owner), rr.TypeTXT))
			continue
		}
		text := strconv.Itoa(random.IntN(1 << 20))
		after[owner] = text
		changes = append(changes, store.Put(txtSet(owner, text)))
	}
	if _, err := m.stores[w].Change(m.t.Context(), z.spec.Name, changes, store.WriteOptions{}); err != nil {
		m.t.Error(err)
		return true
	}
	z.writers[w] = after
	m.changes.Add(1)
	return true
}

// replace imports the zone: much the same, or something else altogether.
func (m *model) replace(z *modelZone, w int, random *rand.Rand) {
	z.mu.Lock()
	defer z.mu.Unlock()
	all := random.IntN(4) == 0
	z.serial += 1_000_000 // above what changes made of it
	apex := strings.TrimSuffix(z.spec.Name.String(), ".")
	sets := parseZone(m.t, apex, fmt.Sprintf(head, apex, z.serial))
	var after [modelWriters]map[string]string
	for i, texts := range z.writers {
		after[i] = maps.Clone(texts)
		for n := range modelNames {
			switch owner := modelName(z, i, n); {
			case all && random.IntN(2) == 0:
				delete(after[i], owner)
			case all || random.IntN(20) == 0:
				after[i][owner] = strconv.Itoa(random.IntN(1 << 20))
			}
		}
		for owner, text := range after[i] {
			sets = append(sets, txtSet(owner, text))
		}
	}
	if _, err := m.stores[w].ReplaceZone(m.t.Context(), z.spec, store.Sequence(sets), store.ReplaceOptions{}); err != nil {
		m.t.Error(err)
		return
	}
	z.writers, z.there = after, true
	m.imports.Add(1)
}

func (m *model) remove(z *modelZone, w int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	err := m.stores[w].DeleteZone(m.t.Context(), z.spec.Name, store.WriteOptions{})
	if errors.Is(err, store.ErrNotFound) && !z.there {
		return
	}
	if err != nil || !z.there {
		m.t.Errorf("deleting zone %v, which is there: %v: %v", z.spec.Name, z.there, err)
		return
	}
	for w := range z.writers {
		z.writers[w] = map[string]string{}
	}
	z.there = false
	m.deletions.Add(1)
}

// expect waits until a replica has what the model has, and nothing else.
func (m *model) expect(what string, r *rig) {
	m.t.Helper()
	count, texts, zones := 0, map[string]string{}, 0
	for _, z := range m.zones {
		if !z.there {
			continue
		}
		zones++
		count += 2 // the apex and the name server
		for _, own := range z.writers {
			count += len(own)
			maps.Copy(texts, own)
		}
	}
	var last string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if s := r.replica.Status(); s.State != replica.Following || s.Names != count || s.Zones != zones || len(s.Problems) > 0 {
			last = fmt.Sprintf("got %d names in %d zones, want %d in %d: %+v", s.Names, s.Zones, count, zones, s)
			continue
		}
		if last = m.differs(r, texts); last == "" {
			return
		}
	}
	m.t.Errorf("%s: %s", what, last)
}

// differs asks for every name, and says where the answer is not the model's.
func (m *model) differs(r *rig, texts map[string]string) string {
	for _, owner := range slices.Sorted(maps.Keys(m.names)) {
		got := r.ask(owner)
		text, there := texts[owner]
		want := fmt.Sprintf("NOERROR %q", text)
		if there && got != want || !there && strings.HasPrefix(got, `NOERROR "`) {
			return fmt.Sprintf("%s: got %s, want %s (there: %v)", owner, got, want, there)
		}
	}
	return ""
}
