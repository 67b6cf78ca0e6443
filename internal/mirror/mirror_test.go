package mirror_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

func name(s string) rr.Name { return rr.MustParseName(s) }

func txt(owner, text string) rr.Set {
	return rr.Set{Name: name(owner), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{string([]byte{byte(len(text))}) + text}}
}

// served is a zone as a replica would serve it.
type served struct {
	zone     store.Zone
	snapshot *authority.Snapshot
}

func apexSets(apex string) []rr.Set {
	soa := name("ns."+apex).Wire() + name("host."+apex).Wire() + string(make([]byte, 20))
	return []rr.Set{
		{Name: name(apex), Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{soa}},
		{Name: name(apex), Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{name("ns.elsewhere.").Wire()}},
	}
}

func newZone(t testing.TB, apex string, version uint64, sets ...rr.Set) *served {
	t.Helper()
	s, err := authority.Build(name(apex), version, slices.Values(append(apexSets(apex), sets...)))
	if err != nil {
		t.Fatal(err)
	}
	return &served{store.Zone{Name: name(apex), Version: version, Created: time.UnixMilli(1000).UTC()}, s}
}

func (s *served) whole() mirror.ZoneUpdate {
	return mirror.ZoneUpdate{Zone: s.zone, Snapshot: s.snapshot}
}

// change makes the next version.
func (s *served) change(t testing.TB, changes ...rr.Set) mirror.ZoneUpdate {
	t.Helper()
	from := s.zone.Version
	s.zone.Version++
	next, err := s.snapshot.Apply(s.zone.Version, changes)
	if err != nil {
		t.Fatal(err)
	}
	s.snapshot = next
	return mirror.ZoneUpdate{Zone: s.zone, Snapshot: next, From: from, Changes: changes}
}

var standing = store.Standing{Identity: "0123456789abcdef", Catalog: 7}

func update(zones ...mirror.ZoneUpdate) mirror.Update {
	return mirror.Update{Standing: standing, Caught: time.UnixMilli(5000), Zones: zones}
}

// session opens a mirror, reads it, and runs it while use does its work.
func session(t testing.TB, path string, use func(*mirror.Mirror, *mirror.Content)) {
	t.Helper()
	m, err := mirror.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	content, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.KeepGuestsFor(0)
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	use(m, content)
	end()
	<-done
	if why := m.Status().Why; why != "" {
		t.Error(why)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

// await waits until the mirror has been saved after now.
func await(t testing.TB, m *mirror.Mirror) {
	t.Helper()
	for now := time.Now(); !m.Status().Saved.After(now); time.Sleep(5 * time.Millisecond) {
		m.Update(update())
		if time.Since(now) > 20*time.Second {
			t.Fatalf("not saved: %+v", m.Status())
		}
	}
}

// expect holds what the mirror has against zones.
func expect(t testing.TB, c *mirror.Content, want ...*served) {
	t.Helper()
	got := map[string]map[string]string{}
	for _, z := range c.Zones {
		got[fmt.Sprint(z.Zone.Name, " ", z.Zone.Version)] = texts(z.Snapshot)
	}
	wanted := map[string]map[string]string{}
	for _, z := range want {
		wanted[fmt.Sprint(z.zone.Name, " ", z.zone.Version)] = texts(z.snapshot)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Fatalf("the mirror differs from what was served (-served +mirror):\n%s", diff)
	}
}

func texts(s *authority.Snapshot) map[string]string {
	all := map[string]string{}
	for set := range s.All() {
		all[fmt.Sprint(set.Name, " ", set.Type)] += fmt.Sprint(set.TTL, " ", set.Data)
	}
	return all
}

func TestMirrorKeepsWhatIsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mirror.db")
	a, b := newZone(t, "a.example", 1, txt("x.a.example", "one")), newZone(t, "b.example", 9)
	session(t, path, func(m *mirror.Mirror, c *mirror.Content) {
		if c != nil {
			t.Fatalf("a new mirror has %+v", c)
		}
		m.Update(update(a.whole(), b.whole()))
		await(t, m)
		m.Update(update(a.change(t, txt("y.a.example", "two"))))
		m.Update(update(a.change(t, txt("y.a.example", "three"), rr.Set{Name: name("x.a.example"), Type: rr.TypeTXT})))
		await(t, m)
		m.Update(update(b.change(t, txt("late.b.example", "at the end"))))
	})
	session(t, path, func(m *mirror.Mirror, c *mirror.Content) {
		expect(t, c, a, b)
		if c.Standing != standing || !c.Caught.Equal(time.UnixMilli(5000)) {
			t.Errorf("got %+v", c)
		}
		m.Update(mirror.Update{Standing: standing, Gone: []rr.Name{name("b.example")}})
		m.Update(update(a.whole())) // it has that
		m.Update(update(a.change(t, txt("z.a.example", "four"))))
	})
	session(t, path, func(m *mirror.Mirror, c *mirror.Content) {
		expect(t, c, a)
		b = newZone(t, "b.example", 11)
		m.Update(update(b.whole()))
		a = newZone(t, "a.example", 20, txt("new.a.example", "replaced"))
		m.Update(update(a.whole()))
		await(t, m)
	})
	session(t, path, func(_ *mirror.Mirror, c *mirror.Content) { expect(t, c, a, b) })
}

func TestMirrorKeepsGuests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mirror.db")
	one := store.GuestVersion{Name: "g", Number: 1, Digest: store.Digest{1}, Size: 3}
	two := store.GuestVersion{Name: "g", Number: 2, Digest: store.Digest{2}, Size: 3}
	row := store.Attachment{Zone: name("a.example"), At: name("b.a.example"), Guest: "g", Version: 1, Values: map[string]string{"k": "v"}}
	session(t, path, func(m *mirror.Mirror, _ *mirror.Content) {
		m.KeepGuest(one, []byte("one"))
		m.Update(mirror.Update{Standing: standing, Attached: true, Attachments: []store.Attachment{row}})
	})
	session(t, path, func(m *mirror.Mirror, c *mirror.Content) {
		if len(c.Attachments) != 1 || c.Attachments[0].At != row.At || c.Attachments[0].Values["k"] != "v" {
			t.Errorf("attachments: got %+v", c.Attachments)
		}
		if g, ok := m.Guest("g", 1); !ok || g != one {
			t.Errorf("version 1: got %+v, %v", g, ok)
		}
		if module, ok := m.Module(one.Digest); !ok || string(module) != "one" {
			t.Errorf("module: got %q, %v", module, ok)
		}
		m.KeepGuest(two, []byte("two"))
		row.Version = 2
		m.Update(mirror.Update{Standing: standing, Attached: true, Attachments: []store.Attachment{row}})
	})
	session(t, path, func(m *mirror.Mirror, _ *mirror.Content) {
		if _, ok := m.Guest("g", 2); !ok {
			t.Error("version 2 is not there")
		}
		_, version := m.Guest("g", 1)
		_, module := m.Module(one.Digest)
		if version || module {
			t.Error("version 1 is there, which nothing has")
		}
	})
}

