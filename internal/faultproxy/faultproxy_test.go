package faultproxy

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// echo asks over a connection and reports whether the same came back.
func echo(t *testing.T, c net.Conn) bool {
	t.Helper()
	c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := c.Write([]byte("hello")); err != nil {
		return false
	}
	var got [5]byte
	_, err := io.ReadFull(c, got[:])
	return err == nil && string(got[:]) == "hello"
}

// answerer gives the address of a server that sends back what it gets, or something
// else of the same length.
func answerer(t *testing.T, back func([]byte) []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 64)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					c.Write(back(buf[:n]))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func same(b []byte) []byte { return b }

func TestModes(t *testing.T) {
	p, err := New(answerer(t, same))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for _, test := range []struct {
		mode   Mode
		during bool // a connection works in the mode
		after  bool // one that was there works later
		name   string
	}{
		{mode: Pass, during: true, after: true, name: "pass"},
		{mode: Cut, name: "cut"},
		{mode: Silence, name: "silence"},
		{mode: Hold, after: true, name: "hold"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dial()
			if !echo(t, c) {
				t.Fatal("no echo before")
			}
			p.Set(test.mode)
			if got := echo(t, dial()); got != test.during {
				t.Errorf("a new connection works: %v", got)
			}
			p.Set(Pass)
			if got := echo(t, c); got != test.after {
				t.Errorf("the old connection works later: %v", got)
			}
			if !echo(t, dial()) {
				t.Error("a new connection does not work later")
			}
		})
	}
	p.Delay(60 * time.Millisecond)
	c, started := dial(), time.Now()
	if !echo(t, c) || time.Since(started) < 120*time.Millisecond {
		t.Errorf("a delayed echo took %v", time.Since(started))
	}
	p.Delay(0)
	c = dial()
	if !echo(t, c) {
		t.Fatal("no echo before it leads elsewhere")
	}
	p.Lead(answerer(t, bytes.ToUpper))
	if echo(t, c) {
		t.Error("a connection is left where it led before")
	}
	if c := dial(); echo(t, c) {
		t.Error("a new connection goes where it led before")
	}
	p.Lead(answerer(t, same))
	if !echo(t, dial()) {
		t.Error("a new connection does not work")
	}
}
