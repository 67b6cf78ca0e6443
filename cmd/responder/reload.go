package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/namelet/namelet/internal/frontend/keypair"
)

// endpointSecrets are what the control endpoint is known by, and knows others by, from
// files that may change while the server runs.
type endpointSecrets struct {
	config *config
	pair   *keypair.Pair              // nil without TLS
	tls    atomic.Pointer[tls.Config] // what the next connection gets; nil without TLS
	token  atomic.Pointer[string]     // of whoever may do all; empty for none
}

// current is for tls.Config.GetConfigForClient.
func (e *endpointSecrets) current(*tls.ClientHelloInfo) (*tls.Config, error) {
	return e.tls.Load(), nil
}

// reload reads the authorities that clients' certificates are verified by, and the
// token. What cannot be read stays as it was.
func (e *endpointSecrets) reload() []error {
	var errs []error
	if token, err := e.config.token(); err != nil {
		errs = append(errs, err)
	} else {
		e.token.Store(&token)
	}
	if e.pair == nil {
		return errs
	}
	e.pair.Reload()
	if e.config.ControlClientCA == "" {
		return errs
	}
	pool, err := authorities("CONTROL_CLIENT_CA", e.config.ControlClientCA)
	if err != nil {
		return append(errs, err)
	}
	// A new configuration has new keys for tickets too: nobody comes in again by one
	// that an authority vouched for which is not trusted any more.
	e.tls.Store(endpointTLS(e.pair, pool))
	return errs
}

// reload reads anew what comes from files: certificates, secrets for cookies, who may
// come in at the control endpoint, and which queries are logged. A file of dnstap is
// begun anew. What cannot be read stays as it was, and is logged.
func (s *server) reload() {
	s.log.Info("reading anew what comes from files: certificates, tokens, secrets, and which queries are logged")
	s.dns.Reload()
	errs := s.secrets.reload()
	if s.cookies != nil {
		if _, err := s.cookies.Reload(); err != nil {
			errs = append(errs, fmt.Errorf("%sCOOKIE_SECRET_FILE: %w", envPrefix, err))
		}
	}
	if s.taps.rules != nil {
		if _, err := s.taps.rules.reload(); err != nil {
			errs = append(errs, err)
		}
	}
	if s.taps.dnstap != nil {
		s.taps.dnstap.Reopen()
	}
	for _, err := range errs {
		s.log.Error("what was in use stays", "error", err)
	}
}
