package bolt

import (
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// fillDisk writes until there is no room, which a limit on file sizes stands for
// (EFBIG), then looks at what is there, gets room and goes on.
func fillDisk(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	st, err := openStore(path)
	if err != nil {
		return err
	}
	zone := name("full.example")
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(content(zone, 1, 100))); err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	limited := was
	limited.Cur = 9 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		return err
	}
	good, err := fillUp(st, zone)
	if err != nil {
		return err
	}
	if err := expect(st, zone, good); err != nil {
		return fmt.Errorf("while there is no room: %w", err)
	}
	big := make([]byte, store.MaxGuestBytes)
	if _, err := st.PutGuest(ctx, "big", big); !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("a module without room: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	if _, err := st.PutGuest(ctx, "big", big); err != nil {
		return fmt.Errorf("a module with room: %w", err)
	}
	res, err := st.Change(ctx, zone, []store.Change{store.Delete(name("h00000.full.example"), rr.TypeA)}, store.WriteOptions{})
	if err != nil {
		return fmt.Errorf("a change with room: %w", err)
	}
	fmt.Println("version", res.Version, res.Zone.Sets)
	return st.Close()
}

// fillUp changes a zone from many goroutines until there is no room for any, and
// returns the names that were acknowledged.
func fillUp(st *store.Store, zone rr.Name) (map[string]bool, error) {
	var mu sync.Mutex
	good := map[string]bool{}
	var wg sync.WaitGroup
	failed := make(chan error, 8)
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				owner := name("w%d-%d.%v", w, i, zone)
				set := rr.Set{Name: owner, Type: rr.TypeTXT, TTL: 1}
				for j := range 40 {
					set.Data = append(set.Data, "\xff"+fmt.Sprintf("%0255d", j))
				}
				_, err := st.Change(ctx, zone, []store.Change{store.Put(set)}, store.WriteOptions{})
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				good[owner.String()] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for range 8 {
		if err := <-failed; !errors.Is(err, store.ErrFull) {
			return nil, fmt.Errorf("a change without room: %w", err)
		}
	}
	return good, nil
}

// expect holds the zone against the names that were acknowledged.
func expect(st *store.Store, zone rr.Name, good map[string]bool) error {
	z, sets, err := st.Sets(ctx, zone)
	if err != nil {
		return err
	}
	found := 0
	for _, s := range sets {
		if s.Type == rr.TypeTXT && !good[s.Name.String()] {
			return fmt.Errorf("%v is there, and was refused", s.Name)
		}
		if s.Type == rr.TypeTXT {
			found++
		}
	}
	if found != len(good) || z.Version != uint64(1+len(good)) || len(good) == 0 {
		return fmt.Errorf("%d sets at version %d, and %d were acknowledged", found, z.Version, len(good))
	}
	return nil
}

// A full disk is one clear error, changes nothing, and is over when there is
// room.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, lines := helper(t, "fill", path)
	var version, sets uint64
	for lines.Scan() {
		if n, _ := fmt.Sscanf(lines.Text(), "version %d %d", &version, &sets); n != 2 {
			t.Fatal(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil || version == 0 {
		t.Fatalf("%v, version %d", err, version)
	}
	checkPages(t, path)
	st := mustOpen(t, path)
	defer st.Close()
	z, all, err := st.Sets(ctx, name("full.example"))
	if err != nil || z.Version != version || uint64(len(all)) != sets {
		t.Errorf("after another open: version %d, %d sets, %v; want %d, %d", z.Version, len(all), err, version, sets)
	}
}

// After a write whose end is not known nothing more is written, until a restart
// shows what lasted.
func TestUnknownOutcome(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	batch := &store.Batch{Writes: []store.Write{{Table: store.TableMeta, Key: "k", Value: []byte("v")}}}
	if err := d.Apply(ctx, batch); err != nil {
		t.Fatal(err)
	}
	// Readers see the transaction with the file's id.
	if err := d.afterFailure(0, syscall.EIO); !errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("a commit that shows and failed: got error %v, want %v", err, store.ErrOutcomeUnknown)
	}
	if err := d.Apply(ctx, batch); !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("the write after it: got error %v, want %v", err, store.ErrUnwritable)
	}
	d.failed = nil
	if err := d.afterFailure(1<<40, syscall.ENOSPC); !errors.Is(err, store.ErrFull) || d.failed != nil {
		t.Errorf("a commit that found the disk full: %v, then %v; want %v, then nothing", err, d.failed, store.ErrFull)
	}
	if err := d.afterFailure(1<<40, syscall.EIO); err == nil || !errors.Is(d.failed, store.ErrUnwritable) {
		t.Errorf("a commit that failed otherwise: %v, then %v; want %v then", err, d.failed, store.ErrUnwritable)
	}
}
