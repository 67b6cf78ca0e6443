package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

const (
	crashes     = 20
	crashWriter = 50    // goroutines that write, half of them whole zones
	smallZone   = 100   // names of a zone that is written as a difference
	largeZone   = 12000 // names of a zone that is written beside and put in place
)

// TestKill kills a server with SIGKILL while 50 clients import zones and set
// records, again and again. Each client writes a number that it counts up. After
// a restart, every zone must be at one number throughout, and at none below the
// last that was acknowledged.
func TestKill(t *testing.T) {
	rounds := crashes
	if testing.Short() {
		rounds = 3
	}
	c := &crashTest{dir: t.TempDir(), addresses: serverAddresses(t)}
	c.client = control.NewClient(c.addresses["RESPONDER_CONTROL_LISTEN"], "")
	defer c.client.Close()
	for i := range crashWriter {
		c.writers = append(c.writers, &crashWriterState{zone: rr.MustParseName(fmt.Sprintf("z%d.example", i)), names: smallZone, whole: i%2 == 0})
	}
	c.writers[0].names = largeZone
	for round := range rounds {
		server := c.start(t)
		if round == 0 {
			c.prepare(t)
		} else {
			c.verify(t)
		}
		c.writeAndKill(t, server)
		if t.Failed() {
			t.Fatalf("failed in round %d", round)
		}
	}
	server := c.start(t)
	c.verify(t)
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the server's end: %v", err)
	}
	acknowledged := uint64(0)
	for _, w := range c.writers {
		acknowledged += w.acked.Load()
	}
	t.Logf("%d kills, %d writes acknowledged", rounds, acknowledged)
}

type crashTest struct {
	dir       string
	addresses map[string]string
	settings  []string // of the server, NAME=VALUE, beside these
	client    *control.Client
	writers   []*crashWriterState
}

// crashWriterState is what one client knows.
type crashWriterState struct {
	zone  rr.Name
	names int
	whole bool // it imports the zone; else it sets one RRset in it

	acked, tried atomic.Uint64
}

// start runs a server and waits until it serves.
func (c *crashTest) start(t *testing.T) *exec.Cmd {
	t.Helper()
	var output strings.Builder
	cmd := exec.Command("responder", "serve") // this test's own binary, by TestMain
	cmd.Dir, cmd.Stderr = c.dir, &output
	cmd.Env = append(os.Environ(), "RESPONDER_STORE=bolt:"+filepath.Join(c.dir, "responder.db"), "RESPONDER_LOG_LEVEL=error")
	for name, address := range c.addresses {
		cmd.Env = append(cmd.Env, name+"="+address)
	}
	cmd.Env = append(cmd.Env, c.settings...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	if err := awaitReady(c.addresses["RESPONDER_METRICS_LISTEN"]); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("%v\n%s", err, output.String())
	}
	return cmd
}

// sets is the content of a writer's zone at a number: the serial and every
// record say it.
func (w *crashWriterState) sets(t testing.TB, n uint64) []rr.Set {
	var text strings.Builder
	fmt.Fprintf(&text, "$TTL 60\n@ SOA ns hostmaster %d 1 1 1 1\n@ NS ns\n", n)
	for i := range w.names {
		fmt.Fprintf(&text, "n%d TXT %d\n", i, n)
	}
	for i := range 10 {
		fmt.Fprintf(&text, "all TXT %d %d\n", i, n)
	}
	sets, err := zonefile.Parse(strings.NewReader(text.String()), zonefile.Options{Origin: w.zone})
	if err != nil {
		t.Error(err)
	}
	return sets
}

// prepare gives all zones the number 1.
func (c *crashTest) prepare(t *testing.T) {
	for _, w := range c.writers {
		if _, err := c.client.ImportZone(t.Context(), control.ZoneImport{Zone: w.zone.String()}, w.sets(t, 1)); err != nil {
			t.Fatal(err)
		}
		w.acked.Store(1)
		w.tried.Store(1)
	}
}

// writeAndKill lets all clients write, and kills the server meanwhile.
func (c *crashTest) writeAndKill(t *testing.T, server *exec.Cmd) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	for _, w := range c.writers {
		running.Go(func() { w.write(ctx, t, c.client) })
	}
	running.Go(func() { c.watch(ctx, t) })
	time.Sleep(time.Duration(100+rand.IntN(300)) * time.Millisecond)
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait() // its error is that it was killed
	stop()
	running.Wait()
}

