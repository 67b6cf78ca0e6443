package control

import (
	"strconv"

	"github.com/namelet/namelet/internal/signing"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// Service does the operations over a store. The error of each is an *Error.
type Service struct {
	store *store.Store
	trier Trier
	keys  signing.Keys
	most  store.Limits // that an attachment may be given
	tried trials
}

// NewService makes a Service over an open store and an engine that tries guests
// out. Both stay the caller's to close.
func NewService(s *store.Store, e *runtime.Engine) *Service {
	return &Service{store: s, trier: here{e}}
}

// TryWith makes modules be tried by t, and not in this process, which a server does not want. It is
// called before the Service is used.
func (s *Service) TryWith(t Trier) { s.trier = t }

// Trust makes modules that are pushed, attached or put in force want a signature by one of the keys, where there are any. It is called before the
// Service is used.
func (s *Service) Trust(keys signing.Keys) { s.keys = keys }

// parseName reads an absolute name of a request, with a final dot or without.
func parseName(field, text string) (rr.Name, error) {
	n, err := rr.ParseName(text)
	if err != nil {
		return rr.Name{}, invalid(field + " " + quoted(text) + ": " + err.Error())
	}
	return n, nil
}

// parseOwner reads the name of records as a zone file has it: without a final dot it
// is relative to the zone, and @ is the zone itself.
func parseOwner(text string, zone rr.Name) (rr.Name, error) {
	n, err := zonefile.ParseName(text, zone)
	if err != nil {
		return rr.Name{}, invalid(err.Error())
	}
	return n, nil
}

// parseType reads a type that zones can have; 0 for an empty text.
func parseType(text string) (rr.Type, error) {
	if text == "" {
		return 0, nil
	}
	t, err := zonefile.ParseType(text)
	if err != nil {
		return 0, invalid(err.Error())
	}
	return t, nil
}

// parseFallback reads a fallback; empty is the default of what it is for.
func parseFallback(text string) (store.Fallback, error) {
	if text == "" {
		return store.FallbackDefault, nil
	}
	f, err := store.ParseFallback(text)
	if err != nil {
		return 0, invalid("fallback " + quoted(text) + ": want static, servfail or last-good")
	}
	return f, nil
}

// quoted shows a text of a request in an error, cut short.
func quoted(s string) string {
	if len(s) > 100 {
		return strconv.QuoteToASCII(s[:100]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
