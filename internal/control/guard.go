package control

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/namelet/namelet/store"
)

// gate is who comes in at an endpoint.
type gate struct {
	store  *store.Store
	token  func() string // of whoever may do all; empty for none
	closed bool          // see Endpoint

	addresses, callers *rates // apart, so that many addresses take no token's room
}

func newGate(s *Service, e Endpoint) *gate {
	token := e.Token
	if token == nil {
		token = func() string { return "" }
	}
	return &gate{store: s.store, token: token, closed: e.Closed, addresses: newRates(e.Rate), callers: newRates(e.Rate)}
}

// guard lets through whoever may come in, and nothing that a page in a browser could
// send: a page can reach a loopback address under a name of its own (so the Host must
// be loopback, or a secret be shown, which no page has), and can post forms to it (so
// the Origin and the fetch metadata must not be foreign; each operation checks its
// content type too).
func (g *gate) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem(w, &Error{Code: CodeForbidden, Detail: "the request comes from another origin"})
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		w.Header().Set(headerRequestID, id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if len(r.TransferEncoding) > 0 {
			// There may have been a Content-Length too, by which somebody between sees another end of the request.
			// What comes behind it is no request then (RFC 9112 section 6.1).
			w.Header().Set("Connection", "close")
		}
		c, err := g.identify(r)
		if err != nil {
			problem(w, err)
			return
		}
		c.request = id
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), c)))
	})
}

// identify finds out who sent a request. A secret that is shown must be right, also
// where none is needed.
func (g *gate) identify(r *http.Request) (*caller, error) {
	local := peerOf(r.Context())
	if !g.closed && local == nil && !loopbackHost(r.Host) {
		return nil, &Error{Code: CodeForbidden, Detail: "the Host of the request is no loopback address"}
	}
	shown := r.Header.Values("Authorization")
	named := certificateName(r)
	if len(shown) == 0 && named == "" {
		return g.nameless(r, local)
	}
	if err := g.addresses.take(network(r)); err != nil {
		return nil, err
	}
	known := func(ctx context.Context) (*caller, error) {
		if len(shown) > 0 {
			return g.bearer(ctx, shown)
		}
		return g.certificate(ctx, named)
	}
	c, err := known(r.Context())
	if err != nil {
		return nil, err
	}
	c.from, c.known = address(r), known
	return c, g.callers.take(c.name)
}

// nameless is identify of a request that shows nothing.
func (g *gate) nameless(r *http.Request, local *peer) (*caller, error) {
	switch {
	case local != nil: // whom the socket's mode lets in
		return &caller{name: local.name(), scopes: store.MayAdmin}, nil
	case !g.closed && g.token() == "":
		return &caller{name: "anybody on this machine", from: address(r), scopes: store.MayAdmin}, nil
	}
	return nil, &Error{Code: CodeUnauthenticated, Detail: "the request carries no token: name a file with one by RESPONDER_CONTROL_TOKEN_FILE"}
}

// bearer is the caller of a request that shows a token.
func (g *gate) bearer(ctx context.Context, shown []string) (*caller, error) {
	wrong := &Error{Code: CodeUnauthenticated, Detail: "the token of the request is not known here: it is wrong, or was deleted (RESPONDER_CONTROL_TOKEN_FILE)"}
	kind, text, _ := strings.Cut(shown[0], " ")
	if len(shown) > 1 || !strings.EqualFold(kind, "Bearer") {
		return nil, wrong
	}
	text = strings.TrimSpace(text)
	if token := g.token(); token != "" && sameSecret(text, token) {
		return &caller{name: "the token of RESPONDER_CONTROL_TOKEN_FILE", scopes: store.MayAdmin}, nil
	}
	name, secret, ok := store.ParseTokenText(text)
	if !ok {
		return nil, wrong
	}
	t, err := g.store.Token(ctx, name)
	if errors.Is(err, store.ErrNotFound) || err == nil && !t.Opens(secret) {
		return nil, wrong
	}
	return holder(t, err)
}

// certificate is the caller of a request over a connection whose certificate, which
// was verified, has a token's name: it may do what the token may.
func (g *gate) certificate(ctx context.Context, name string) (*caller, error) {
	t, err := g.store.Token(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &Error{Code: CodeUnauthenticated, Detail: "no token has the name " + quoted(name) + " of the certificate, and the request carries none: run: responder token create"}
	}
	c, err := holder(t, err)
	if err == nil {
		c.name = "certificate " + name
	}
	return c, err
}

// holder is the caller that has a token.
func holder(t store.Token, err error) (*caller, error) {
	if err != nil {
		return nil, classify(err)
	}
	if t.Expired(time.Now()) {
		return nil, &Error{Code: CodeUnauthenticated, Detail: "the token " + t.Name + " has expired at " + t.Expires.UTC().Format(time.RFC3339)}
	}
	return &caller{name: "token " + t.Name, scopes: t.Scopes, zones: t.Zones, guests: t.Guests}, nil
}

// certificateName is the name in a certificate that was verified; empty where there
// is none.
func certificateName(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return ""
	}
	return r.TLS.PeerCertificates[0].Subject.CommonName
}

// address is where a request comes from, without the port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// network is the address of IPv4, or what one site has of IPv6.
func network(r *http.Request) string {
	host := address(r)
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	return networkOf(addr)
}

// loopbackHost reports whether a Host header names this machine to itself.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// sameSecret compares without telling by its time how much was right.
func sameSecret(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Loopback reports whether only this machine reaches an address to listen on. The
// error, of what is no HOST:PORT, names the variable.
func Loopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, invalid("RESPONDER_CONTROL_LISTEN: " + quoted(address) + " is not HOST:PORT")
	}
	return loopbackHost(host), nil
}
