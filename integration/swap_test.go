package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
)

// Two versions of a Go guest take turns each second while the server is asked: no query is lost, each answer is
// that of a version, and memory does not grow. NAMELET_SWAP_SECONDS makes it a long run, at a high rate:
// `NAMELET_SWAP_SECONDS=300 go test ./integration -run TestSwaps -v -timeout 20m`.
func TestSwaps(t *testing.T) {
	load, seconds := replicaLoad{names: 1000, queries: 2000}, 5
	if text := os.Getenv("NAMELET_SWAP_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 5 {
			t.Fatalf("NAMELET_SWAP_SECONDS: %q: want a number of seconds, at least 5", text)
		}
		load = replicaLoad{names: 10_000, queries: 20_000}
	}
	server := newSwapServer(t)
	swap := func(i int) {
		t.Helper()
		if _, err := server.client.Attach(t.Context(), control.Attachment{At: appsApex, Guest: "says", Version: uint64(1 + i%2)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, address := range []string{"192.0.2.1", "192.0.2.2"} { // both are compiled then
		swap(i)
		server.await(address)
	}
	var said [3]atomic.Int64
	a := newAsker(t, server.dns, load, func(response []byte) bool {
		version := response[len(response)-1] // the address ends the only record
		if version != 1 && version != 2 {
			return false
		}
		said[version].Add(1)
		return true
	})
	before := 0
	for i := range seconds {
		time.Sleep(time.Second)
		swap(i)
		if i == 3 {
			before = server.resident()
		}
	}
	after := server.resident()
	sent, lost, failed, slowest := a.end()
	t.Logf("%d swaps, %d queries, the slowest %v, answers of the two versions %d and %d, resident %d KiB, %d before",
		seconds, sent, slowest, said[1].Load(), said[2].Load(), after, before)
	if lost > 0 || failed > 0 {
		t.Errorf("%d of %d queries were not answered, and %d wrongly; want none", lost, sent, failed)
	}
	if least := int64(sent / 10); said[1].Load() < least || said[2].Load() < least {
		t.Errorf("the versions gave %d and %d answers, want each at least %d", said[1].Load(), said[2].Load(), least)
	}
	if most := before + before/4 + 16<<10; after > most {
		t.Errorf("%d KiB are resident after the swaps, %d before; want at most %d", after, before, most)
	}
}

// swapServer is a server with a zone and two versions of a guest.
type swapServer struct {
	*testing.T
	dns    string
	client *control.Client
	pid    int
}

func newSwapServer(t *testing.T) *swapServer {
	t.Helper()
	program := responder(t)
	dir := t.TempDir()
	ports := freePorts(t, 3)
	env := append(os.Environ(), "RESPONDER_STORE=bolt:"+filepath.Join(dir, "responder.db"), "RESPONDER_LISTEN="+ports[0],
		"RESPONDER_CONTROL_LISTEN="+ports[1], "RESPONDER_METRICS_LISTEN="+ports[2], "RESPONDER_RRL_RATE=0", "RESPONDER_RRL_PREFIX_RATE=0")
	zone := filepath.Join(dir, "zone")
	if err := os.WriteFile(zone, []byte("@ 300 SOA ns1 host 1 3600 600 86400 60\n@ 300 NS ns1\nns1 300 A 192.0.2.53\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := exec.Command(program, "zone", "import", "--origin", appsApex, zone)
	load.Env = env
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("zone import: %v\n%s", err, out)
	}
	serve := exec.Command(program, "serve")
	serve.Env = env
	startCommand(t, serve)
	awaitServer(t, ports[0], appsApex+".")
	s := &swapServer{t, ports[0], control.NewClient(ports[1], ""), serve.Process.Pid}
	t.Cleanup(func() { s.client.Close() })
	for version := 1; version <= 2; version++ {
		module := filepath.Join(dir, fmt.Sprint("says", version, ".wasm"))
		build := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", fmt.Sprint("-ldflags=-s -w -X main.version=", version), "-o", module, "./testdata/says")
		build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build the guest: %v\n%s", err, out)
		}
		wasm, err := os.ReadFile(module)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.PushGuest(t.Context(), control.GuestPush{Guest: "says"}, wasm); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// await waits until an address is answered.
func (s *swapServer) await(address string) {
	s.Helper()
	for range 500 {
		got := ask(s.T, s.dns, asking{name: "n0." + appsApex + ".", typ: dns.TypeA})
		if len(got.Answer) == 1 && got.Answer[0].(*dns.A).A.String() == address {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Fatalf("%s is not answered", address)
}

// resident gives the server's resident memory in KiB.
func (s *swapServer) resident() int {
	s.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		s.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		s.Fatal(err)
	}
	return kib
}
