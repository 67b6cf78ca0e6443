package frontend

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/tap"
	"github.com/namelet/namelet/rr"
)

// captured runs a receiver of frame streams that knows nothing of this program, and
// returns its socket, and what ends it and gives the file that it has written.
func captured(t *testing.T) (socket string, end func() string) {
	t.Helper()
	dir := t.TempDir()
	socket, file := filepath.Join(dir, "tap.sock"), filepath.Join(dir, "tap.fstrm")
	cmd := exec.Command("fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", socket, "-w", file)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (apt-get install fstrm-bin)", err)
	}
	stop := sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		return cmd.Wait()
	})
	t.Cleanup(func() { _ = stop() })
	return socket, func() string {
		if err := stop(); err != nil {
			t.Fatalf("fstrm_capture: %v: %s", err, said.Bytes())
		}
		return file
	}
}

// decoded has a reader that knows nothing of this program decode a file, and calls
// each with the fields of every message on one line: date, time, kind, client, protocol,
// size, qname, class, type.
func decoded(t *testing.T, file string, each func(fields []string)) {
	t.Helper()
	cmd := exec.Command("dnstap-ldns", "-q", "-r", file)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("%v (apt-get install dnstap-ldns)", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		each(strings.Fields(lines.Text()))
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("dnstap-ldns: %v: %s", err, said.Bytes())
	}
}

// Every query of a hundred thousand is in the stream with its response, once, and
// whole, as a reader of others' making sees it.
func TestDnstapStream(t *testing.T) {
	const clients, queries = 4, 25_000
	socket, end := captured(t)
	d, err := tap.NewDnstap(tap.DnstapConfig{Address: "unix:" + socket, Sample: 1, Identity: "ns1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		d.Run(ctx)
		close(ran)
	}()
	s := serve(t, Config{CacheBytes: 4 << 20, Tap: d}, example(t))
	var all sync.WaitGroup
	var answered atomic.Int64
	room := func() bool { return d.Stats().Waiting < 4096 } // the machine may be busy, and then the stream is slower than the answers
	for client := range clients {
		all.Go(func() { answered.Add(int64(askMany(t, s.Addrs()[0], client, queries, room))) })
	}
	all.Wait()
	if n := answered.Load(); n != clients*queries {
		t.Fatalf("%d of %d queries were answered", n, clients*queries)
	}
	stop()
	<-ran
	if stats := d.Stats(); stats.Taken != clients*queries || stats.Dropped+stats.Lost > 0 {
		t.Fatalf("got %+v", stats)
	}
	seen := map[string]int{}
	decoded(t, end(), func(fields []string) {
		if len(fields) != 9 || fields[3] != "127.0.0.1" || fields[4] != "UDP" {
			t.Fatalf("got a message %q", fields)
		}
		seen[fields[2]+" "+strings.Trim(fields[6], `"`)]++
	})
	for client := range clients {
		for i := range queries {
			name := nameOf(client, i)
			if seen["AQ "+name] != 1 || seen["AR "+name] != 1 {
				t.Fatalf("%s: %d queries and %d responses", name, seen["AQ "+name], seen["AR "+name])
			}
		}
	}
	if len(seen) != 2*clients*queries {
		t.Errorf("%d names and kinds, want %d", len(seen), 2*clients*queries)
	}
}

func nameOf(client, i int) string { return fmt.Sprintf("q%d-%d.example.", client, i) }

// askMany asks for so many names, a few at a time and while there is room, and returns
// how many responses came.
func askMany(t *testing.T, to netip.AddrPort, client, queries int, room func() bool) (answered int) {
	const window = 64
	conn := dial(t, "udp", to)
	defer conn.Close()
	var buf [512]byte
	for i := 0; i < queries; i += window {
		for !room() {
			time.Sleep(time.Millisecond)
		}
		n := min(window, queries-i)
		for k := range n {
			if _, err := conn.Write(question(t, uint16(k), nameOf(client, i+k), dns.TypeA)); err != nil {
				t.Error(err)
				return answered
			}
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for range n {
			if _, err := conn.Read(buf[:]); err != nil {
				t.Error(err)
				return answered
			}
			answered++
		}
	}
	return answered
}

// taken keeps what a tap is shown.
type taken struct {
	mu  sync.Mutex
	all []tap.Exchange
}

func (k *taken) Take(x *tap.Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := *x
	c.Query, c.Response = bytes.Clone(x.Query), bytes.Clone(x.Response)
	k.all = append(k.all, c)
}

// wait returns what was shown, once that is n exchanges.
func (k *taken) wait(t *testing.T, n int) []tap.Exchange {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		k.mu.Lock()
		all := k.all
		k.mu.Unlock()
		if len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d exchanges were shown, want %d", len(all), n)
		}
	}
}

