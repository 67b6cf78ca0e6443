package doh

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/dnsjson"
)

const (
	// Path is where queries are answered.
	Path = "/dns-query"

	// messageType is the media type of a message (RFC 8484 section 6).
	messageType = "application/dns-message"

	// maxQuery is the longest query taken, in octets; it is the frontend's.
	maxQuery = 4096
)

// Exchange answers a message. It returns nil where there is no answer to it, and
// an error where there is no time or no room for one. The message is the
// caller's again afterwards, the response the caller's to keep.
type Exchange func(ctx context.Context, message []byte, client netip.Addr) (response []byte, err error)

// New returns a handler that answers at Path and nowhere else.
func New(exchange Exchange) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(Path, handler{exchange})
	return mux
}

type handler struct{ exchange Exchange }

// problem is what is wrong with a request, as HTTP says it.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

func bad(text string) *problem { return &problem{http.StatusBadRequest, text} }

// request is a query and how its answer is wanted.
type request struct {
	message []byte
	json    bool
}

// ServeHTTP implements http.Handler. Whatever response code the answer has, HTTP
// says 200 (RFC 8484 section 4.2.1).
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := read(w, r)
	var response []byte
	if err == nil {
		response, err = h.answer(r, q.message)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age="+strconv.FormatUint(uint64(freshness(response)), 10))
	if q.json {
		writeJSON(w, response)
		return
	}
	w.Header().Set("Content-Type", messageType)
	w.Header().Set("Content-Length", strconv.Itoa(len(response)))
	_, _ = w.Write(response) // a client that is gone misses nothing
}

func (h handler) answer(r *http.Request, message []byte) ([]byte, error) {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil, err // no server of net/http gives such
	}
	response, err := h.exchange(r.Context(), message, client.Addr().Unmap().WithZone(""))
	if err == nil && response == nil {
		return nil, bad("not a DNS query")
	}
	return response, err
}

func refuse(w http.ResponseWriter, err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = &problem{http.StatusServiceUnavailable, "busy"}
	}
	if p.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD, POST")
	}
	http.Error(w, p.text, p.status)
}

// read takes the query out of a request. The error is a problem.
func read(w http.ResponseWriter, r *http.Request) (request, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return readGet(r.URL.RawQuery)
	case http.MethodPost:
		return readPost(w, r)
	}
	return request{}, &problem{http.StatusMethodNotAllowed, "want GET or POST"}
}

// readGet reads a message in the parameter dns, or a question in parameters of
// its own.
func readGet(query string) (request, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return request{}, bad("malformed parameters")
	}
	switch {
	case values.Has("dns"):
		message, err := decode(values.Get("dns"))
		return request{message: message}, err
	case values.Has("name"):
		return question(values)
	}
	return request{}, bad("want a parameter dns or name")
}

// decode reads base64url without padding (RFC 8484 section 6).
func decode(text string) ([]byte, error) {
	if base64.RawURLEncoding.DecodedLen(len(text)) > maxQuery {
		return nil, &problem{http.StatusRequestURITooLong, "longer than a query may be"}
	}
	message, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, bad("dns is not base64url without padding")
	}
	return message, nil
}

func readPost(w http.ResponseWriter, r *http.Request) (request, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != messageType {
		return request{}, &problem{http.StatusUnsupportedMediaType, "want " + messageType}
	}
	message, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuery))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return request{}, &problem{http.StatusRequestEntityTooLarge, "longer than a query may be"}
	case err != nil:
		return request{}, bad("the body did not arrive")
	}
	return request{message: message}, nil
}

// writeJSON writes a response that the frontend packed.
func writeJSON(w http.ResponseWriter, response []byte) {
	m := new(dns.Msg)
	if err := m.Unpack(response); err != nil {
		http.Error(w, "the answer has no JSON form", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", dnsjson.ContentType)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(dnsjson.FromMessage(m)) // fails only where the client is gone
}
