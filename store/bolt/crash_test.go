package bolt

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// crashRounds is how often a crash test kills a writer: NAMELET_TEST_KILLS, which
// CONTRIBUTING.md speaks of.
func crashRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("NAMELET_TEST_KILLS")
	if text == "" {
		return 12
	}
	rounds, err := strconv.Atoi(text)
	if err != nil || rounds < 1 {
		t.Fatalf("NAMELET_TEST_KILLS: %q: want a number", text)
	}
	return rounds
}

// crashWriters change records at once, so that commits are shared.
const crashWriters = 16

// The zones of the crash test: one whose sets are changed one by one, one that is
// imported by its difference, and one that is imported beside.
var (
	changed = rr.MustParseName("changed.example")
	small   = rr.MustParseName("small.example")
	large   = rr.MustParseName("large.example")
	sizes   = map[rr.Name]int{small: 300, large: 17000}
)

// writeForever changes records and imports zones at once, and says so whenever
// the store has acknowledged something: zone, writer, number, version.
func writeForever(path string) error {
	st, err := openStore(path)
	if err != nil {
		return err
	}
	return writeAtOnce(st, func(err error) error { return err })
}

// writeCramped is writeForever where the file may grow little, or not at all (a
// limit on file sizes, EFBIG, stands for a disk without room): what finds no room
// is tried again, as if nothing had been done.
func writeCramped(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	used, err := usedBytes(path)
	if err != nil {
		return err
	}
	limit := used + rand.Uint64N(256<<10)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	st, err := openStore(path)
	if err != nil {
		return err
	}
	return writeAtOnce(st, func(err error) error {
		if !errors.Is(err, store.ErrFull) {
			return err
		}
		fmt.Println("full")
		time.Sleep(time.Millisecond)
		return nil
	})
}

// usedBytes is how far into the file pages are used; it may be longer.
func usedBytes(path string) (n uint64, err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return n, db.View(func(tx *bbolt.Tx) error { n = uint64(tx.Size()); return nil })
}

// writeAtOnce runs the writers until one fails with what again does not pass over.
func writeAtOnce(st *store.Store, again func(error) error) error {
	fmt.Println("ready")
	var mu sync.Mutex
	acknowledge := func(zone rr.Name, writer int, number uint32, version uint64) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("ack %v %d %d %d\n", zone, writer, number, version)
	}
	failed := make(chan error)
	for w := range crashWriters {
		go func() { failed <- changeForever(st, w, acknowledge, again) }()
	}
	for zone := range sizes {
		go func() { failed <- importForever(st, zone, acknowledge, again) }()
	}
	return <-failed
}

type acknowledge func(zone rr.Name, writer int, number uint32, version uint64)

func changeForever(st *store.Store, writer int, ack acknowledge, again func(error) error) error {
	owners := []rr.Name{name("a.w%d.%v", writer, changed), name("b.w%d.%v", writer, changed)}
	_, sets, err := st.Sets(ctx, changed, owners...)
	if err != nil {
		return err
	}
	number := uint32(0)
	if len(sets) > 0 {
		number = value(sets[0])
	}
	for number++; ; {
		res, err := st.Change(ctx, changed, []store.Change{store.Put(address(owners[0], number)), store.Put(address(owners[1], number))}, store.WriteOptions{})
		if err != nil {
			if err := again(err); err != nil {
				return err
			}
			continue
		}
		ack(changed, writer, number, res.Version)
		number++
	}
}

func importForever(st *store.Store, zone rr.Name, ack acknowledge, again func(error) error) error {
	z, err := st.Zone(ctx, zone)
	if err != nil {
		return err
	}
	for serial := z.Serial + 1; ; {
		res, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(content(zone, serial, sizes[zone])), store.ReplaceOptions{})
		if err != nil {
			if err := again(err); err != nil {
				return err
			}
			continue
		}
		ack(zone, 0, serial, res.Version)
		serial++
	}
}

// What was acknowledged is there after a kill, and nothing is there by half.
func TestKill(t *testing.T) { killRounds(t, "write") }

// So it is where the disk is full while the writers are at work.
func TestKillFull(t *testing.T) {
	if acks := killRounds(t, "cramped"); acks.full == 0 {
		t.Error("the disk was never full")
	}
}

