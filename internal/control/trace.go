package control

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/dnsjson"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

const pathQueryTrace = "/v1/query/trace"

// QueryTraceRequest is a query whose answer is to be explained.
type QueryTraceRequest struct {
	Name      string `json:"name"`                // the qname, absolute
	Type      string `json:"type,omitempty"`      // the qtype; empty for A
	From      string `json:"from,omitempty"`      // the address that it comes from; empty for that of client, else 127.0.0.1
	Client    string `json:"client,omitempty"`    // the client subnet that it has, as ADDRESS or ADDRESS/BITS; empty for none
	Transport string `json:"transport,omitempty"` // udp, tcp, tls or https; empty for udp
	DNSSEC    bool   `json:"dnssec,omitempty"`    // it asks for DNSSEC records
}

// QueryTrace is an answer and how it came about. It was computed for this request, on
// an instance of its own.
type QueryTrace struct {
	From      string           `json:"from"`
	Client    string           `json:"client,omitempty"` // the client subnet that counts; empty where none does
	Transport string           `json:"transport"`
	Steps     []TraceStep      `json:"steps"`    // the qname, and the names that aliases lead to
	Fuel      uint64           `json:"fuel"`     // units that all calls burnt
	Keepable  bool             `json:"keepable"` // the answer may be given again
	Caches    []TraceCache     `json:"caches"`   // what they have for such a query; none where answers are not kept
	Response  dnsjson.Response `json:"response"`
	Message   []byte           `json:"message"` // the response in wire form, as long as it is
}

// TraceStep is one name on the way to an answer.
type TraceStep struct {
	Name       string           `json:"name"`
	Type       string           `json:"type"`
	Zone       string           `json:"zone,omitempty"`       // empty where none is served here
	Residency  string           `json:"residency,omitempty"`  // of the zone: memory or lookup
	Place      string           `json:"place,omitempty"`      // of the name in the zone's own data: exact, wildcard, nothing, cut or dname
	Attachment *TraceAttachment `json:"attachment,omitempty"` // that covers the name
	Passed     string           `json:"passed,omitempty"`     // why its guest is not asked
	Candidate  *TraceCandidate  `json:"candidate,omitempty"`
	Calls      []TraceCall      `json:"calls,omitempty"`
	Decided    string           `json:"decided"` // who: zone, guest, fallback; nobody where no zone is served; hidden where the zone is not the caller's
	Why        string           `json:"why,omitempty"`
}

// TraceAttachment is the attachment that covers a name.
type TraceAttachment struct {
	At       string `json:"at"`
	Scope    string `json:"scope"`
	Guest    string `json:"guest"`    // GUEST@VERSION
	Fallback string `json:"fallback"` // static, servfail or last-good
}

// TraceCandidate is a version on trial beside the active one.
type TraceCandidate struct {
	Guest     string  `json:"guest"`
	Canary    float64 `json:"canary,omitempty"` // per cent
	Shadow    bool    `json:"shadow,omitempty"`
	Chosen    bool    `json:"chosen"`              // it answers this query
	Withdrawn string  `json:"withdrawn,omitempty"` // why this server took it back
}

// TraceCall is one call of a guest.
type TraceCall struct {
	Guest        string        `json:"guest"`
	Disposition  string        `json:"disposition,omitempty"` // empty where it failed
	NegativeTTL  uint32        `json:"negative_ttl,omitempty"`
	Records      []RecordSet   `json:"records,omitempty"`
	Failure      *TraceFailure `json:"failure,omitempty"`
	Inputs       []TraceInput  `json:"inputs"`
	Log          []TraceLine   `json:"log,omitempty"`
	Fuel         uint64        `json:"fuel"`
	FuelLimit    uint64        `json:"fuel_limit"`
	Memory       int           `json:"memory_bytes"`
	StartSeconds float64       `json:"start_seconds"` // to make the instance
	Seconds      float64       `json:"seconds"`
	Breaker      string        `json:"breaker"`             // where it is not closed, clients get the fallback
	Exhausted    bool          `json:"exhausted,omitempty"` // clients get the fallback: the fuel of this second is burnt
	Impure       bool          `json:"impure,omitempty"`    // its answers are not kept
}

// TraceFailure is how a guest failed.
type TraceFailure struct {
	Kind    string   `json:"kind"`
	Message string   `json:"message"`
	Stack   []string `json:"stack,omitempty"`
	Output  string   `json:"output,omitempty"`
}

// TraceInput is an input that an answer depends on.
type TraceInput struct {
	Input    string     `json:"input"`           // client, now, before, pick, transport, site, lookup, or release: which version answers
	Grain    string     `json:"grain,omitempty"` // how finely it was asked for; of a lookup the name and type
	Value    string     `json:"value"`           // of a lookup its status
	Zone     string     `json:"zone,omitempty"`  // that a lookup went to
	Wildcard bool       `json:"wildcard,omitempty"`
	Found    *RecordSet `json:"found,omitempty"`
}

// TraceLine is a line that a guest logged.
type TraceLine struct {
	Level string `json:"level"`
	Line  string `json:"line"`
}

