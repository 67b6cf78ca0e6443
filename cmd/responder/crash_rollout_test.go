package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// rolloutKills is how often TestKillRollout kills the server.
const rolloutKills = 40

// rolloutState is what an attachment says of its versions, in short.
type rolloutState struct {
	active    uint64
	previous  string
	candidate uint64
}

func rolloutStateOf(a control.Attachment) rolloutState {
	s := rolloutState{active: a.Version, previous: a.Previous}
	if a.Candidate != nil {
		s.candidate = a.Candidate.Version
	}
	return s
}

// rolloutSteps lead from each of these states to the next, and from the last to the
// first. What is answered in each is the letter of a version that may.
var rolloutSteps = []struct {
	state   rolloutState
	answers []string
	next    func(context.Context, *control.Client) (control.Attachment, error)
}{
	{rolloutState{1, "", 0}, []string{"a"}, func(ctx context.Context, c *control.Client) (control.Attachment, error) {
		return c.Activate(ctx, control.Activation{Zone: "kill.example", Guest: "say", Version: 2, Canary: 50})
	}},
	{rolloutState{1, "", 2}, []string{"a", "b"}, func(ctx context.Context, c *control.Client) (control.Attachment, error) {
		return c.Activate(ctx, control.Activation{Zone: "kill.example", Guest: "say", Version: 2})
	}},
	{rolloutState{2, "say@1", 0}, []string{"b"}, func(ctx context.Context, c *control.Client) (control.Attachment, error) {
		return c.RollBack(ctx, control.RollbackRequest{Zone: "kill.example"})
	}},
}

// TestKillRollout kills a server with SIGKILL while it activates versions and rolls
// them back, again and again. After a restart the attachment must be as it was before
// the step that was cut off, or as after it, and answer so.
func TestKillRollout(t *testing.T) {
	kills := rolloutKills
	if testing.Short() {
		kills = 3
	}
	c := &crashTest{dir: t.TempDir(), addresses: serverAddresses(t)}
	c.client = control.NewClient(c.addresses["RESPONDER_CONTROL_LISTEN"], "")
	defer c.client.Close()
	server := c.start(t)
	c.attachLetters(t)
	at, steps, cut, killed := 0, 0, 0, 0
	for ; killed < kills || steps == 0 && killed < 10*kills; killed++ { // few kills may all come before the first step
		done := c.rollAndKill(t, server, at)
		steps += done
		at += done
		server = c.start(t)
		switch got := c.rolloutNow(t); got {
		case rolloutSteps[at%3].state:
		case rolloutSteps[(at+1)%3].state: // it was cut off, and came to last
			at++
			cut++
		default:
			t.Fatalf("after a kill in step %d: got %+v, want %+v or what comes after that", at, got, rolloutSteps[at%3].state)
		}
		if got, want := c.letter(t), rolloutSteps[at%3].answers; !slices.Contains(want, got) {
			t.Fatalf("after a kill in step %d: the answer is %q, want one of %q", at, got, want)
		}
	}
	t.Logf("%d kills, %d steps acknowledged, %d more came to last", killed, steps, cut)
	if steps == 0 {
		t.Error("no step was acknowledged")
	}
}

// attachLetters attaches the first of two versions to a zone.
func (c *crashTest) attachLetters(t *testing.T) {
	t.Helper()
	if _, err := c.client.ImportZone(t.Context(), control.ZoneImport{Zone: "kill.example"}, letterZone(t)); err != nil {
		t.Fatal(err)
	}
	for _, letter := range []string{"a", "b"} {
		if _, err := c.client.PushGuest(t.Context(), control.GuestPush{Guest: "say"}, letterModule(t, letter)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.client.Attach(t.Context(), control.Attachment{Zone: "kill.example", At: "kill.example", Guest: "say", Version: 1}); err != nil {
		t.Fatal(err)
	}
}

// rollAndKill does one step after the other from one on, and kills the server at
// some time. It returns how many were acknowledged.
func (c *crashTest) rollAndKill(t *testing.T, server *exec.Cmd, from int) (done int) {
	t.Helper()
	killed := make(chan error, 1)
	time.AfterFunc(time.Duration(rand.IntN(int(30*time.Millisecond))), func() { killed <- server.Process.Kill() })
	for {
		made, err := rolloutSteps[(from+done)%3].next(t.Context(), c.client)
		if err != nil {
			break
		}
		done++
		if got, want := rolloutStateOf(made), rolloutSteps[(from+done)%3].state; got != want {
			t.Errorf("step %d: got %+v, want %+v", from+done, got, want)
		}
	}
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	server.Wait()
	return done
}

func (c *crashTest) rolloutNow(t *testing.T) rolloutState {
	t.Helper()
	all, err := c.client.Attachments(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("attachments: %+v, %v", all, err)
	}
	return rolloutStateOf(all[0])
}

// letter is what the guest says.
func (c *crashTest) letter(t *testing.T) string {
	t.Helper()
	reply, err := dns.Exchange(new(dns.Msg).SetQuestion("x.kill.example.", dns.TypeTXT), c.addresses["RESPONDER_LISTEN"])
	if err != nil || len(reply.Answer) != 1 {
		t.Fatalf("query: %v, %v", reply, err)
	}
	return reply.Answer[0].(*dns.TXT).Txt[0]
}

// letterZone is the zone's own content.
func letterZone(t *testing.T) []rr.Set {
	t.Helper()
	sets, err := zonefile.Parse(strings.NewReader("$TTL 60\n@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns\n"), zonefile.Options{Origin: rr.MustParseName("kill.example")})
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

// letterMark stands in the memory of letterModule, for nothing.
const letterMark = "0123456789abcdef"

// letterModule makes a guest that answers TXT with a letter.
func letterModule(t *testing.T, letter string) []byte {
	t.Helper()
	wat := fmt.Sprintf(`(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "%s")
  (data (i32.const 8192) "\10\00\00\00\01\00\01\00\00\00\00\00\00\00\00\00\10\00\00\00\10\00\00\01\09\00\00\00\00\00\02\00\01%s")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) i32.const 16)
  (func (export "namelet_answer") (param i32) (result i32) i32.const 34))`, letterMark, letter)
	path := filepath.Join(t.TempDir(), "guest.wat")
	if err := os.WriteFile(path, []byte(wat), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("wat2wasm", path, "-o", path+".wasm").CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v: %s (apt-get install wabt)", err, msg)
	}
	module, err := os.ReadFile(path + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return module
}
