package tap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
)

// exchange makes one of a query for a name and its answer.
func exchange(t testing.TB, name string) *Exchange {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	q.SetEdns0(1232, true)
	query, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg).SetRcode(q, dns.RcodeBadVers)
	m.SetEdns0(1232, true)
	response, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 0)
	return &Exchange{
		Client: netip.MustParseAddrPort("192.0.2.1:4711"), Server: netip.MustParseAddrPort("[::]:53"), Transport: hostabi.TransportTLS,
		Query: query, Response: response, Arrived: at, Answered: at.Add(1500 * time.Microsecond),
	}
}

// The log has a line for each query in its zones, and nothing of what the zones'
// names only end like.
func TestQueryLog(t *testing.T) {
	var out bytes.Buffer
	rules, err := ParseQueryRules("Shop.example,org,quiet.shop.example=off", 1)
	if err != nil {
		t.Fatal(err)
	}
	l := NewQueryLog(slog.New(slog.NewJSONHandler(&out, nil)), rules)
	for _, name := range []string{"a.quiet.shop.example.", "www.SHOP.example.", "shop.example.", "workshop.example.", "example.", ".", "a.b.org."} {
		l.Take(exchange(t, name))
	}
	none := exchange(t, "quiet.org.")
	none.Response, none.Client = nil, netip.MustParseAddrPort("[2001:db8::1]:0")
	l.Take(none)
	l.Take(&Exchange{Query: []byte("\x00\x00\x00\x00\x00\x01 no message")})
	broken := exchange(t, "broken.org.")
	broken.Query[2] |= dns.OpcodeNotify << 3
	broken.Query = broken.Query[:len(broken.Query)-1]
	l.Take(broken)
	ctx, end := context.WithCancel(t.Context())
	end()
	l.Run(ctx)
	var names []string
	var last, before map[string]any
	for dec := json.NewDecoder(&out); dec.More(); {
		before, last = last, nil
		if err := dec.Decode(&last); err != nil {
			t.Fatal(err)
		}
		names = append(names, last["qname"].(string))
		if last["qname"] == "shop.example." && (last["rcode"] != "BADVERS" || last["client"] != "192.0.2.1:4711" || last["transport"] != "tls" || last["took"] != 1.5e6 || last["do"] != true) {
			t.Errorf("got %v", last)
		}
	}
	if got, want := strings.Join(names, " "), "www.SHOP.example. shop.example. a.b.org. quiet.org. broken.org."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if before["rcode"] != "none" || before["client"] != "2001:db8::1" || before["opcode"] != nil {
		t.Errorf("got %v", before)
	}
	if last["opcode"] != "NOTIFY" || last["qtype"] != "A" || last["do"] != nil {
		t.Errorf("got %v", last)
	}
	if s := l.Stats(); s.Taken != 5 || s.Dropped != 0 {
		t.Errorf("got %+v", s)
	}
}

// A sample is about as large as it is said to be.
func TestSample(t *testing.T) {
	q := newQueue(func([]byte) bool { return drawn(10) })
	x := exchange(t, "www.example.")
	for range 20_000 {
		q.Take(x)
	}
	if n := q.stats().Taken; n < 1500 || n > 2500 {
		t.Errorf("got %d of 20000, want about 2000", n)
	}
}

// Neither exchanges nor octets that wait are without bound, and nothing is allocated
// for one that has no room.
func TestQueueBounds(t *testing.T) {
	q := newQueue(func([]byte) bool { return true })
	large := &Exchange{Query: make([]byte, 64), Response: make([]byte, 60_000)}
	for range 2 * queueMost {
		q.Take(large)
	}
	if s := q.stats(); s.Taken != queueBytes/60_064 || s.Taken+s.Dropped != 2*queueMost {
		t.Errorf("octets: got %+v", s)
	}
	for len(q.full) > 0 {
		q.done(<-q.full)
	}
	if n := q.bytes.Load(); n != 0 {
		t.Errorf("%d octets are still counted", n)
	}
	small := exchange(t, "www.example.")
	for range queueMost {
		q.Take(small)
	}
	if n := testing.AllocsPerRun(100, func() { q.Take(small) }); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}

// A file that is there is kept, and one that was moved away is made anew when asked.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.fstrm")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := NewDnstap(DnstapConfig{Address: "file:" + path, Sample: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		d.Run(ctx)
		close(ran)
	}()
	await := func(files int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			all, err := os.ReadDir(dir)
			if err == nil && len(all) == files && d.Stats().Connected {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %v, %v, want %d files", all, err, files)
			}
		}
	}
	await(2)
	d.Reopen()
	await(3)
	end()
	<-ran
	kept, err := filepath.Glob(path + ".*")
	if err != nil || len(kept) != 2 {
		t.Fatalf("got %v, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || string(text) != "before" {
		t.Errorf("got %q, %v", text, err)
	}
}