// TraceCache is what a cache has for a query.
type TraceCache struct {
	Cache   string       `json:"cache"`
	State   string       `json:"state"`             // kept, outdated, absent, or unknown where whoever has it did not say
	Key     []TraceInput `json:"key,omitempty"`     // the inputs that lead to the answer beside the question; of an absent one as far as there are any
	Until   *time.Time   `json:"until,omitempty"`   // it is not given after that; without it until what it was made from changes
	Answers int          `json:"answers,omitempty"` // kept for the question, by what its inputs were, since they were last cleared
	Size    int          `json:"bytes,omitempty"`
}

// Explainable is a query that is to be explained.
type Explainable struct {
	Name      rr.Name
	Type      rr.Type
	From      netip.Addr
	Client    string // as in the request
	Transport hostabi.Transport
	DNSSEC    bool
}

// Explained is an answer with how it came about. Message and Response are the same.
type Explained struct {
	Explanation *resolve.Explanation
	Message     []byte
	Response    dnsjson.Response
	Client      netip.Prefix // the client subnet that counts; the zero Prefix for none
	Keepable    bool
	Site        string    // of the server
	Now         time.Time // when the caches were looked into
	Caches      []ExplainedCache
}

// ExplainedCache is what a cache has for a query.
type ExplainedCache struct {
	Cache, State  string
	Key           []resolve.Input
	Answers, Size int
}

// Explain answers a query and says how. The error is an *Error, CodeInvalid for what is
// no question that is resolved, or a fault of the server.
type Explain func(ctx context.Context, q Explainable) (Explained, error)

// How often a server explains answers, and how long one request waits for another's.
const (
	tracesPerSecond = 20
	tracePatience   = 2 * time.Second
)

// tracer explains answers, one at a time.
type tracer struct {
	explain Explain
	rate    *rate.Limiter
	turn    chan struct{}
}

// traceRoutes are about how a running server answers.
func traceRoutes(rs *routes, s *Service, e Endpoint) {
	t := &tracer{explain: e.Explain, rate: rate.NewLimiter(tracesPerSecond, tracesPerSecond), turn: make(chan struct{}, 1)}
	handle(rs, route{path: pathQueryTrace, scope: store.MayRead, summary: "Answer a query as this server would, and say how the answer comes about"}, s.touchTrace, t.trace)
}

// touchTrace is what the explanation of an answer touches: the closest zone. Of names
// that aliases lead to in others, a caller with limits is told no more than the
// response has.
func (s *Service) touchTrace(ctx context.Context, q *QueryTraceRequest) (touch, error) {
	if !callerOf(ctx).limited() {
		return touch{}, nil
	}
	p := AttachmentPoint{At: q.Name}
	if err := s.fillZone(ctx, &p); err != nil {
		return touch{}, err
	}
	return touch{zones: []string{p.Zone}}, nil
}

// trace answers a query and says how. CodeInvalid, CodeRate, CodeBusy, CodeUnavailable
// where this process does not serve.
func (t *tracer) trace(ctx context.Context, q QueryTraceRequest) (QueryTrace, error) {
	asked, err := explainable(q)
	if err != nil {
		return QueryTrace{}, err
	}
	if t.explain == nil {
		return QueryTrace{}, &Error{Code: CodeUnavailable, Detail: "this process answers no queries, so there is nothing to explain"}
	}
	if !t.rate.Allow() {
		return QueryTrace{}, &Error{Code: CodeRate, Detail: "more than " + strconv.Itoa(tracesPerSecond) + " answers a second are not explained: try again in a second"}
	}
	patient, cancel := context.WithTimeout(ctx, tracePatience)
	defer cancel()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-patient.Done():
		return QueryTrace{}, &Error{Code: CodeBusy, Detail: "other answers are being explained: try again"}
	}
	said, err := t.explain(ctx, asked)
	if err != nil {
		return QueryTrace{}, classify(err)
	}
	return traceOf(asked, &said, callerOf(ctx)), nil
}

// explainable reads a request.
func explainable(q QueryTraceRequest) (e Explainable, err error) {
	if e.Name, err = parseName("name", q.Name); err != nil {
		return e, err
	}
	e.Type, e.Client, e.DNSSEC = rr.TypeA, q.Client, q.DNSSEC
	if q.Type != "" {
		if e.Type, err = rr.ParseType(q.Type); err != nil {
			return e, invalid("type " + quoted(q.Type) + ": " + err.Error())
		}
	}
	var known bool
	if e.Transport, known = hostabi.ParseTransport(cmp.Or(q.Transport, "udp")); !known {
		return e, invalid("transport " + quoted(q.Transport) + ": want udp, tcp, tls or https")
	}
	e.From = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if q.Client != "" {
		prefix, err := netip.ParsePrefix(q.Client)
		if err != nil {
			addr, err := netip.ParseAddr(q.Client)
			if err != nil || addr.Zone() != "" {
				return e, invalid("client " + quoted(q.Client) + ": want ADDRESS or ADDRESS/BITS")
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		e.From = prefix.Addr()
	}
	if q.From != "" {
		if e.From, err = netip.ParseAddr(q.From); err != nil || e.From.Zone() != "" {
			return e, invalid("from " + quoted(q.From) + ": want an address")
		}
	}
	return e, nil
}
