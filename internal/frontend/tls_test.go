package frontend

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/internal/testcert"
)

// serverName is whose certificate the tests make.
const serverName = "ns.example"

// certificate writes a self-signed certificate and its key to the files that c
// names, or to new ones, and returns what trusts it.
func certificate(t testing.TB, c *TLSConfig) *x509.CertPool {
	t.Helper()
	if c.CertFile == "" {
		dir := t.TempDir()
		c.CertFile, c.KeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	}
	if err := testcert.Write(c.CertFile, c.KeyFile, serverName, time.Hour); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(c.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(made) {
		t.Fatalf("%s has no certificate", c.CertFile)
	}
	return pool
}

// secured runs a server with TLS and HTTPS, and returns how a client would trust
// it.
func secured(t testing.TB, config Config, h Handler) (*Server, *tls.Config) {
	t.Helper()
	pool := certificate(t, &config.TLS)
	config.TLS.Listen, config.TLS.HTTPSListen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	return serve(t, config, h), &tls.Config{RootCAs: pool, ServerName: serverName, NextProtos: []string{"dot"}}
}

// dialTLS connects to the address for DNS over TLS.
func dialTLS(t testing.TB, s *Server, config *tls.Config) *tls.Conn {
	t.Helper()
	conn := tls.Client(dial(t, "tcp", s.TLSAddrs()[0]), config)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	return conn
}

// reporter answers with NODATA and says who asked, and how.
type reporter chan resolve.Client

func (r reporter) NewWorker() Worker              { return r }
func (r reporter) NewSlowWorker() Worker          { return r }
func (reporter) Generation() uint64               { return 0 }
func (reporter) Shadows() bool                    { return false }
func (reporter) Shadowed(authority.Question) bool { return false }
func (r reporter) Idle()                          {}
func (r reporter) Close()                         {}

func (r reporter) Resolve(_ authority.Question, c resolve.Client, resp *resolve.Response) {
	r <- c
	resp.Outcome = authority.OutcomeNoData
}

func TestTLS(t *testing.T) {
	r := make(reporter, 10)
	s, trust := secured(t, Config{}, r)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := trust.Clone()
			config.MinVersion, config.MaxVersion = version, version
			conn := dialTLS(t, s, config)
			if got := conn.ConnectionState().NegotiatedProtocol; got != "dot" {
				t.Errorf("got the protocol %q", got)
			}
			send(t, conn, framed(question(t, 1, "a.", dns.TypeA), question(t, 2, "a.", dns.TypeA)))
			if got := id(t, conn) + id(t, conn); got != 3 {
				t.Errorf("got ids that sum to %d, want 3", got)
			}
			want := resolve.Client{Addr: netip.MustParseAddr("127.0.0.1"), Transport: hostabi.TransportTLS}
			if got := <-r; got != want || <-r != want {
				t.Errorf("got the client %v, want %v", got, want)
			}
		})
	}
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.1":        func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 },
		"other protocol": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
	} {
		t.Run(name, func(t *testing.T) {
			config := trust.Clone()
			change(config)
			conn := tls.Client(dial(t, "tcp", s.TLSAddrs()[0]), config)
			if conn.Handshake() == nil {
				_, err := conn.Read(make([]byte, 1))
				t.Errorf("got a connection, then %v", err)
			}
		})
	}
	t.Run("no protocol named", func(t *testing.T) {
		config := trust.Clone()
		config.NextProtos = nil
		conn := dialTLS(t, s, config)
		send(t, conn, framed(question(t, 1, "a.", dns.TypeA)))
		id(t, conn)
		<-r
	})
	// A handshake that failed is counted once the server has seen it fail.
	got := scrape(t, s.Metrics())
	for end := time.Now().Add(patience); got["responder_tcp_connections_failed_total step=tls"] < 2 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		got = scrape(t, s.Metrics())
	}
	if answered(got, "tls", "NOERROR") != 5 || got["responder_tcp_connections_failed_total step=tls"] < 2 {
		t.Errorf("counted %v", got)
	}
	if expires := got["responder_tls_certificate_expires_timestamp_seconds"]; expires < float64(time.Now().Unix()) {
		t.Errorf("the certificate ended at %v", expires)
	}
}

// What is said of connections over TCP holds over TLS too.
func TestTLSHalfClosed(t *testing.T) {
	g := newGate()
	s, trust := secured(t, Config{TCP: TCPConfig{Workers: 2}}, g)
	conn := dialTLS(t, s, trust)
	send(t, conn, framed(question(t, 1, "a.", dns.TypeTXT), question(t, 2, "a.", dns.TypeTXT)))
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	g.wait(t, 2)
	close(g.open)
	if got := id(t, conn) + id(t, conn); got != 3 {
		t.Errorf("got ids that sum to %d, want 3", got)
	}
	closed(t, conn)
}

// torn is a connection that sends in pieces of n octets.
type torn struct {
	net.Conn
	n int
}

func (c torn) Write(b []byte) (written int, err error) {
	for len(b) > 0 && err == nil {
		n := min(c.n, len(b))
		_, err = c.Conn.Write(b[:n])
		written, b = written+n, b[n:]
	}
	return written, err
}

