package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/store/spanner/emulator"
)

// pushKills is how often TestKillPush kills the server in each step; NAMELET_TEST_KILLS says otherwise.
func pushKills(t *testing.T) int {
	text := os.Getenv("NAMELET_TEST_KILLS")
	if text == "" {
		if testing.Short() {
			return 1
		}
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("NAMELET_TEST_KILLS: %v", err)
	}
	return n
}

// pushSteps are those of a push, told from outside by what has come to the folder for machine code. In each the server
// is killed at some time up to more after that.
var pushSteps = []struct {
	name string
	half bool   // of the body is all that comes
	file string // a pattern; empty for none
	more time.Duration
}{
	{"half of the body has come", true, "", 2 * time.Millisecond},
	{"the body has come", false, "", 4 * time.Millisecond},
	{"the trial begins", false, "trial-*", 10 * time.Millisecond},
	{"the trial runs", false, "trial-*", 40 * time.Millisecond},
	{"machine code is written", false, "trial-*/wazero-*/*", 20 * time.Millisecond},
	{"machine code is kept", false, keptCode, time.Microsecond},
	{"the version is stored", false, keptCode, 20 * time.Millisecond},
}

// keptCode is where machine code is that passed.
const keptCode = "wazero-*/*"

// TestKillPush kills a server with SIGKILL in each step of a push. After a restart the version is there whole or not at
// all, nothing is left of what was under way, and the same push makes it one.
func TestKillPush(t *testing.T) { killPush(t, pushKills(t)) }

// TestKillPushSpanner is TestKillPush over Spanner.
func TestKillPushSpanner(t *testing.T) {
	host := emulator.Start(t)
	if host.Host == "" {
		t.Skip("a real instance has a latency that the steps are not made for")
	}
	killPush(t, max(1, pushKills(t)/3), "SPANNER_EMULATOR_HOST="+host.Host, "RESPONDER_STORE=spanner:"+host.Database(t))
}

// pushCrash is a server whose pushes are cut off.
type pushCrash struct {
	*crashTest
	cache, temp string // folders
	version     uint64 // the newest that is known
	ends        []pushEnds
}

// pushEnds counts what became of pushes in one step.
type pushEnds struct{ cut, came, told int } // there is no version, there is, and it was acknowledged

func killPush(t *testing.T, kills int, settings ...string) {
	c := &pushCrash{
		crashTest: &crashTest{dir: t.TempDir(), addresses: serverAddresses(t)},
		cache:     t.TempDir(), temp: t.TempDir(), version: 2, ends: make([]pushEnds, len(pushSteps)),
	}
	c.settings = append(settings, "RESPONDER_GUEST_CACHE="+c.cache, "TMPDIR="+c.temp)
	c.client = control.NewClient(c.addresses["RESPONDER_CONTROL_LISTEN"], "")
	defer c.client.Close()
	server := c.start(t)
	c.attachLetters(t)
	letter := letterModule(t, "b")
	for range kills {
		for step := range pushSteps {
			module := padded(letter)
			told := c.pushAndKill(t, server, step, module)
			server = c.start(t)
			c.verifyPush(t, step, module, told)
			if t.Failed() {
				return
			}
		}
	}
	for step, ends := range c.ends {
		t.Logf("killed when %s: %d without the version, %d with it, %d with it acknowledged", pushSteps[step].name, ends.cut, ends.came, ends.told)
	}
	if _, err := c.client.Activate(t.Context(), control.Activation{Zone: "kill.example", Guest: "say", Version: c.version}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); c.letter(t) != "b"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the last version does not answer")
		}
	}
}

