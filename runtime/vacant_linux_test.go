package runtime

import (
	"bytes"
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/namelet/namelet/rr"
)

// configuredGuest is a statefulGuest whose count begins at the last byte of its configuration, and goes through a table.
var configuredGuest = fmt.Sprintf(statefulGuest, `(table 1 funcref)
	(elem (i32.const 0) $one)
	(func $one (result i32) (i32.const 1))
	(func (export "namelet_init") (param $length i32) (result i32)
		(i32.store8 (i32.const 0x2023) (i32.load8_u (i32.add (i32.const 0xfff) (local.get $length))))
		(i32.const 0))`,
	`(i32.store8 (i32.const 0x2023) (i32.add (i32.load8_u (i32.const 0x2023)) (call_indirect (result i32) (i32.const 0))))`)

// closed ends an instance and says what guest it had.
func closed(t testing.TB, i *Instance) *guest {
	t.Helper()
	g := i.guest
	if err := i.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return g
}

// configured gives a generation with a configuration.
func configured(t testing.TB, m *Module, value string) *Generation {
	t.Helper()
	return prepare(t, m, GenerationConfig{Values: map[string]string{"first": value}})
}

// A guest that was another's has that one's state, and nothing of it shows.
func TestVacantGuestIsAsNew(t *testing.T) {
	m := unloadable(t, watText(t, configuredGuest)).Module()
	one, other := configured(t, m, "1"), configured(t, m, "2")
	if !one.Copied() {
		t.Fatal("the guest's state is to be copied")
	}
	fresh := newInstance(t, other)
	want := append([]byte(nil), fresh.guest.mem.bytes...)
	first := lastByte(t, fresh)

	i := newInstance(t, one)
	for range 3 {
		if lastByte(t, i) == first {
			t.Fatal("both generations answer alike")
		}
	}
	left := closed(t, i)
	j := newInstance(t, other)
	if j.guest != left {
		t.Fatal("a guest that was vacant was not taken")
	}
	if !bytes.Equal(j.guest.mem.bytes, want) {
		t.Error("its memory is not that of its picture")
	}
	if got := lastByte(t, j); got != first {
		t.Errorf("answered %d, a new guest %d", got, first)
	}
	// What is undone after a fault is what it wrote itself.
	j.Reset()
	if got := lastByte(t, j); got != first {
		t.Errorf("put back, answered %d, a new guest %d", got, first)
	}
}

// One that has another limit, has grown, or failed is not taken.
func TestVacantGuestMustFit(t *testing.T) {
	m := unloadable(t, watText(t, configuredGuest)).Module()
	gen := configured(t, m, "1")
	for what, leave := range map[string]func() *Instance{
		"another limit": func() *Instance {
			small := prepare(t, m, GenerationConfig{Limits: Limits{MemoryPages: 3}})
			return newInstance(t, small)
		},
		"grown": func() *Instance {
			i := newInstance(t, gen)
			if _, ok := i.guest.module.Memory().Grow(1); !ok {
				t.Fatal("the memory does not grow")
			}
			return i
		},
		"failed": func() *Instance {
			i := newInstance(t, gen)
			i.Reset()
			return i
		},
	} {
		m.engine.vacancies.drop(context.Background(), m)
		left := closed(t, leave())
		if kept := len(m.engine.vacancies.guests) > 0; kept != (what == "another limit") {
			t.Errorf("%s: kept: %v", what, kept)
		}
		if i := newInstance(t, gen); i.guest == left {
			t.Errorf("%s: it was taken", what)
		}
	}
}

// deepGuest is a statefulGuest that calls itself thousands of times before it answers.
var deepGuest = fmt.Sprintf(statefulGuest, `(func $down (param $n i32) (result i32)
		(if (result i32) (local.get $n)
			(then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))
			(else (i32.const 0))))`, `(drop (call $down (i32.const 50000)))`)

