package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const unitFile = "../../deploy/systemd/namelet.service"

// unit reads the unit, with its program in a place where there is one.
func unit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "/usr/bin/responder", program)
}

// The settings of the unit are settings, with values that can be worked with.
func TestUnitSettings(t *testing.T) {
	var environ []string
	for _, line := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit(t), -1) {
		environ = append(environ, line[1])
	}
	if unknown := unknownVariables(environ); len(environ) == 0 || len(unknown) > 0 {
		t.Fatalf("%d settings, unknown are %v", len(environ), unknown)
	}
	var c config
	if err := c.load(environ); err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
}

// systemd understands every line of the unit, and finds little that it leaves open.
func TestUnitVerify(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatal("systemd-analyze is missing: apt-get install systemd")
	}
	path := filepath.Join(t.TempDir(), "namelet.service")
	if err := os.WriteFile(path, []byte(unit(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(text), "namelet.service:") {
		t.Errorf("verify: %v: %s", err, text)
	}
	text, err = exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=25", path).CombinedOutput()
	if err != nil {
		t.Errorf("security: %v: %s", err, text)
	}
}

// The sockets of the socket unit are answered on, where their numbers come as systemd
// has it.
func TestSocketsOfSystemd(t *testing.T) {
	environ, addresses := memoryServer(t)
	address := addresses["RESPONDER_LISTEN"]
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udpFile, err := udp.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	tcpFile, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=2 exec responder serve --listen systemd --workers 2")
	cmd.ExtraFiles = []*os.File{udpFile, tcpFile}
	cmd.Env = append(os.Environ(), environ...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	if err := awaitReady(addresses["RESPONDER_METRICS_LISTEN"]); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	for _, network := range []string{"udp", "tcp"} {
		r, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("health.server.", dns.TypeA), address)
		if err != nil || r.Rcode != dns.RcodeSuccess {
			t.Errorf("%s: got %v, %v", network, r, err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.String())
	}
	text, err := exec.Command("responder", "serve", "--listen", "systemd", "--store", "memory:").CombinedOutput()
	if err == nil || !strings.HasPrefix(string(text), "responder: RESPONDER_LISTEN: no sockets came with the start") {
		t.Errorf("without sockets: %v: %s", err, text)
	}
}

// A service manager hears when the server serves, that it lives, and when it ends.
func TestServiceManager(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	environ, _ := memoryServer(t)
	cmd := exec.Command("responder", "serve")
	cmd.Env = append(append(os.Environ(), "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=300000", "RESPONDER_DRAIN=1s"), environ...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	hear := func() string {
		t.Helper()
		var b [256]byte
		_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := l.Read(b[:])
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	if got := hear(); got != "READY=1" {
		t.Fatalf("got %q, want that it is ready", got)
	}
	if got := hear(); got != "WATCHDOG=1" {
		t.Fatalf("got %q, want that it lives", got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for got := hear(); got != "STOPPING=1\nEXTEND_TIMEOUT_USEC=21000000"; got = hear() {
		if got != "WATCHDOG=1" {
			t.Fatalf("got %q, want that it stops", got)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
