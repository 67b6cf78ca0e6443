package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
)

// A guest whose answer to TXT is one letter; with trap it fails on two names of a hundred, n07 and n42.
const (
	letterGuest = `(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 8192) "\10\00\00\00\01\00\01\00\00\00\00\00\00\00\00\00\10\00\00\00\10\00\00\01\09\00\00\00\00\00\02\00\01%s")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) i32.const 16)
  (func (export "namelet_answer") (param i32) (result i32) %s i32.const 34))`

	// The qname lies 16 octets into the question, which is at 4096: a length, n, two digits.
	trapOnTwo = `
    (if (i32.eq (i32.load16_u (i32.const 4114)) (i32.const 0x3730)) (then unreachable))
    (if (i32.eq (i32.load16_u (i32.const 4114)) (i32.const 0x3234)) (then unreachable))`
)

// rolloutRig is three servers over one emulator, and clients in many networks.
type rolloutRig struct {
	*replicaRig
	clients []*dns.Conn // of the first server, each from its own network
}

// TestRollout takes versions of a guest through their life on three servers: in force everywhere at once, on trial
// for a share, taken back by itself, rolled back, and put in force while a server is down. With
// NAMELET_REPLICAS_SECONDS set (see TestReplicas) the share is that of 100,000 clients.
func TestRollout(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("clients need addresses of their own in 127.0.0.0/8")
	}
	r := &rolloutRig{replicaRig: newReplicaRig(t, replicaLoad{commitSeconds: loadOfReplicas(t).commitSeconds})}
	for range 3 {
		s := r.newServer()
		r.servers = append(r.servers, s)
		r.serve(s)
	}
	r.dialClients()

	r.inForce()
	r.onTrial()
	r.inTheShadow()
	r.push("c", trapOnTwo)
	r.trap("--canary", "20%")
	r.trap() // at once
	r.restart()
}

// inForce puts a second version in the place of the first at once, and goes back.
func (r *rolloutRig) inForce() {
	r.Helper()
	r.push("a", "")
	r.command(0, "attach", appsApex, "say@1")
	r.expectEverywhere(`"a"`, "attached")
	r.push("b", "")
	began := time.Now()
	r.command(0, "activate", "say@2", "--zone", appsApex)
	r.expectEverywhere(`"b"`, "activated")
	r.Logf("a version was in force on all servers %v after guest activate was run", time.Since(began).Round(time.Millisecond))
	r.expectInStep(3)
	began = time.Now()
	r.command(1, "rollback", "--zone", appsApex)
	r.expectEverywhere(`"a"`, "rolled back")
	r.Logf("a rollback was in force on all servers %v after guest rollback was run", time.Since(began).Round(time.Millisecond))
}

// onTrial has the second version answer for a share.
func (r *rolloutRig) onTrial() {
	r.Helper()
	r.command(0, "activate", "say@2", "--zone", appsApex, "--canary", "5%")
	r.awaitTrial(2)
	said := r.askAll()
	all := 100 * len(r.clients)
	if got := 100 * float64(said[`"b"`]) / float64(all); got < 4 || got > 6 || said[`"a"`]+said[`"b"`] != all {
		r.Errorf("of %d clients %.2f %% have the candidate, want 5 %%: %v", all, got, said)
	} else {
		r.Logf("of %d clients %.2f %% have the candidate", all, got)
	}
	if again := r.askAll(); again[`"b"`] != said[`"b"`] { // from the cache now
		r.Errorf("asked again: got %v, want %v", again, said)
	}
	r.command(2, "rollback", "--zone", appsApex)
	r.awaitTrial(0)
}

// inTheShadow has the second version hear what clients ask, what the cache answers too, until too many of its answers
// differ.
func (r *rolloutRig) inTheShadow() {
	r.Helper()
	r.command(0, "activate", "say@2", "--zone", appsApex, "--shadow")
	r.awaitTrial(2)
	if said := r.askAll(); said[`"a"`] != 100*len(r.clients) {
		r.Errorf("beside a shadow: %v", said)
	}
	r.awaitHeard()
	began := time.Now()
	r.command(0, "activate", "say@2", "--zone", appsApex, "--shadow", "--max-differences", "1%")
	undone := r.awaitUndone(began)
	if undone == nil || undone.Version != 2 || !strings.Contains(undone.Reason, " answers differ from those of the active version") {
		r.Fatalf("a shadow whose answers differ is rolled back: %+v", undone)
	}
	r.Logf("rolled back by itself after %v: %s", time.Since(began).Round(time.Millisecond), undone.Reason)
	r.awaitTrial(0)
}