// Of a guest that nobody has nothing is left but what the engine has of it: no native stack, which can be megabytes, and no
// picture, which nobody counts any more.
func TestVacantGuestLetsGo(t *testing.T) {
	gen := prepare(t, compile(t, newEngine(t, Config{}), watText(t, deepGuest)), GenerationConfig{})
	i := newInstance(t, gen)
	before := heap()
	lastByte(t, i)
	if grown := heap() - before; grown < 1<<20 {
		t.Fatalf("its native stack took %d bytes: the test shows nothing", grown)
	}
	if !showsPicture(t, i.guest.mem.bytes) {
		t.Fatal("its memory does not show a picture")
	}
	left := closed(t, i)
	if len(gen.Module().engine.vacancies.guests) != 1 {
		t.Fatal("the guest is not kept")
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("its native stack is kept: %d bytes", grown)
	}
	if showsPicture(t, left.mem.bytes) {
		t.Error("the picture that its memory showed is kept")
	}

	i, host := callbacksInstance(t)
	if err := i.Answer(question("d.example.org", rr.TypeA), DefaultFuel, host, new(Answer)); err != nil {
		t.Fatal(err)
	}
	sets := func(c *call) (n int) {
		for i := range c.lookups {
			n += len(c.lookups[i].Set.Data)
		}
		return n
	}
	if sets(i.guest.call) == 0 {
		t.Fatal("the guest found nothing")
	}
	if left := closed(t, i); sets(left.call) > 0 {
		t.Error("the sets that it looked up are kept")
	}
}

// heap is how many bytes of the heap are in use.
func heap() int64 {
	goruntime.GC()
	var stats goruntime.MemStats
	goruntime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// showsPicture reports whether the file of a picture is mapped where bytes begin.
func showsPicture(t *testing.T, bytes []byte) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("%08x-", uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
	for line := range strings.Lines(string(maps)) {
		if strings.HasPrefix(line, at) {
			return strings.Contains(line, "namelet-picture")
		}
	}
	return false
}

// Code goes although there are guests that nobody has, and they are bounded.
func TestVacantGuestsHoldNothing(t *testing.T) {
	gen := unloadable(t, watText(t, configuredGuest))
	m := gen.Module()
	vacant := &m.engine.vacancies
	var all []*Instance
	for range 3 + vacantMost/m.beside {
		all = append(all, newInstance(t, gen))
	}
	for _, i := range all {
		closed(t, i)
	}
	if vacant.bytes > vacantMost || int64(len(vacant.guests)) != vacantMost/m.beside {
		t.Errorf("%d bytes in %d guests, at most %d", vacant.bytes, len(vacant.guests), vacantMost)
	}
	if !m.Unload() {
		t.Fatal("the code stays for guests that nobody has")
	}
	if vacant.bytes != 0 || len(vacant.guests) != 0 {
		t.Errorf("%d bytes in %d guests are left, whose code is gone", vacant.bytes, len(vacant.guests))
	}
	if err := m.Hold(context.Background()); err != nil {
		t.Fatal(err)
	}
	i := newInstance(t, gen)
	m.Release()
	if err := m.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	closed(t, i)
	if len(vacant.guests) != 0 {
		t.Error("a guest was kept of a module that is closed")
	}
}

// Guests go from one to another while code comes and goes.
func TestVacantGuestsBesideEachOther(t *testing.T) {
	m := unloadable(t, watText(t, configuredGuest)).Module()
	var group sync.WaitGroup
	for w := range 4 {
		gen := configured(t, m, fmt.Sprint(w))
		group.Go(func() {
			want := byte(0)
			for n := range 200 {
				if err := m.Hold(context.Background()); err != nil {
					t.Error(err)
					return
				}
				i, err := gen.NewInstance(context.Background())
				m.Release()
				if err != nil {
					t.Error(err)
					return
				}
				got := lastByte(t, i)
				if n == 0 {
					want = got
				}
				if got != want {
					t.Errorf("answered %d, before %d", got, want)
				}
				closed(t, i)
				if n%20 == 0 {
					m.Unload()
				}
			}
		})
	}
	group.Wait()
}

// What a guest takes is counted that has little of a table, and what goes into it many times over.
func TestVacantGuestsOfManySegmentsAreCounted(t *testing.T) {
	elements := strings.Repeat("(elem (i32.const 0)"+strings.Repeat(" $f", 100)+")\n", 500)
	data := strings.Repeat(`(data (i32.const 0x3000) "x")`+"\n", 50_000)
	for what, declare := range map[string]string{
		"elements": "(table 100 funcref) (func $f)\n" + elements,
		"data":     `(func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))` + data,
	} {
		t.Run(what, func(t *testing.T) {
			gen := prepare(t, compile(t, newEngine(t, Config{}), watText(t, fmt.Sprintf(statefulGuest, declare, ""))), GenerationConfig{})
			m := gen.Module()
			all := make([]*Instance, 20)
			before := heap()
			for n := range all {
				all[n] = newInstance(t, gen)
			}
			each := (heap() - before) / int64(len(all))
			if counted := m.beside; counted < each || counted > 2*each+besideLeast {
				t.Errorf("counts with %d bytes, and takes %d", counted, each)
			}
		})
	}
}
