package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/frontend/keypair"
	"github.com/namelet/namelet/store"
)

// noControl is the CONTROL_LISTEN that means none.
const noControl = "none"

// Values of CONTROL_PLAINTEXT.
const (
	plaintextRefuse = "refuse"
	plaintextAllow  = "allow"
)

// checkControl refuses settings of the control endpoint that contradict each other.
// It opens no file.
func (c *config) checkControl() error {
	if c.ControlListen != noControl {
		if _, err := control.Loopback(c.ControlListen); err != nil {
			return err
		}
	}
	for _, pair := range []struct{ certificate, key, variable string }{
		{c.ControlTLSCert, c.ControlTLSKey, "CONTROL_TLS_"}, {c.ControlCert, c.ControlKey, "CONTROL_"},
	} {
		if (pair.certificate == "") != (pair.key == "") {
			return fmt.Errorf("%s%sCERT and %s%sKEY go together", envPrefix, pair.variable, envPrefix, pair.variable)
		}
	}
	if c.ControlClientCA != "" && c.ControlTLSCert == "" {
		return fmt.Errorf("%sCONTROL_CLIENT_CA needs %sCONTROL_TLS_CERT and %sCONTROL_TLS_KEY", envPrefix, envPrefix, envPrefix)
	}
	if c.ControlPlaintext != plaintextRefuse && c.ControlPlaintext != plaintextAllow {
		return fmt.Errorf("%sCONTROL_PLAINTEXT: %q: want refuse or allow", envPrefix, c.ControlPlaintext)
	}
	return nil
}

// beyond reports whether other machines reach the control endpoint.
func (c *config) beyond() bool {
	if c.ControlListen == noControl {
		return false
	}
	loopback, err := control.Loopback(c.ControlListen)
	return err == nil && !loopback
}

// checkEncrypted refuses a control endpoint that other machines reach and that has no
// encryption.
func (c *config) checkEncrypted() error {
	if c.beyond() && c.ControlTLSCert == "" && c.ControlPlaintext != plaintextAllow {
		return fmt.Errorf("%sCONTROL_LISTEN: %q is reached by other machines, and without TLS tokens could be read on the way: set %sCONTROL_TLS_CERT and %sCONTROL_TLS_KEY, listen on a loopback address, or set %sCONTROL_PLAINTEXT=allow",
			envPrefix, c.ControlListen, envPrefix, envPrefix, envPrefix)
	}
	return nil
}

// checkExposed refuses a control endpoint that other machines reach and that nobody
// could come in at.
func (c *config) checkExposed(ctx context.Context, st *store.Store, token string) error {
	if !c.beyond() || token != "" {
		return nil
	}
	tokens, err := st.Tokens(ctx)
	if err != nil {
		return fmt.Errorf("%sCONTROL_LISTEN: %q is reached by other machines, and whether there are tokens cannot be read (%w): set %sCONTROL_TOKEN_FILE", envPrefix, c.ControlListen, err, envPrefix)
	}
	for _, t := range tokens {
		if !t.Expired(time.Now()) {
			return nil
		}
	}
	return fmt.Errorf("%sCONTROL_LISTEN: %q is reached by other machines, and there is no token: run: responder token create, or set %sCONTROL_TOKEN_FILE", envPrefix, c.ControlListen, envPrefix)
}

// controlTLS is the TLS of the control endpoint; nil where it has none. The secrets
// take over what may change.
func (c *config) controlTLS(log *slog.Logger, secrets *endpointSecrets) (*tls.Config, error) {
	if c.ControlTLSCert == "" {
		return nil, nil
	}
	pair, err := keypair.Open(c.ControlTLSCert, c.ControlTLSKey, log)
	if err != nil {
		return nil, fmt.Errorf("%sCONTROL_TLS_CERT: %w", envPrefix, err)
	}
	secrets.pair = pair
	if c.ControlClientCA == "" {
		return endpointTLS(pair, nil), nil
	}
	pool, err := authorities("CONTROL_CLIENT_CA", c.ControlClientCA)
	if err != nil {
		return nil, err
	}
	t := endpointTLS(pair, pool)
	secrets.tls.Store(t)
	outer := t.Clone()
	outer.GetConfigForClient = secrets.current
	return outer, nil
}