// write counts up until the server is gone.
func (w *crashWriterState) write(ctx context.Context, t *testing.T, client *control.Client) {
	for ctx.Err() == nil {
		n := w.tried.Add(1)
		var err error
		if w.whole {
			_, err = client.ImportZone(ctx, control.ZoneImport{Zone: w.zone.String()}, w.sets(t, n))
		} else {
			set := control.RecordSet{Name: "all." + w.zone.String(), Type: "TXT", TTL: 60}
			for i := range 10 {
				set.Data = append(set.Data, fmt.Sprintf("%d %d", i, n))
			}
			_, err = client.SetRecords(ctx, control.RecordSetRequest{Zone: w.zone.String(), Set: set})
		}
		var refused *control.Error
		switch {
		case err == nil:
			w.acked.Store(n)
		case errors.As(err, &refused) && refused.Code != control.CodeUnknown:
			t.Errorf("%v: write %d: %v", w.zone, n, err)
			return
		default:
			return // the server is gone
		}
	}
}

// watch asks the server while it is written to: each response is of one number.
func (c *crashTest) watch(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		w := c.writers[rand.IntN(len(c.writers))]
		numbers, err := c.ask(w)
		if err != nil {
			continue // the server is gone, or about to be
		}
		for _, n := range numbers {
			if n != numbers[0] || len(numbers) != 10 {
				t.Errorf("%v: one response has the numbers %v", w.zone, numbers)
				return
			}
		}
	}
}

// ask gives the numbers in the RRset that has ten.
func (c *crashTest) ask(w *crashWriterState) ([]uint64, error) {
	m := new(dns.Msg)
	m.SetQuestion("all."+w.zone.String(), dns.TypeTXT)
	m.SetEdns0(1232, false)
	patient := &dns.Client{Timeout: 500 * time.Millisecond} // a killed server keeps nobody waiting
	response, _, err := patient.Exchange(m, c.addresses["RESPONDER_LISTEN"])
	if err != nil {
		return nil, err
	}
	if response.Rcode != dns.RcodeSuccess {
		return nil, errors.New(dns.RcodeToString[response.Rcode])
	}
	var numbers []uint64
	for _, record := range response.Answer {
		txt, ok := record.(*dns.TXT)
		if !ok || len(txt.Txt) != 2 {
			return nil, fmt.Errorf("unexpected record %v", record)
		}
		n, err := strconv.ParseUint(txt.Txt[1], 10, 64)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// verify holds what a restarted server has and serves against what the clients
// know, and takes it over as the new state.
func (c *crashTest) verify(t *testing.T) {
	for _, w := range c.writers {
		sets, err := c.client.ExportZone(t.Context(), control.ZoneName{Zone: w.zone.String()})
		if err != nil {
			t.Fatalf("%v: %v", w.zone, err)
		}
		n, err := w.number(sets)
		if err != nil {
			t.Errorf("%v: %v", w.zone, err)
			continue
		}
		if acked, tried := w.acked.Load(), w.tried.Load(); n < acked || n > tried {
			t.Errorf("%v: number %d came back, want %d, which was acknowledged, to %d", w.zone, n, acked, tried)
		}
		served, err := c.ask(w)
		if err != nil || len(served) != 10 || served[0] != n || served[9] != n {
			t.Errorf("%v: numbers %v are served, error %v, want %d", w.zone, served, err, n)
		}
		w.acked.Store(n)
		w.tried.Store(n)
	}
}

// number finds the number that a zone's sets have throughout.
func (w *crashWriterState) number(sets []rr.Set) (uint64, error) {
	if len(sets) != w.names+3 {
		return 0, fmt.Errorf("%d RRsets, want %d", len(sets), w.names+3)
	}
	numbers := make(map[string]int)
	for _, s := range sets {
		label := s.Name.Label()
		if s.Type != rr.TypeTXT || (!w.whole && label != "all") {
			continue
		}
		for _, data := range s.Data {
			text := zonefile.FormatRdata(s.Type, data)
			text = text[strings.LastIndexByte(text, ' ')+1:]
			numbers[strings.Trim(text, `"`)]++
		}
	}
	if len(numbers) != 1 {
		return 0, fmt.Errorf("the zone is written in part: %v", numbers)
	}
	for text := range numbers {
		n, err := strconv.ParseUint(text, 10, 64)
		return n, err
	}
	return 0, io.ErrUnexpectedEOF
}