// pushAndKill pushes and kills the server in a step. It reports whether the push was acknowledged before.
func (c *pushCrash) pushAndKill(t *testing.T, server *exec.Cmd, step int, module []byte) (told bool) {
	t.Helper()
	at := pushSteps[step]
	kept := len(c.files(t, keptCode))
	sent, killed, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	reached := false
	push := control.GuestPush{Guest: "say", Sent: func(done, total int) {
		if reached || done < total && !(at.half && done >= total/2) {
			return
		}
		reached = true
		close(sent)
		if at.half {
			<-killed
		}
	}}
	go func() {
		_, err := c.client.PushGuest(t.Context(), push, module)
		answer <- err
	}()
	<-sent
	for deadline := time.Now().Add(time.Minute); at.file != ""; {
		n := len(c.files(t, at.file))
		if at.file == keptCode {
			n -= kept
		}
		if n > 0 || len(answer) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: that does not come", at.name)
		}
	}
	time.Sleep(time.Duration(mathrand.Int64N(int64(at.more))))
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait() // its error is that it was killed
	close(killed)
	return <-answer == nil
}

// verifyPush holds what a restarted server has against what may be, and pushes again.
func (c *pushCrash) verifyPush(t *testing.T, step int, module []byte, told bool) {
	t.Helper()
	name := pushSteps[step].name
	digest := sha256.Sum256(module)
	newest := c.newest(t)
	came := newest.Version == c.version+1
	switch {
	case came && (newest.Digest != hex.EncodeToString(digest[:]) || newest.Size != len(module) || newest.Report == nil):
		t.Errorf("%s: got %+v of the module of %d bytes with digest %x", name, newest, len(module), digest)
	case !came && newest.Version != c.version:
		t.Errorf("%s: got version %d, want %d or the next", name, newest.Version, c.version)
	case told && !came:
		t.Errorf("%s: version %d was acknowledged, and is gone", name, c.version+1)
	}
	check, err := c.client.CheckStore(t.Context())
	if err != nil || check.Found > 0 {
		t.Errorf("%s: store check: %+v, %v", name, check, err)
	}
	if got := c.letter(t); got != "a" {
		t.Errorf("%s: the attached version answers %q", name, got)
	}
	c.processesEnd(t, name)
	switch {
	case told:
		c.ends[step].told++
	case came:
		c.ends[step].came++
	default:
		c.ends[step].cut++
	}
	again, err := c.client.PushGuest(t.Context(), control.GuestPush{Guest: "say"}, module)
	if err != nil || again.Version != c.version+1 {
		t.Errorf("%s: pushed again: got %+v, %v, want version %d", name, again, err, c.version+1)
	}
	c.version++
	c.nothingLeft(t, name)
}

// newest is the guest's newest version.
func (c *pushCrash) newest(t *testing.T) (g control.GuestVersion) {
	t.Helper()
	all, err := c.client.Guests(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("guests: %v, %v", all, err)
	}
	return all[len(all)-1]
}

// processesEnd holds that no process that tried a module lives on.
func (c *pushCrash) processesEnd(t *testing.T, name string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for c.trying(t) {
		if time.Now().After(deadline) {
			t.Errorf("%s: a process lives on", name)
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// nothingLeft holds that there are no files of a trial. One whose process lived a little longer than the next server
// took to begin is found by the next push.
func (c *pushCrash) nothingLeft(t *testing.T, name string) {
	t.Helper()
	for _, pattern := range []string{"trial-*", keptCode + ".tmp"} {
		if left := c.files(t, pattern); len(left) > 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
	if left, err := os.ReadDir(c.temp); err != nil || len(left) > 0 {
		t.Errorf("%s: in the folder for temporary files are %v, %v", name, left, err)
	}
}

// trying reports whether any process has a module of this server on trial.
func (c *pushCrash) trying(t *testing.T) bool {
	t.Helper()
	if runtime.GOOS != "linux" {
		return false // the files tell, which such a process holds
	}
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		// Of one that has ended meanwhile there is none.
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), trialCommand+"\x00"+c.cache) {
			return true
		}
	}
	return false
}

func (c *pushCrash) files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.cache, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// padded is a letterModule with a memory of its own, and with 4 MiB of which nothing is made.
func padded(module []byte) []byte {
	section := append([]byte{3}, "pad"...)
	section = append(section, make([]byte, 4<<20)...)
	rand.Read(section[4:])
	out := bytes.Replace(module, []byte(letterMark), section[4:4+len(letterMark)], 1)
	out = binary.AppendUvarint(append(out, 0), uint64(len(section)))
	return append(out, section...)
}
