package frontend

import (
	"crypto/tls"
	"fmt"

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
		return &tls.Config{GetCertificate: pair.Certificate, MinVersion: tls.VersionTLS12, NextProtos: protocols}
	}
	return secrets{pair: pair, dot: config("dot"), doh: config("h2", "http/1.1")}, nil
}