// A tap is shown what went over the wire, with both ends of it, over UDP and TCP,
// whoever answered: a worker, a cache or the server itself.
func TestTapOverUDPAndTCP(t *testing.T) {
	var k taken
	s := serve(t, Config{CacheBytes: 1 << 20, Tap: &k, Policy: PolicyConfig{HealthName: rr.MustParseName("health.server.")}}, example(t))
	shown := 0
	for _, network := range []string{"udp", "tcp"} {
		for _, name := range []string{"www.example.", "www.example.", "health.server.", "elsewhere."} {
			conn := dial(t, network, s.Addrs()[0])
			c := &dns.Conn{Conn: conn}
			m := new(dns.Msg).SetQuestion(name, dns.TypeA)
			if err := c.WriteMsg(m); err != nil {
				t.Fatal(err)
			}
			response, err := c.ReadMsgHeader(nil)
			if err != nil {
				t.Fatal(err)
			}
			shown++
			x := k.wait(t, shown)[shown-1]
			query, _ := m.Pack()
			if !bytes.Equal(x.Query, query) || !bytes.Equal(x.Response, response) {
				t.Errorf("%s %s: got %x and %x, want %x and %x", network, name, x.Query, x.Response, query, response)
			}
			wantTransport := hostabi.TransportUDP
			if network == "tcp" {
				wantTransport = hostabi.TransportTCP
			}
			if x.Client != addrOf(conn.LocalAddr()) || x.Server != s.Addrs()[0] || x.Transport != wantTransport || x.Answered.Before(x.Arrived) {
				t.Errorf("%s %s: got %v to %v over %v", network, name, x.Client, x.Server, x.Transport)
			}
			conn.Close()
		}
	}
	// What is no query is not shown.
	conn := dial(t, "udp", s.Addrs()[0])
	defer conn.Close()
	stray := question(t, 1, "www.example.", dns.TypeA)
	binary.BigEndian.PutUint16(stray[2:], flagQR)
	if _, err := conn.Write(stray); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(question(t, 2, "www.example.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	if x := k.wait(t, shown+1)[shown]; binary.BigEndian.Uint16(x.Query) != 2 {
		t.Errorf("got %x, want the query alone", x.Query)
	}
}

// Where nobody takes the stream answers go on, what has room is sent once somebody
// does, and what had none is counted.
func TestDnstapComesLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "late.fstrm")
	if err := os.Mkdir(path, 0o700); err != nil { // no file can be made there yet
		t.Fatal(err)
	}
	d, err := tap.NewDnstap(tap.DnstapConfig{Address: "file:" + path, Sample: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const queries = 10_000
	s := serve(t, Config{CacheBytes: 1 << 20, Tap: d}, example(t))
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		d.Run(ctx)
		close(ran)
	}()
	if n := askMany(t, s.Addrs()[0], 0, queries, func() bool { return true }); n != queries {
		t.Fatalf("%d of %d queries were answered", n, queries)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); !d.Stats().Connected; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the file was not made")
		}
	}
	stop()
	<-ran
	stats := d.Stats()
	if stats.Taken+stats.Dropped != queries || stats.Dropped == 0 || stats.Lost > 0 {
		t.Errorf("got %+v of %d queries", stats, queries)
	}
	messages := uint64(0)
	decoded(t, path, func([]string) { messages++ })
	if messages != 2*stats.Taken {
		t.Errorf("%d messages, want two of each of %d queries", messages, stats.Taken)
	}
}