// awaitHeard waits for the shadow to have heard more than each name once, of which every answer differs.
func (r *rolloutRig) awaitHeard() {
	r.Helper()
	for deadline := time.Now().Add(5*time.Second + r.slack()); ; time.Sleep(50 * time.Millisecond) {
		replicas := r.status(0).Replicas
		for _, s := range replicas {
			if s.Candidate == 2 && s.Compared > 110 && s.Differ == s.Compared {
				r.Logf("of %d questions for 100 names a shadow heard %d, of which all differ", 100*len(r.clients), s.Compared)
				return
			}
		}
		if time.Now().After(deadline) {
			r.Fatalf("a shadow has to hear more than the 100 names, and all differ: %+v", replicas)
		}
	}
}

// awaitUndone waits five seconds at most, from began, for a rollback.
func (r *rolloutRig) awaitUndone(began time.Time) (undone *control.Undone) {
	r.Helper()
	for undone == nil && time.Since(began) < 5*time.Second+r.slack() {
		time.Sleep(50 * time.Millisecond)
		undone = r.status(0).Attachment.Undone
	}
	return undone
}

// push makes a module the newest version of the guest, through the first server.
func (r *rolloutRig) push(letter, body string) {
	r.Helper()
	dir := r.TempDir()
	wat, wasm := filepath.Join(dir, "guest.wat"), filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(wat, fmt.Appendf(nil, letterGuest, letter, body), 0o600); err != nil {
		r.Fatal(err)
	}
	run(r, "wat2wasm", wat, "-o", wasm)
	r.command(0, "push", "say", wasm)
}

// command runs a guest command on one server.
func (r *rolloutRig) command(server int, args ...string) string {
	r.Helper()
	return r.run(r.servers[server], append([]string{"guest"}, args...)...)
}

func (r *rolloutRig) status(server int) control.GuestStatus {
	r.Helper()
	var said struct {
		Guests []control.GuestStatus `json:"guests"`
	}
	out := r.command(server, "status", "--json")
	if err := json.Unmarshal([]byte(out), &said); err != nil || len(said.Guests) != 1 {
		r.Fatalf("guest status: %v\n%s", err, out)
	}
	return said.Guests[0]
}

// dialClients opens a socket for each network.
func (r *rolloutRig) dialClients() {
	r.Helper()
	networks := 100
	if os.Getenv("NAMELET_REPLICAS_SECONDS") != "" {
		networks = 1000
	}
	for i := range networks {
		client := dns.Client{Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, byte(1+i>>8), byte(i), 1)}}}
		conn, err := client.Dial(r.servers[0].dns)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { conn.Close() })
		r.clients = append(r.clients, conn)
	}
}

// askAll asks for a hundred names from each network, and counts the answers.
func (r *rolloutRig) askAll() map[string]int {
	r.Helper()
	said := map[string]int{}
	for _, conn := range r.clients {
		for i := range 100 {
			said[letterOf(conn, i)]++
		}
	}
	return said
}

func letterOf(conn *dns.Conn, i int) string {
	client := dns.Client{Timeout: 2 * time.Second}
	reply, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(fmt.Sprintf("n%02d.%s.", i, appsApex), dns.TypeTXT), conn)
	switch {
	case err != nil:
		return err.Error()
	case len(reply.Answer) != 1:
		return dns.RcodeToString[reply.Rcode]
	}
	return `"` + strings.Join(reply.Answer[0].(*dns.TXT).Txt, " ") + `"`
}

// expectEverywhere waits two seconds at most for an answer from each server.
func (r *rolloutRig) expectEverywhere(want, when string) {
	r.Helper()
	deadline := time.Now().Add(2*time.Second + r.slack())
	for _, s := range r.servers {
		conn, err := new(dns.Client).Dial(s.dns)
		if err != nil {
			r.Fatal(err)
		}
		for got := letterOf(conn, 1); got != want; got = letterOf(conn, 1) {
			if time.Now().After(deadline) {
				r.Fatalf("%s: server %s says %s, want %s", when, s.dns, got, want)
			}
			time.Sleep(5 * time.Millisecond)
		}
		conn.Close()
	}
}