// start runs a Dnstap until end is called, which waits.
func start(t *testing.T, address string, log *slog.Logger) (d *Dnstap, end func()) {
	t.Helper()
	d, err := NewDnstap(DnstapConfig{Address: address, Sample: 1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		d.Run(ctx)
		close(ran)
	}()
	end = func() {
		cancel()
		select {
		case <-ran:
		case <-time.After(farewell + outputTime):
			t.Error("it does not end")
		}
	}
	t.Cleanup(end)
	return d, end
}

// A disk that is full does not fill up with files that hold nothing, nor the log with
// lines, and what was lost is counted.
func TestFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("needs ", full)
	}
	var out bytes.Buffer // written by Run alone, read when it has ended
	d, end := start(t, "file:"+full, slog.New(slog.NewTextHandler(&out, nil)))
	x := exchange(t, "www.example.")
	time.Sleep(5 * retryFirst)
	for range 3 {
		d.Take(x)
	}
	end()
	if text := out.String(); strings.Count(text, "no space left") != 1 || strings.Contains(text, "is connected") || !strings.Contains(text, "lost=3") {
		t.Errorf("got %s", text)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.fstrm")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := createFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("an empty file was moved aside: %v, %v", all, err)
	}
}

// Whoever has mended what kept a stream from its start can have it tried at once.
func TestReopenWhileAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	synctest.Test(t, func(t *testing.T) {
		d, end := start(t, "file:"+filepath.Join(dir, "a.fstrm"), slog.New(slog.DiscardHandler))
		time.Sleep(4*retryMost + time.Second)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		d.Reopen()
		synctest.Wait()
		if !d.Stats().Connected {
			t.Error("it still waits")
		}
		end()
	})
}

// What is a link to a file is not written over.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.WriteFile(path, []byte("before"), 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if f, err := createFile(link); err == nil || !strings.Contains(err.Error(), "name the file") {
		t.Errorf("got %v, %v", f, err)
	}
}

// A receiver that agrees and ends at once is not called again and again.
func TestReceiverThatEndsAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var calls atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{contentType}, Bidirectional: true})
			conn.Close()
		}
	}()
	var out bytes.Buffer
	d, end := start(t, "tcp:"+l.Addr().String(), slog.New(slog.NewTextHandler(&out, nil)))
	x := exchange(t, "www.example.")
	for began := time.Now(); time.Since(began) < 12*retryFirst; time.Sleep(5 * time.Millisecond) {
		d.Take(x)
	}
	end()
	if n := calls.Load(); n < 2 || n > 5 { // after 250, 500, 1000 and 2000 ms
		t.Errorf("it was called %d times", n)
	}
	if text := out.String(); strings.Count(text, "is connected") > 2 || strings.Count(text, "is not connected") != 1 {
		t.Errorf("got %s", text)
	}
}

// Receivers that say nothing, or take nothing, do not keep a server from its end, and
// what they did not take counts as lost.
func TestReceiversThatStall(t *testing.T) {
	agree := func(conn net.Conn) {
		framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{contentType}, Bidirectional: true})
	}
	for name, greet := range map[string]func(net.Conn){"silent": func(net.Conn) {}, "not reading": agree} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("unix", filepath.Join(t.TempDir(), "tap.sock"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			d, end := start(t, "unix:"+l.Addr().String(), slog.New(slog.DiscardHandler))
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			greet(conn)
			x := exchange(t, "www.example.")
			x.Response = make([]byte, 1000)
			for began := time.Now(); len(d.full) < 1000; time.Sleep(time.Microsecond) {
				if d.Take(x); time.Since(began) > 10*time.Second {
					t.Fatal("they are all taken")
				}
			}
			end()
			if s := d.Stats(); s.Lost < 1000 || s.Waiting != 0 || s.Lost > s.Taken {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// A receiver that goes away is called again, and what comes meanwhile is not lost but
// for what had been on its way.
func TestReceiverThatComesBack(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "tap.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := NewDnstap(DnstapConfig{Address: "unix:" + l.Addr().String(), Sample: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	go d.Run(ctx)
	receive := func(frames int) {
		t.Helper()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r, err := framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{contentType}, Bidirectional: true, Timeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var frame [4096]byte
		for range frames {
			if _, err := r.ReadFrame(frame[:]); err != nil {
				t.Fatal(err)
			}
		}
	}
	x := exchange(t, "www.example.")
	d.Take(x)
	receive(2)
	taken := uint64(1)
	for deadline := time.Now().Add(10 * time.Second); d.Stats().Connected; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not noticed that nobody receives")
		}
		d.Take(x)
		taken++
	}
	lost := d.Stats().Lost
	if lost == 0 || lost > taken {
		t.Errorf("%d are lost of %d", lost, taken)
	}
	d.Take(x)
	receive(2)
}

func TestAddresses(t *testing.T) {
	for text, ok := range map[string]bool{
		"unix:/run/tap.sock": true, "tcp:127.0.0.1:6000": true, "tcp:[::1]:6000": true, "file:/tmp/a": true,
		"": false, "unix:": false, "tcp:127.0.0.1": false, "udp:127.0.0.1:1": false, "/tmp/a": false,
	} {
		if _, err := parseAddress(text); (err == nil) != ok || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
