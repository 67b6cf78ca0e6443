package frontend

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"

	"github.com/namelet/namelet/internal/frontend/keypair"
)

// TLSConfig is about the encrypted transports. Both have the same certificate,
// which is read anew when its files change.
type TLSConfig struct {
	Listen      []string // addresses as HOST:PORT for DNS over TLS (RFC 7858)
	HTTPSListen []string // addresses as HOST:PORT for DNS over HTTPS (RFC 8484)
	CertFile    string   // PEM, the certificate first and then what it is signed by
	KeyFile     string   // PEM
}

// wanted reports whether any encrypted transport is asked for.
func (c *TLSConfig) wanted() bool { return len(c.Listen)+len(c.HTTPSListen) > 0 }

// secrets is what TLS connections need. The zero value is that of a server
// without them.
type secrets struct {
	pair     *keypair.Pair
	dot, doh *tls.Config
}

// newSecrets reads the certificate.
func newSecrets(c Config) (secrets, error) {
	if !c.TLS.wanted() {
		return secrets{}, nil
	}
	if c.TLS.CertFile == "" || c.TLS.KeyFile == "" {
		return secrets{}, fmt.Errorf("%w: TLS and HTTPS need a certificate and its key", errConfig)
	}
	pair, err := keypair.Open(c.TLS.CertFile, c.TLS.KeyFile, c.Logger)
	if err != nil {
		return secrets{}, fmt.Errorf("frontend: %w", err)
	}
	config := func(protocols ...string) *tls.Config {
		return &tls.Config{
			GetCertificate: pair.Certificate,
			MinVersion:     tls.VersionTLS12,
			NextProtos:     protocols,
			// Small records at first are for pages that are shown while they load; here
			// they would only make more of them.
			DynamicRecordSizingDisabled: true,
		}
	}
	return secrets{pair: pair, dot: config("dot"), doh: config("h2", "http/1.1")}, nil
}

// Reload reads the certificate anew. One that cannot be used is logged, and the old
// one stays.
func (s *Server) Reload() {
	if s.tls.pair != nil {
		s.tls.pair.Reload()
	}
}

// aheadBuffer is how many octets are read ahead below TLS: some dozens of queries
// that come in a record each, as most clients send them.
const aheadBuffer = 4096

// aheadConn is a connection below TLS that reads ahead. While it is still, it
// gives what it has and waits for nothing more: so replies to all queries that
// have arrived can leave together.
type aheadConn struct {
	*net.TCPConn
	r     *bufio.Reader
	still bool
}

// Read implements net.Conn. The error of a connection that is still is that of a
// deadline, after which TLS can be read on.
func (c *aheadConn) Read(b []byte) (int, error) {
	if c.still && c.r.Buffered() == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return c.r.Read(b)
}
