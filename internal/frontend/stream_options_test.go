package frontend

import (
	"bytes"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
)

// withOptions packs a query with EDNS options.
func withOptions(t *testing.T, qname string, qtype uint16, options ...dns.EDNS0) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = options
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// optionsOf returns the options of a response by their codes.
func optionsOf(t *testing.T, msg []byte) map[uint16]dns.EDNS0 {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil {
		t.Fatalf("%x: %v", msg, err)
	}
	options := map[uint16]dns.EDNS0{}
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			options[option.Option()] = option
		}
	}
	return options
}

func TestStreamOptions(t *testing.T) {
	s, trust := secured(t, Config{TCP: TCPConfig{Idle: 7 * time.Second}}, example(t))
	client := httpsClient(trust, true)
	ask := map[hostabi.Transport]func([]byte) []byte{
		hostabi.TransportUDP:   func(msg []byte) []byte { return exchangeOn(t, dial(t, "udp", s.Addrs()[0]), msg) },
		hostabi.TransportTCP:   func(msg []byte) []byte { return exchangeOn(t, dial(t, "tcp", s.Addrs()[0]), msg) },
		hostabi.TransportTLS:   func(msg []byte) []byte { return exchangeOn(t, dialTLS(t, s, trust), msg) },
		hostabi.TransportHTTPS: func(msg []byte) []byte { return getMessage(t, client, s, msg) },
	}
	keepalive, padding := &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_PADDING{Padding: make([]byte, 9)}
	tests := []struct {
		name                  string
		msg                   []byte
		transports            []hostabi.Transport
		wantAlive, wantPadded bool
	}{
		{"none asked for", withOptions(t, "www.example.", dns.TypeA), []hostabi.Transport{hostabi.TransportUDP, hostabi.TransportTCP, hostabi.TransportTLS, hostabi.TransportHTTPS}, false, false},
		{"both, not encrypted", withOptions(t, "www.example.", dns.TypeA, keepalive, padding), []hostabi.Transport{hostabi.TransportTCP}, true, false},
		{"both", withOptions(t, "www.example.", dns.TypeA, keepalive, padding), []hostabi.Transport{hostabi.TransportTLS}, true, true},
		{"both, HTTPS", withOptions(t, "www.example.", dns.TypeA, padding, keepalive), []hostabi.Transport{hostabi.TransportHTTPS}, false, true},
		{"both, UDP", withOptions(t, "www.example.", dns.TypeA, keepalive, padding), []hostabi.Transport{hostabi.TransportUDP}, false, false},
		{"large", withOptions(t, "example.", dns.TypeTXT, padding), []hostabi.Transport{hostabi.TransportTLS, hostabi.TransportHTTPS}, false, true},
		{"refused", withOptions(t, "elsewhere.", dns.TypeA, keepalive, padding), []hostabi.Transport{hostabi.TransportTLS}, true, true},
	}
	for _, test := range tests {
		for _, transport := range test.transports {
			t.Run(test.name+" over "+transport.String(), func(t *testing.T) {
				msg := ask[transport](test.msg)
				got := optionsOf(t, msg)
				alive, isAlive := got[dns.EDNS0TCPKEEPALIVE].(*dns.EDNS0_TCP_KEEPALIVE)
				if isAlive != test.wantAlive || isAlive && alive.Timeout != 70 {
					t.Errorf("got keepalive %v, want one: %v", alive, test.wantAlive)
				}
				if _, padded := got[dns.EDNS0PADDING]; padded != test.wantPadded || padded && len(msg)%paddingBlock != 0 {
					t.Errorf("got %d octets, padded %v, want %v", len(msg), padded, test.wantPadded)
				}
			})
		}
	}
}

// Options stay within what a message can carry.
func TestPaddingBounds(t *testing.T) {
	for n := maxMessage - 2*paddingBlock; n <= maxMessage; n++ {
		b := appendPadding(make([]byte, n), n)
		switch {
		case len(b) > maxMessage:
			t.Fatalf("%d octets became %d", n, len(b))
		case len(b)%paddingBlock != 0 && len(b) < maxMessage-4:
			t.Fatalf("%d octets became %d, no block", n, len(b))
		}
	}
	if b := appendPadding(make([]byte, paddingBlock-4), paddingBlock-4); !bytes.Equal(b[paddingBlock-4:], []byte{0, optionPadding, 0, 0}) {
		t.Errorf("got %x", b[paddingBlock-4:])
	}
}

// The fewer places are left, the shorter a connection may be silent.
func TestIdleTime(t *testing.T) {
	s := &Server{config: Config{TCP: TCPConfig{Idle: 20 * time.Second, Connections: 100}}, metrics: &Metrics{}}
	for _, step := range []struct {
		open int64
		want time.Duration
	}{{0, 20 * time.Second}, {50, 20 * time.Second}, {75, 10 * time.Second}, {90, 4 * time.Second}, {99, time.Second}, {100, time.Second}} {
		s.metrics.tcp.open.Store(step.open)
		if got := s.idleTime(); got != step.want {
			t.Errorf("%d open: got %v, want %v", step.open, got, step.want)
		}
	}
	s.config.TCP.Idle = 10 * time.Millisecond
	if got := s.idleTime(); got != 10*time.Millisecond {
		t.Errorf("a short time: got %v", got)
	}
}