// endpointTLS is the TLS of a connection. Its client has to show a certificate of one
// of the authorities, where there are any.
func endpointTLS(pair *keypair.Pair, clients *x509.CertPool) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.Certificate, NextProtos: []string{"http/1.1"}}
	if clients != nil {
		t.ClientCAs, t.ClientAuth = clients, tls.RequireAndVerifyClientCert
	}
	return t
}

// authorities reads a PEM file of certificates.
func authorities(variable, path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w", envPrefix, variable, pathError(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s%s: %s has no certificate", envPrefix, variable, path)
	}
	return pool, nil
}

// maxSocketPath is the longest that Linux takes, with room for the zero behind it;
// other systems say so of less themselves.
const maxSocketPath = 107

// listenSocket listens on a unix socket that the server's user alone may use. A socket
// on which nobody listens any more is taken away.
func listenSocket(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%sCONTROL_SOCKET: the path has %d bytes, and a socket's at most %d", envPrefix, len(path), maxSocketPath)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%sCONTROL_SOCKET: %s: what is there is no socket, and stays: name another path", envPrefix, path)
		}
		c, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			c.Close()
			return nil, fmt.Errorf("%sCONTROL_SOCKET: %s: another server listens there", envPrefix, path)
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("%sCONTROL_SOCKET: %w", envPrefix, pathError(err))
			}
		}
	}
	l, err := listenPrivately(path)
	if err != nil {
		return nil, fmt.Errorf("%sCONTROL_SOCKET: %w", envPrefix, err)
	}
	return l, nil
}

// controlAddress names the control endpoint that commands call, and the setting.
func (c *config) controlAddress() string {
	if c.ControlSocket != "" {
		return c.ControlSocket + " (RESPONDER_CONTROL_SOCKET)"
	}
	return c.ControlListen + " (RESPONDER_CONTROL_LISTEN)"
}

// client makes a client of the control endpoint.
func (c *config) client() (*control.Client, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	if c.ControlSocket != "" {
		return control.NewSocketClient(c.ControlSocket, token), nil
	}
	t, err := c.clientTLS()
	if err != nil {
		return nil, err
	}
	if t == nil {
		return control.NewClient(c.ControlListen, token), nil
	}
	return control.NewTLSClient(c.ControlListen, token, t), nil
}

// clientTLS is the TLS by which commands call the control endpoint; nil for none. A
// command that has the server's own settings knows it by its certificate.
func (c *config) clientTLS() (*tls.Config, error) {
	if c.ControlCA == "" && c.ControlTLSCert == "" {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if c.ControlCA != "" {
		if t.RootCAs, err = authorities("CONTROL_CA", c.ControlCA); err != nil {
			return nil, err
		}
	} else {
		t.InsecureSkipVerify = true // in the place of the usual look
		t.VerifyConnection = c.isOwn
	}
	if c.ControlCert != "" {
		pair, err := tls.LoadX509KeyPair(c.ControlCert, c.ControlKey)
		if err != nil {
			return nil, fmt.Errorf("%sCONTROL_CERT: %w", envPrefix, pathError(err))
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// isOwn refuses a server whose certificate is not that of CONTROL_TLS_CERT.
func (c *config) isOwn(state tls.ConnectionState) error {
	pool, err := tls.LoadX509KeyPair(c.ControlTLSCert, c.ControlTLSKey)
	if err != nil {
		return fmt.Errorf("%sCONTROL_TLS_CERT: %w", envPrefix, pathError(err))
	}
	if !bytes.Equal(pool.Certificate[0], state.PeerCertificates[0].Raw) {
		return fmt.Errorf("the server on %s has another certificate than %s (%sCONTROL_TLS_CERT): set %sCONTROL_CA", c.ControlListen, c.ControlTLSCert, envPrefix, envPrefix)
	}
	return nil
}
