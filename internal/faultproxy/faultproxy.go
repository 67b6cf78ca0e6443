// Package faultproxy stands between a client and a server that speak TCP, and fails
// as networks do. It is for tests.
//
// Start with New. A Proxy is safe for concurrent use.
package faultproxy

import (
	"io"
	"net"
	"sync"
	"time"
)

// Mode is what a Proxy does with connections.
type Mode int

const (
	Pass    Mode = iota // all goes through
	Cut                 // connections are closed, new ones at once
	Silence             // what connections carry is lost from now on for good; new ones are made, and carry nothing either
	Hold                // what connections carry waits until the mode is another
)

// Proxy forwards connections to a target.
type Proxy struct {
	listener net.Listener

	mu      sync.Mutex
	target  string
	mode    Mode
	delay   time.Duration
	changed chan struct{} // closed when the mode changes
	conns   map[*conn]bool
	closed  bool
}

// conn is both sides of a connection.
type conn struct {
	client, server net.Conn
	lost           bool // nothing goes through any more
}

// New listens on a free loopback port and forwards to HOST:PORT.
func New(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: l, changed: make(chan struct{}), conns: map[*conn]bool{}}
	go p.accept()
	return p, nil
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the mode.
func (p *Proxy) Set(m Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	for c := range p.conns {
		switch m {
		case Cut:
			c.close()
		case Silence:
			c.lost = true
		}
	}
}

// Lead forwards to another HOST:PORT from now on, and closes the connections there
// are.
func (p *Proxy) Lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
	for c := range p.conns {
		c.close()
	}
}

// Delay lets everything wait for so long, each way.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	p.Set(Cut)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	return p.listener.Close()
}

func (c *conn) close() {
	c.client.Close()
	c.server.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		client.Close()
		return
	}
	c := &conn{client: client, server: server}
	p.mu.Lock()
	if p.closed || p.mode == Cut || p.target != target {
		p.mu.Unlock()
		c.close()
		return
	}
	c.lost = p.mode == Silence
	p.conns[c] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(c, server, client) })
	both.Go(func() { p.copy(c, client, server) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *Proxy) copy(c *conn, to io.Writer, from io.Reader) {
	defer c.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if p.lets(c) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}

// lets waits for as long as the mode says, and reports whether bytes go on.
func (p *Proxy) lets(c *conn) bool {
	for {
		p.mu.Lock()
		mode, delay, changed, lost := p.mode, p.delay, p.changed, c.lost
		p.mu.Unlock()
		if lost {
			return false
		}
		if mode != Hold {
			time.Sleep(delay)
			return true
		}
		<-changed
	}
}