func killRounds(t *testing.T, role string) *ledger {
	path := filepath.Join(t.TempDir(), "store.db")
	st := mustOpen(t, path)
	for _, zone := range []rr.Name{changed, small, large} {
		if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(content(zone, 1, sizes[zone]))); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	acks, rounds := &ledger{numbers: map[string]uint32{}, versions: map[string]uint64{}}, crashRounds(t)
	for range rounds {
		acks.killWriter(t, role, path)
		checkPages(t, path)
		st := mustOpen(t, path)
		acks.compare(t, st)
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills; %d acknowledged writes, of which %d imports; %d refused for want of room", rounds, acks.count, acks.imports, acks.full)
	if acks.count < rounds {
		t.Errorf("%d writes were acknowledged in %d rounds: too few to tell", acks.count, rounds)
	}
	return acks
}

// ledger is what the store has acknowledged.
type ledger struct {
	numbers  map[string]uint32 // by zone and writer
	versions map[string]uint64 // by zone
	count    int
	imports  int // of count
	full     int // writes that found no room
}

// killWriter runs a writer for some hundred milliseconds and kills it.
func (l *ledger) killWriter(t *testing.T, role, path string) {
	t.Helper()
	cmd, lines := helper(t, role, path)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the writer said %q, want ready", lines.Text())
	}
	kill := time.AfterFunc(time.Duration(20+rand.IntN(400))*time.Millisecond, func() { cmd.Process.Kill() })
	full := l.full
	if role == "cramped" {
		kill.Reset(3 * time.Second) // at the latest
	}
	for lines.Scan() {
		var zone string
		var writer int
		var number uint32
		var version uint64
		if n, _ := fmt.Sscanf(lines.Text(), "ack %s %d %d %d", &zone, &writer, &number, &version); n != 4 {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Fatal(lines.Text())
			}
			if lines.Text() == "full" {
				if l.full++; l.full == full+1 {
					kill.Reset(time.Duration(rand.IntN(300)) * time.Millisecond)
				}
			}
			continue // the last line, cut off
		}
		l.numbers[fmt.Sprintf("%v/%d", zone, writer)] = number
		l.versions[zone] = max(l.versions[zone], version)
		l.count++
		if zone != changed.String() {
			l.imports++
		}
	}
	cmd.Wait()
}

// checkPages lets bbolt look at its own structure.
func checkPages(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("page check: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// compare holds a store that a kill has left against the ledger.
func (l *ledger) compare(t *testing.T, st *store.Store) {
	t.Helper()
	for w := range crashWriters {
		_, sets, err := st.Sets(ctx, changed, name("a.w%d.%v", w, changed), name("b.w%d.%v", w, changed))
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("%v/%d", changed, w)
		acked := l.numbers[key]
		switch {
		case len(sets) == 0 && acked == 0:
		case len(sets) != 2 || value(sets[0]) != value(sets[1]):
			t.Errorf("writer %d has half a change: %v", w, sets)
		case value(sets[0]) < acked || value(sets[0]) > acked+1:
			t.Errorf("writer %d: store has %d, %d was acknowledged", w, value(sets[0]), acked)
		default:
			l.numbers[key] = value(sets[0]) // one may be there that was not acknowledged
		}
	}
	for zone, n := range sizes {
		z, sets, err := st.Sets(ctx, zone)
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("%v/0", zone)
		acked := max(l.numbers[key], 1)
		if z.Serial < acked || z.Serial > acked+1 || len(sets) != n+1 || z.Sets != uint64(n+1) {
			t.Errorf("zone %v: serial %d (acknowledged %d), %d sets (want %d)", zone, z.Serial, acked, len(sets), n+1)
		}
		l.numbers[key] = z.Serial
		for _, s := range sets {
			if s.Type == rr.TypeA && value(s) != z.Serial {
				t.Fatalf("zone %v of serial %d has a set of %d", zone, z.Serial, value(s))
			}
		}
	}
	for _, zone := range []rr.Name{changed, small, large} {
		z, err := st.Zone(ctx, zone)
		if err != nil {
			t.Fatal(err)
		}
		if z.Version < l.versions[zone.String()] {
			t.Errorf("zone %v is at version %d, and %d was acknowledged", zone, z.Version, l.versions[zone.String()])
		}
		next := z.JournalFrom + 1
		err = st.Journal(ctx, zone, z.JournalFrom, func(e store.JournalEntry) error {
			if e.Version != next {
				t.Errorf("journal of %v has version %d, want %d", zone, e.Version, next)
			}
			next++
			return nil
		})
		if err != nil || next != z.Version+1 {
			t.Errorf("journal of %v ends before %d, want %d: %v", zone, next, z.Version+1, err)
		}
	}
	if err := st.Reclaim(ctx); err != nil {
		t.Error(err)
	}
}
