package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/namelet/namelet/store"
)

// guard lets through what a program on this machine sends, and nothing that a page
// in a browser could: a page can reach a loopback address under a name of its own
// (so the Host must be loopback), and can post forms to it (so the Origin and the
// fetch metadata must not be foreign; each operation checks its content type too).
// Where there is a token, it must be shown.
func guard(token string, next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem(w, &Error{Code: CodeForbidden, Detail: "the request comes from another origin"})
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case !loopbackHost(r.Host):
			problem(w, &Error{Code: CodeForbidden, Detail: "the Host of the request is no loopback address"})
		case token != "" && !sameSecret(bearer(r), token):
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, &Error{Code: CodeForbidden, Detail: "the request does not carry the token of RESPONDER_CONTROL_TOKEN_FILE"})
		default:
			everything := &caller{name: "whoever is on this machine", scopes: store.MayAdmin}
			next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), everything)))
		}
	})
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

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// sameSecret compares without telling by its time how much was right.
func sameSecret(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// CheckListen refuses an address to listen on that other machines can reach: the
// endpoint has no encryption. The error names the variable.
func CheckListen(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return invalid("RESPONDER_CONTROL_LISTEN: " + quoted(address) + " is not HOST:PORT")
	}
	if !loopbackHost(host) {
		return invalid("RESPONDER_CONTROL_LISTEN: " + quoted(address) + " is not a loopback address")
	}
	return nil
}
