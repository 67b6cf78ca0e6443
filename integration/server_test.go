package integration

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// command finds a program that a Debian package installs.
func command(t testing.TB, program, pkg string) string {
	t.Helper()
	for _, candidate := range []string{program, filepath.Join("/usr/sbin", program)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is needed: apt-get install -y --no-install-recommends %s", program, pkg)
	return ""
}

// freePorts returns loopback addresses that are free for UDP and TCP. They lie below
// those that the system gives to whoever asks for any.
func freePorts(t testing.TB, count int) []string {
	t.Helper()
	var out []string
	for range 100 {
		if len(out) == count {
			return out
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(20_000)))
		if err != nil {
			continue
		}
		defer l.Close() // held until all are found, so that they differ
		if p, err := net.ListenPacket("udp", l.Addr().String()); err == nil {
			p.Close()
			out = append(out, l.Addr().String())
		}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil
}

// responder builds the program for a test.
func responder(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "responder")
	run(t, "go", "build", "-o", path, "github.com/namelet/namelet/cmd/responder")
	return path
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// start runs a server until the test ends.
func start(t testing.TB, name string, args ...string) {
	t.Helper()
	startCommand(t, exec.Command(name, args...))
}

// startCommand runs a server until stop is called, or the test ends. Its output goes
// to the test's log if the test fails.
func startCommand(t testing.TB, cmd *exec.Cmd) (stop func()) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
			t.Errorf("%s did not end on SIGTERM", cmd.Path)
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, output.String())
		}
	})
	return stop
}

// serveZone serves one zone file with responder, imported into a new store, and
// returns the address.
func serveZone(t testing.TB, program, apex, file string) string {
	t.Helper()
	store := "bolt:" + filepath.Join(t.TempDir(), "responder.db")
	ports := freePorts(t, 3)
	global := []string{"--store", store, "--control-listen", ports[1], "--metrics-listen", ports[2]}
	run(t, program, append(global, "zone", "import", "--origin", apex, file)...)
	start(t, program, append(global, "--listen", ports[0], "serve")...)
	awaitServer(t, ports[0], apex)
	return ports[0]
}

// nsdConfig serves one zone. Full answers without the NS of the zone in every
// one, any number a second.
const nsdConfig = `server:
  ip-address: %[1]s
  port: %[2]s
  username: ""
  chroot: ""
  server-count: 1
  zonesdir: %[3]q
  database: ""
  pidfile: "%[3]s/nsd.pid"
  xfrdfile: "%[3]s/xfrd.state"
  xfrdir: %[3]q
  zonelistfile: "%[3]s/zone.list"
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: %[4]q
  zonefile: %[5]q
`

// serveNSD serves the same with NSD.
func serveNSD(t testing.TB, apex, file string) string {
	t.Helper()
	program := command(t, "nsd", "nsd")
	dir, address := t.TempDir(), freePorts(t, 1)[0]
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "nsd.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nsdConfig, host, port, dir, apex, file), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, program, "-d", "-c", config)
	awaitServer(t, address, apex)
	return address
}

// awaitServer waits until a server answers for the zone.
func awaitServer(t testing.TB, address, apex string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := dns.Client{Timeout: 300 * time.Millisecond}
	query := new(dns.Msg).SetQuestion(apex, dns.TypeSOA)
	for {
		reply, _, err := client.ExchangeContext(ctx, query, address)
		if err == nil && reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 1 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer for %s: %v", address, apex, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
