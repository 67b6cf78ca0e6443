package frontend

import (
	"net/netip"
	"sync"
)

// Prefixes that count as one client: what one network is usually given.
const (
	clientBits4 = 24
	clientBits6 = 56
)

// connLimiter counts open connections, in all and by client prefix. It is safe
// for concurrent use.
type connLimiter struct {
	total, client int // limits

	mu       sync.Mutex
	open     int
	byClient map[netip.Prefix]int
}

func newConnLimiter(total, client int) *connLimiter {
	return &connLimiter{total: total, client: client, byClient: map[netip.Prefix]int{}}
}

// admission is the answer to a new connection.
type admission uint8

const (
	admitted admission = iota
	full               // there are as many as may be
	crowded            // the client's prefix has as many as it may
)

// admit counts a connection in, unless it is one too many. One of a proxy has no
// client yet, and an address that is not valid.
func (l *connLimiter) admit(client netip.Addr) admission {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.total {
		return full
	}
	a := l.take(client)
	if a == admitted {
		l.open++
	}
	return a
}

// attribute counts a connection that was admitted without one to its client.
// Unless there are too many of that, it is released with its address.
func (l *connLimiter) attribute(client netip.Addr) admission {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(client)
}

// take counts to a client. The lock is held.
func (l *connLimiter) take(client netip.Addr) admission {
	if !client.IsValid() {
		return admitted
	}
	p := clientPrefix(client)
	if l.byClient[p] >= l.client {
		return crowded
	}
	l.byClient[p]++
	return admitted
}

// release counts out a connection of the client it counts to, if any.
func (l *connLimiter) release(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !client.IsValid() {
		return
	}
	p := clientPrefix(client)
	if l.byClient[p]--; l.byClient[p] == 0 {
		delete(l.byClient, p)
	}
}

func clientPrefix(client netip.Addr) netip.Prefix {
	bits := clientBits6
	if client.Is4() {
		bits = clientBits4
	}
	p, err := client.Prefix(bits)
	if err != nil {
		panic(err) // only an invalid address has no prefix, and no socket has one
	}
	return p
}
