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

// admit counts a connection in, unless it is one too many.
func (l *connLimiter) admit(client netip.Addr) admission {
	p := clientPrefix(client)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.total:
		return full
	case l.byClient[p] >= l.client:
		return crowded
	}
	l.open++
	l.byClient[p]++
	return admitted
}

// release counts out a connection that was admitted.
func (l *connLimiter) release(client netip.Addr) {
	p := clientPrefix(client)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
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
