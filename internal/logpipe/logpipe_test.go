package logpipe

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// Lines come out whole and in order, those of before the end too.
func TestOrder(t *testing.T) {
	r, w := io.Pipe()
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all)
	}()
	p := New(w, func(uint64) {})
	var want strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(p, "line %d\n", i)
		fmt.Fprintf(&want, "line %d\n", i)
	}
	p.Close()
	w.Close()
	if got := <-read; got != want.String() || p.Dropped() != 0 {
		t.Errorf("got %d octets, want %d; %d are dropped", len(got), want.Len(), p.Dropped())
	}
	p.Write([]byte("too late\n"))
	if p.Close(); p.Dropped() != 1 {
		t.Errorf("%d are dropped after the end, want 1", p.Dropped())
	}
}

// A reader that stalls holds up neither who writes nor the end; what has no room is
// dropped, counted, and told of once somebody reads.
func TestReaderThatStalls(t *testing.T) {
	r, w := io.Pipe()
	told := make(chan uint64, 10)
	var p *Pipe
	p = New(w, func(n uint64) {
		p.Write([]byte("told\n"))
		told <- n
	})
	line := []byte(strings.Repeat("x", 1023) + "\n")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 1000 {
				p.Write(line)
			}
		})
	}
	group.Wait()
	dropped := p.Dropped()
	if kept := 4000 - dropped; kept < most>>10 || kept > 2*most>>10 {
		t.Errorf("%d lines of 1 KiB are kept", kept)
	}
	began := time.Now()
	p.Close()
	if took := time.Since(began); took > 2*farewell {
		t.Errorf("the end took %v", took)
	}
	all := make(chan int)
	go func() {
		n, _ := io.Copy(io.Discard, r)
		all <- int(n)
	}()
	if n := <-told; n != dropped {
		t.Errorf("told of %d, want %d", n, dropped)
	}
	<-p.ended
	w.Close()
	if n := <-all; n != int(4000-dropped)*len(line) {
		t.Errorf("%d octets came out, want %d", n, int(4000-dropped)*len(line))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

// What cannot be written counts as dropped.
func TestBrokenReader(t *testing.T) {
	p := New(broken{}, func(uint64) {})
	p.Write([]byte("a\nb\n"))
	if p.Close(); p.Dropped() != 2 {
		t.Errorf("%d are dropped, want 2", p.Dropped())
	}
}

// writes notes each write, the first of which waits.
type writes struct {
	begin chan struct{}
	all   []string
}

func (w *writes) Write(b []byte) (int, error) {
	<-w.begin
	w.all = append(w.all, string(b))
	return len(b), nil
}

// What has waited leaves in whole lines, few enough for a pipe to take them as one: a line that somebody else writes there is
// in none of ours.
func TestWholeLines(t *testing.T) {
	w := &writes{begin: make(chan struct{})}
	p := New(w, func(uint64) {})
	var want strings.Builder
	for i := range 300 {
		line := strings.Repeat("x", i*7%900) + "\n"
		if i == 150 {
			line = strings.Repeat("y", 9000) + "\n"
		}
		want.WriteString(line)
		p.Write([]byte(line))
	}
	close(w.begin)
	p.Close()
	if got := strings.Join(w.all, ""); got != want.String() {
		t.Errorf("got %d octets, want %d", len(got), want.Len())
	}
	for _, s := range w.all {
		if !strings.HasSuffix(s, "\n") || len(s) > 4096 && strings.Count(s, "\n") > 1 {
			t.Errorf("%d octets and %d lines in one write", len(s), strings.Count(s, "\n"))
		}
	}
	if len(w.all) < 20 {
		t.Errorf("%d writes", len(w.all))
	}
}