// expectInStep waits for what servers say of themselves to reach the others.
func (r *rolloutRig) expectInStep(want int) {
	r.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := r.status(1)
		if got.InStep == want && len(got.Replicas) == want {
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("guest status: %+v, want %d in step", got, want)
		}
	}
}

// awaitTrial waits for the first server to have a version on trial, 0 for none.
func (r *rolloutRig) awaitTrial(version uint64) {
	r.Helper()
	for deadline := time.Now().Add(5*time.Second + r.slack()); ; time.Sleep(20 * time.Millisecond) {
		for _, s := range r.status(0).Replicas {
			if s.Candidate == version && s.InStep {
				return
			}
		}
		if time.Now().After(deadline) {
			r.Fatalf("version %d is not on trial: %+v", version, r.status(0))
		}
	}
}

// trap puts the version on trial, or in force, that fails on two names of a hundred, and wants it rolled back in five seconds, with no
// answer until then but those of the two versions, and for the two names that of the fallback.
func (r *rolloutRig) trap(how ...string) {
	r.Helper()
	began := time.Now()
	r.command(0, append([]string{"activate", "say@3", "--zone", appsApex}, how...)...)
	said := map[string]int{}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := i % 100
			got := letterOf(r.clients[i/100%len(r.clients)], name)
			said[got]++
			fallback := got == "NXDOMAIN" && (name == 7 || name == 42)
			if got != `"a"` && got != `"c"` && !fallback {
				r.Errorf("n%02d: got %s while a candidate fails", name, got)
				return
			}
		}
	}()
	undone := r.awaitUndone(began)
	took := time.Since(began)
	r.expectEverywhere(`"a"`, "rolled back by itself")
	close(stop)
	<-stopped
	if undone == nil || undone.Version != 3 || !strings.Contains(undone.Reason, "it failed on ") {
		r.Fatalf("after %v: rolled back: %+v", took, undone)
	}
	if said["NXDOMAIN"] == 0 || said[`"c"`] == 0 {
		r.Errorf("answers until then: %v, want some of the candidate and of the fallback", said)
	}
	r.expectAudited()
	r.Logf("rolled back by itself after %v, answers until then %v: %s", took.Round(time.Millisecond), said, undone.Reason)
	r.awaitTrial(0)
	if said := r.askAll(); said[`"a"`] != 100*len(r.clients) {
		r.Errorf("after the rollback: %v", said)
	}
}

// expectAudited wants the newest entry of the audit to be of a server that rolled back.
func (r *rolloutRig) expectAudited() {
	r.Helper()
	out := r.run(r.servers[0], "audit", "list", "--limit", "1", "--json")
	if !strings.Contains(out, `"who": "server `) || !strings.Contains(out, `"operation": "guest/rollback"`) {
		r.Errorf("audit list: %s", out)
	}
}

// restart kills a server in the middle of a rollout, which ends while it is down.
func (r *rolloutRig) restart() {
	r.Helper()
	r.command(0, "activate", "say@2", "--zone", appsApex, "--canary", "50%")
	r.awaitTrial(2)
	third := r.servers[2]
	third.kill()
	r.command(0, "activate", "say@2", "--zone", appsApex)
	r.serve(third)
	r.expectEverywhere(`"b"`, "after a server's restart")
	if got := r.status(2); got.Attachment.Version != 2 || got.Attachment.Candidate != nil {
		r.Errorf("guest status: %+v", got)
	}
	began := time.Now()
	r.command(2, "rollback", "--zone", appsApex)
	r.expectEverywhere(`"a"`, "rolled back after a server's restart")
	r.Logf("a rollback was in force on all servers %v after guest rollback was run, one of which had been restarted", time.Since(began).Round(time.Millisecond))
}

// kill ends a server by SIGKILL.
func (s *replicaServer) kill() {
	_ = s.process.Signal(syscall.SIGKILL)
	s.stop()
}