// Queries may come in any records, and those in any pieces.
func TestTLSPipelining(t *testing.T) {
	s, trust := secured(t, Config{TCP: TCPConfig{InFlight: 4}, CacheBytes: 1 << 20}, keepable(t, new(atomic.Int64)))
	for _, pieces := range []int{1 << 20, 700, 1} {
		conn := tls.Client(torn{dial(t, "tcp", s.TLSAddrs()[0]), pieces}, trust)
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		const n = 300
		go func() {
			for i := range n {
				b := framed(question(t, uint16(i), "www.example.", dns.TypeA))
				if i%5 == 0 { // two records
					_, _ = conn.Write(b[:i%len(b)])
					b = b[i%len(b):]
				}
				_, _ = conn.Write(b) // a failure shows as answers that do not come
			}
		}()
		seen := make([]bool, n)
		for range n {
			i := id(t, conn)
			if int(i) >= n || seen[i] {
				t.Fatalf("answer %d came twice or was not asked for", i)
			}
			seen[i] = true
		}
	}
}

// What a client does not take is counted for its own transport.
func TestTLSSlowReader(t *testing.T) {
	s, trust := secured(t, Config{TCP: TCPConfig{Write: 100 * time.Millisecond}}, example(t))
	conn := dialTLS(t, s, trust)
	query := framed(question(t, 1, "example.", dns.TypeTXT)) // 4 KB of answer
	for {
		if _, err := conn.Write(query); err != nil {
			break
		}
	}
	if tcp, tls := s.metrics.sum(hostabi.TransportTCP).unsent, s.metrics.sum(hostabi.TransportTLS).unsent; tcp != 0 || tls == 0 {
		t.Errorf("%d counted as unsent over TCP, %d over TLS", tcp, tls)
	}
}

func TestTLSTimeouts(t *testing.T) {
	s, trust := secured(t, Config{TCP: TCPConfig{Idle: 60 * time.Millisecond, Message: 60 * time.Millisecond}}, example(t))
	t.Run("no handshake", func(t *testing.T) {
		closed(t, dial(t, "tcp", s.TLSAddrs()[0]))
		closed(t, dial(t, "tcp", s.HTTPSAddrs()[0]))
	})
	t.Run("half a handshake", func(t *testing.T) {
		conn := dial(t, "tcp", s.TLSAddrs()[0])
		send(t, conn, []byte{22, 3, 1, 1, 0, 1})
		closed(t, conn)
	})
	t.Run("DNS without TLS", func(t *testing.T) {
		conn := dial(t, "tcp", s.TLSAddrs()[0])
		send(t, conn, framed(question(t, 1, "www.example.", dns.TypeA)))
		if b, _ := io.ReadAll(conn); len(b) > 7 { // an alert at most
			t.Errorf("got %x", b)
		}
	})
	t.Run("silent after the handshake", func(t *testing.T) {
		closed(t, dialTLS(t, s, trust))
	})
	t.Run("half a query", func(t *testing.T) {
		conn := dialTLS(t, s, trust)
		send(t, conn, []byte{0, 30, 1})
		closed(t, conn)
	})
}

// New files are taken up, and bad ones are not.
func TestCertificateRenewal(t *testing.T) {
	config := Config{TLS: TLSConfig{Listen: []string{"127.0.0.1:0"}}}
	first := certificate(t, &config.TLS)
	s := serve(t, config, example(t))
	connects := func(pool *x509.CertPool) bool {
		conn := tls.Client(dial(t, "tcp", s.TLSAddrs()[0]), &tls.Config{RootCAs: pool, ServerName: serverName})
		defer conn.Close()
		var unknown x509.UnknownAuthorityError
		err := conn.Handshake()
		if err != nil && !errors.As(err, &unknown) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !connects(first) {
		t.Fatal("the first certificate is not in use")
	}
	second := certificate(t, &config.TLS)
	for deadline := time.Now().Add(patience); !connects(second); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the second certificate is not taken up")
		}
	}
	if err := os.WriteFile(config.TLS.CertFile, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); scrape(t, s.Metrics())["responder_tls_certificate_stale"] == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the bad file is not noticed")
		}
	}
	if !connects(second) {
		t.Error("the old certificate is not in use any more")
	}
}

func TestTLSConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		config TLSConfig
		want   string
	}{
		"no files":    {TLSConfig{Listen: []string{"127.0.0.1:0"}}, "need a certificate"},
		"no key":      {TLSConfig{HTTPSListen: []string{"127.0.0.1:0"}, CertFile: "c"}, "need a certificate"},
		"no such":     {TLSConfig{Listen: []string{"127.0.0.1:0"}, CertFile: "/nonexistent", KeyFile: "/nonexistent"}, "no such file"},
		"bad address": {TLSConfig{Listen: []string{"nonsense"}}, `"nonsense"`},
	} {
		if name == "bad address" {
			certificate(t, &test.config)
		}
		s, err := Listen(t.Context(), Config{Listen: []string{"127.0.0.1:0"}, TLS: test.config}, example(t))
		if err == nil {
			t.Errorf("%s: got %v, want an error", name, s.Addrs())
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %q, want it to say %q", name, err, test.want)
		}
	}
}