// A zone that changes again and again does not make the file grow without end, and
// is right at every start.
func TestMirrorFolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mirror.db")
	z := newZone(t, "a.example", 1)
	text := string(slices.Repeat([]byte("x"), 120))
	for round := range 3 {
		session(t, path, func(m *mirror.Mirror, c *mirror.Content) {
			if round == 0 {
				m.Update(update(z.whole()))
			} else {
				expect(t, c, z)
			}
			for i := range 12_000 {
				u := z.change(t, txt(fmt.Sprintf("n%d.a.example", rand.IntN(2000)), text))
				m.Update(update(u))
				if i%6_000 == 5_999 {
					await(t, m)
				}
			}
		})
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 32<<20 {
		t.Errorf("the file has %d octets, want 32 MiB at most: %v", info.Size(), err)
	}
}

func TestMirrorOfNoUse(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	text := slices.Repeat([]byte("no mirror "), 3000)
	if err := os.WriteFile(garbage, text, 0o600); err != nil {
		t.Fatal(err)
	}
	session(t, garbage, func(_ *mirror.Mirror, c *mirror.Content) {
		if c != nil {
			t.Errorf("garbage is read as %+v", c)
		}
		if _, err := mirror.Open(garbage, slog.New(slog.DiscardHandler)); !errors.Is(err, mirror.ErrLocked) {
			t.Errorf("a mirror that is in use: got %v", err)
		}
	})
	if kept, err := os.ReadFile(garbage + ".kept"); err != nil || !slices.Equal(kept, text) {
		t.Errorf("a file that was no mirror is not kept: %d octets, %v", len(kept), err)
	}
	if _, err := mirror.Open(filepath.Join(dir, "none", "m"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a folder that is not there: no error")
	}
}

// A file that is cut off, or has lost a page, opens all the same. What is read of it is
// what was served.
func TestMirrorIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mirror.db")
	many := func(apex string) *served {
		var sets []rr.Set
		for i := range 1500 {
			sets = append(sets, txt(fmt.Sprintf("n%d.%s", i, apex), strings.Repeat(strconv.Itoa(i), 20)))
		}
		return newZone(t, apex, 1, sets...)
	}
	zones := map[string]*served{"a.example.": many("a.example"), "b.example.": many("b.example"), "c.example.": newZone(t, "c.example", 1)}
	first := zones["a.example."].snapshot // to which the file goes back without its last transaction
	session(t, path, func(m *mirror.Mirror, _ *mirror.Content) {
		for _, z := range zones {
			m.Update(update(z.whole()))
		}
		await(t, m)
		m.Update(update(zones["a.example."].change(t, txt("y.a.example", "changed"))))
	})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	pages := (len(bytes.TrimRight(whole, "\x00")) + os.Getpagesize() - 1) / os.Getpagesize() // that are used
	read, anew := 0, 0
	for round := range 60 {
		damaged := slices.Clone(whole)
		at := random.IntN(pages) * os.Getpagesize()
		what := fmt.Sprintf("page at %d", at)
		switch round % 3 {
		case 0:
			damaged, what = damaged[:at], fmt.Sprintf("cut off at %d", at)
		case 1:
			clear(damaged[at : at+os.Getpagesize()])
		case 2:
			for range 64 {
				damaged[at+random.IntN(os.Getpagesize())] = byte(random.Uint32())
			}
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := mirror.Open(path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		c, err := m.Load(t.Context())
		switch {
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case c == nil:
			anew++
		default:
			for _, z := range c.Zones {
				read++
				served := zones[z.Zone.Name.String()].snapshot
				if z.Zone.Version < served.Version() {
					served = first
				}
				if diff := cmp.Diff(texts(served), texts(z.Snapshot)); diff != "" {
					t.Errorf("%s: %v: -served +read %s", what, z.Zone.Name, diff)
				}
			}
		}
		if err := m.Close(); err != nil {
			t.Errorf("%s: close: %v", what, err)
		}
	}
	if read == 0 || anew == 0 {
		t.Errorf("%d zones were read, and %d files begun anew; want some of each", read, anew)
	}
}

const killedEnv = "NAMELET_TEST_MIRROR"

// TestMain writes to a mirror without end where this process is there to be killed.
func TestMain(m *testing.M) {
	path := os.Getenv(killedEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	t := &testing.T{}
	mir, err := mirror.Open(path, slog.Default())
	if err != nil {
		panic(err)
	}
	c, err := mir.Load(context.Background())
	if err != nil {
		panic(err)
	}
	z := newZone(t, "a.example", 1)
	if c != nil {
		z = &served{c.Zones[0].Zone, c.Zones[0].Snapshot}
	}
	go mir.Run(context.Background())
	mir.Update(update(z.whole()))
	fmt.Println("running")
	text := string(slices.Repeat([]byte("y"), 200))
	for {
		n := z.zone.Version + 1
		mir.Update(update(z.change(t, txt(fmt.Sprintf("n%d.a.example", n%3000), strconv.FormatUint(n, 10)+" "), txt("newest.a.example", strconv.FormatUint(n, 10)), txt(fmt.Sprintf("fill%d.a.example", n%5000), text))))
		time.Sleep(50 * time.Microsecond)
	}
}

// A process that is killed at any time leaves a mirror with a state that was
// served, whole, and no older than what the mirror had before.
func TestMirrorSurvivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mirror.db")
	last, rounds := uint64(0), 3
	if text := os.Getenv("NAMELET_TEST_KILLS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("NAMELET_TEST_KILLS: %v", err)
		}
	}
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killedEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		bufio.NewReader(out).ReadString('\n')
		if round == 0 {
			time.Sleep(2 * time.Second) // so that there is something to be lost
		}
		time.Sleep(time.Duration(300+rand.IntN(1500)) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		session(t, path, func(_ *mirror.Mirror, c *mirror.Content) {
			if c == nil {
				return // killed before the first was written
			}
			version := c.Zones[0].Zone.Version
			got := texts(c.Zones[0].Snapshot)
			if want := fmt.Sprint(60, " ", txt("newest.a.example", strconv.FormatUint(version, 10)).Data); version > 1 && got["newest.a.example. TXT"] != want {
				t.Errorf("version %d has %q, want %q", version, got["newest.a.example. TXT"], want)
			}
			for n := version; n > 1 && n+2999 > version; n-- {
				key := fmt.Sprintf("n%d.a.example. TXT", n%3000)
				if want := fmt.Sprint(60, " ", txt("x", strconv.FormatUint(n, 10)+" ").Data); got[key] != want {
					t.Fatalf("version %d: %s is %q, want %q", version, key, got[key], want)
				}
			}
			if version < last {
				t.Errorf("version %d after %d", version, last)
			}
			last = version
		})
	}
	if last < 100 {
		t.Errorf("the mirror got to version %d only", last)
	}
}
