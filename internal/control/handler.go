package control

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/internal/trial"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// Media types of the endpoint.
const (
	typeJSON    = "application/json"
	typeProblem = "application/problem+json" // RFC 9457
	typeZone    = "text/dns"                 // RFC 4027
	typeModule  = "application/wasm"
	typeBackup  = "application/octet-stream"
	typeLines   = "application/x-ndjson" // JSON values, one a line
)

// Bounds of a request's parts in bytes.
const (
	maxJSON      = 1 << 20
	maxZone      = 512 << 20
	maxParameter = 8 << 10  // of the URL, where the body is something else
	maxHeader    = 64 << 10 // with the request line
)

// maxLarge is how many zones and modules are taken in at a time. One more waits for
// patience, and is refused then.
const (
	maxLarge = 4
	patience = 30 * time.Second
)

// Endpoint says what a server's endpoint is about.
type Endpoint struct {
	Status  Status
	Replica func() (own store.Replica, problems map[string]string) // how the server is; nil where it does not serve
	Token   func() string                                          // of whoever may do all, as it is now; empty, or a nil func, for none
	Explain Explain                                                // how it answers a query; nil where it does not serve

	Journal *guestlog.Journal                    // what guests logged; nil where none run
	Guests  func() iter.Seq[*resolve.Attachment] // those in force; nil where none are
	Ending  <-chan struct{}                      // closed when the server is about to end, and answers that go on are to; nil for never

	// Closed is for an endpoint that others than this machine's users reach: Token, a
	// token of the store or a certificate is wanted, and any Host will do. Without it
	// Token is wanted where there is one, and the Host must be loopback.
	Closed bool

	Observe func(operation string, status int) // is told of each request that has been answered, from many goroutines; nil for nobody

	Rate int // requests a second of one token and of one address; 0 for no limit. Who needs no token has none

	patience time.Duration // 0 for the usual one, which tests do not have
}

// Handler offers the operations of s over HTTP.
func Handler(s *Service, e Endpoint) http.Handler {
	rs := &routes{serve: map[string]http.Handler{}}
	large := newPlaces(maxLarge, "%d zones and modules%s are being taken in", cmp.Or(e.patience, patience))
	serverRoutes(rs, s, e)
	zoneRoutes(rs, s, large)
	recordRoutes(rs, s)
	guestRoutes(rs, s, large)
	rolloutRoutes(rs, s, e)
	traceRoutes(rs, s, e)
	logRoutes(rs, s, e)
	accessRoutes(rs, s)
	rs.describe()
	return observed(rs, newGate(s, e).guard(rs), e.Observe)
}

// serverRoutes are about the server and its store.
func serverRoutes(rs *routes, s *Service, e Endpoint) {
	show(rs, route{path: pathStatus, scope: store.MayRead, summary: "Say which server answers"}, func() any { return e.Status })
	handle(rs, route{path: pathReplicas, scope: store.MayRead, summary: "List the servers of the store"}, onOwn, func(ctx context.Context, _ struct{}) (Replicas, error) {
		if e.Replica == nil {
			return s.Replicas(ctx, nil), nil
		}
		self, problems := e.Replica()
		all := s.Replicas(ctx, &self)
		all.Store = e.Status.Store
		if !callerOf(ctx).limited() { // they name zones
			all.Problems = problems
		}
		return all, nil
	})
	handle(rs, route{path: pathStoreCheck, scope: store.MayAdmin, summary: "Read the whole store and hold it against itself"}, onWhole,
		func(ctx context.Context, _ struct{}) (StoreCheck, error) { return s.CheckStore(ctx) })
	handleBody(rs, route{path: pathStoreBackup, scope: store.MayAdmin, gives: typeBackup, summary: "Give a backup of the store"}, nil, onWhole, s.serveBackup)
}

// zoneRoutes are about zones as a whole.
func zoneRoutes(rs *routes, s *Service, large *places) {
	named := inZone(func(q *ZoneName) string { return q.Zone })
	handle(rs, route{path: pathZoneList, scope: store.MayRead, summary: "List zones"}, onOwn, func(ctx context.Context, _ struct{}) ([]Zone, error) {
		all, err := s.Zones(ctx)
		return own(ctx, all, err, func(c *caller, z Zone) bool { return c.check(touch{zones: []string{z.Name}}) == nil })
	})
	handle(rs, route{path: pathZoneShow, scope: store.MayRead, summary: "Show a zone"}, named, s.Zone)
	handle(rs, route{path: pathZoneSet, scope: store.MayRecords, changes: true, summary: "Change the settings of a zone"},
		inZone(func(q *ZoneSet) string { return q.Zone }), s.SetZone)
	handle(rs, route{path: pathZoneDelete, scope: store.MayRecords, changes: true, summary: "Delete a zone with its records and attachments"}, named,
		func(ctx context.Context, q ZoneName) (struct{}, error) { return struct{}{}, s.DeleteZone(ctx, q) })
	handleBody(rs, route{path: pathZoneImport, scope: store.MayRecords, changes: true, takes: typeZone, most: maxZone, out: reflect.TypeFor[Zone](), lines: reflect.TypeFor[ImportAnswer](), summary: "Make a zone file the content of a zone"},
		large, inZone(func(q *ZoneImport) string { return q.Zone }), s.serveImport)
	handleBody(rs, route{path: pathZoneExport, scope: store.MayRead, gives: typeZone, summary: "Give a zone file of a zone"}, nil, named, s.serveExport)
}

// recordRoutes are about the records of a zone.
func recordRoutes(rs *routes, s *Service) {
	handle(rs, route{path: pathRecordList, scope: store.MayRead, summary: "List RRsets of a zone"},
		inZone(func(q *RecordQuery) string { return q.Zone }), s.Records)
	handle(rs, route{path: pathRecordSet, scope: store.MayRecords, changes: true, summary: "Put an RRset in the place of the one with its name and type"},
		inZone(func(q *RecordSetRequest) string { return q.Zone }), s.SetRecords)
	handle(rs, route{path: pathRecordDelete, scope: store.MayRecords, changes: true, summary: "Delete an RRset, or all of a name"},
		inZone(func(q *RecordDeleteRequest) string { return q.Zone }), s.DeleteRecords)
	handle(rs, route{path: pathRecordApply, scope: store.MayRecords, changes: true, most: maxApply, summary: "Do many changes of records in one version"},
		inZone(func(q *RecordApply) string { return q.Zone }), s.ApplyRecords)
}

// guestRoutes are about guests and where they answer.
func guestRoutes(rs *routes, s *Service, large *places) {
	handle(rs, route{path: pathGuestList, scope: store.MayRead, summary: "List the versions of guests"}, onOwn, func(ctx context.Context, _ struct{}) ([]GuestVersion, error) {
		all, err := s.Guests(ctx)
		return own(ctx, all, err, func(c *caller, g GuestVersion) bool { return c.mayGuest(g.Guest) })
	})
	handleBody(rs, route{path: pathGuestPush, scope: store.MayGuests, changes: true, takes: typeModule, most: store.MaxGuestBytes + trial.MaxScenarioBytes, out: reflect.TypeFor[GuestVersion](), lines: reflect.TypeFor[PushAnswer](), summary: "Make a module the newest version of a guest"},
		large, onGuest(func(q *GuestPush) string { return q.Guest }), s.servePush)
	handle(rs, route{path: pathGuestDelete, scope: store.MayGuests, changes: true, summary: "Delete a version of a guest that is not attached"},
		func(_ context.Context, q *GuestVersionName) (touch, error) {
			return touch{guests: []string{q.Guest}, audit: []string{q.Guest + "@" + strconv.FormatUint(q.Version, 10)}}, nil
		},
		func(ctx context.Context, q GuestVersionName) (struct{}, error) {
			return struct{}{}, s.DeleteGuest(ctx, q)
		})
	handle(rs, route{path: pathAttachmentList, scope: store.MayRead, summary: "List where guests answer"}, onOwn, func(ctx context.Context, _ struct{}) ([]Attachment, error) {
		all, err := s.Attachments(ctx)
		return own(ctx, all, err, (*caller).sees)
	})
	handle(rs, route{path: pathAttach, scope: store.MayGuests, changes: true, summary: "Let a guest answer at a name"}, s.touchAttach, s.Attach)
	handle(rs, route{path: pathDetach, scope: store.MayGuests, changes: true, summary: "Take an attachment away"}, s.touchDetach,
		func(ctx context.Context, q AttachmentPoint) (struct{}, error) { return struct{}{}, s.Detach(ctx, q) })
}

// accessRoutes are about who may do what, and who did.
func accessRoutes(rs *routes, s *Service) {
	handle(rs, route{path: pathTokenList, scope: store.MayAdmin, summary: "List tokens"}, onWhole,
		func(ctx context.Context, _ struct{}) ([]Token, error) { return s.Tokens(ctx) })
	handle(rs, route{path: pathTokenCreate, scope: store.MayAdmin, changes: true, summary: "Make a token, whose secret is shown this once"},
		func(_ context.Context, q *TokenRequest) (touch, error) {
			return touch{whole: true, tokens: []string{q.Name}}, nil
		}, s.CreateToken)
	handle(rs, route{path: pathTokenDelete, scope: store.MayAdmin, changes: true, summary: "Delete a token, which is good no more then"},
		func(_ context.Context, q *TokenName) (touch, error) {
			return touch{whole: true, tokens: []string{q.Name}}, nil
		},
		func(ctx context.Context, q TokenName) (struct{}, error) { return struct{}{}, s.DeleteToken(ctx, q) })
	handle(rs, route{path: pathAuditList, scope: store.MayAdmin, summary: "List changes with who made them, the newest first"}, onWhole, s.Audit)
}

// The paths of the operations, which are called by POST.
const (
	pathStatus         = "/v1/status"
	pathReplicas       = "/v1/replicas"
	pathZoneList       = "/v1/zone/list"
	pathZoneShow       = "/v1/zone/show"
	pathZoneSet        = "/v1/zone/set"
	pathZoneImport     = "/v1/zone/import"
	pathZoneExport     = "/v1/zone/export"
	pathZoneDelete     = "/v1/zone/delete"
	pathRecordList     = "/v1/record/list"
	pathRecordSet      = "/v1/record/set"
	pathRecordDelete   = "/v1/record/delete"
	pathRecordApply    = "/v1/record/apply"
	pathStoreCheck     = "/v1/store/check"
	pathStoreBackup    = "/v1/store/backup"
	pathGuestList      = "/v1/guest/list"
	pathGuestPush      = "/v1/guest/push"
	pathGuestDelete    = "/v1/guest/delete"
	pathAttachmentList = "/v1/guest/attachments"
	pathAttach         = "/v1/guest/attach"
	pathDetach         = "/v1/guest/detach"
	pathActivate       = "/v1/guest/activate"
	pathRollback       = "/v1/guest/rollback"
	pathGuestStatus    = "/v1/guest/status"
	pathTokenList      = "/v1/token/list"
	pathTokenCreate    = "/v1/token/create"
	pathTokenDelete    = "/v1/token/delete"
	pathAuditList      = "/v1/audit/list"
)

// body checks the kind of a request's body and bounds it.
func body(mediaType string, most int64, serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if got != mediaType {
			problem(w, &Error{Code: CodeMediaType, Detail: "the request's Content-Type is " + quoted(got) + ", want " + mediaType})
			return
		}
		if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
			w.Header().Set("Accept-Encoding", "identity") // RFC 9110 section 15.5.16
			problem(w, &Error{Code: CodeMediaType, Detail: "the request's Content-Encoding is " + quoted(coding) + ": send the body as it is"})
			return
		}
		if r.ContentLength > most { // without reading any of it
			problem(w, bodyError(&http.MaxBytesError{Limit: most}))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		if err := serve(w, r); err != nil {
			problem(w, classify(bodyError(err)))
		}
	})
}

// bodyError words a body that is too large.
func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &Error{Code: CodeTooLarge, Detail: "the request's body is larger than " + strconv.FormatInt(large.Limit, 10) + " bytes", err: err}
	}
	return err
}

// readJSON reads one JSON value, with no fields that v does not have.
func readJSON(r io.Reader, v any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		if errors.Is(err, io.EOF) {
			return invalid("the request is empty, and should be JSON: {} where there is nothing to say")
		}
		return invalid("the request is not the JSON it should be: " + detail(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return invalid("more than one JSON value in the request")
	}
	return nil
}

// request reads the request of an operation whose body is something else: it is
// JSON in a parameter of the URL.
func request(r *http.Request, v any) error {
	q := r.URL.Query().Get("request")
	if len(q) > maxParameter {
		return &Error{Code: CodeTooLarge, Detail: "the parameter request is longer than " + strconv.Itoa(maxParameter) + " bytes"}
	}
	return readJSON(strings.NewReader(q), v)
}

// serveImport reads a zone from the body. The client has resolved what the file
// includes, so there is nothing to include here.
func (s *Service) serveImport(w http.ResponseWriter, r *http.Request, q ZoneImport) error {
	origin, err := parseName("zone", q.Zone)
	if err != nil {
		return err
	}
	sets, err := zonefile.Parse(r.Body, zonefile.Options{Origin: origin, MaxBytes: maxZone})
	var bad *zonefile.Error
	if errors.As(err, &bad) && !isBodyError(err) {
		return invalid("zone file: " + detail(err))
	} else if err != nil {
		return err
	}
	if q.Progress {
		return s.importAloud(w, r, q, sets)
	}
	zone, err := s.ImportZone(r.Context(), q, sets)
	if err != nil {
		return err
	}
	result(w, zone)
	return nil
}

// isBodyError tells a body that could not be read from one that makes no sense.
func isBodyError(err error) bool {
	var large *http.MaxBytesError
	var slow *Error
	return errors.As(err, &large) || errors.As(err, &slow)
}

func (s *Service) serveExport(w http.ResponseWriter, r *http.Request, q ZoneName) error {
	sets, err := s.ExportZone(r.Context(), q)
	if err != nil {
		return err
	}
	origin, err := rr.ParseName(q.Zone)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeZone)
	if err := zonefile.Write(w, origin, sets); err != nil {
		panic(http.ErrAbortHandler) // the client must see that the text is cut short
	}
	return nil
}

func (s *Service) servePush(w http.ResponseWriter, r *http.Request, q GuestPush) error {
	module, err := pushed(r.Body, &q)
	if err != nil {
		return err
	}
	if q.Progress {
		return s.pushAloud(w, r, q, module)
	}
	version, err := s.PushGuest(r.Context(), q, module)
	if err != nil {
		return err
	}
	result(w, version)
	return nil
}

// pushed reads a push's body: the scenarios, which it puts into q, and the module.
func pushed(body io.Reader, q *GuestPush) ([]byte, error) {
	if q.ScenarioBytes < 0 || q.ScenarioBytes > trial.MaxScenarioBytes {
		return nil, &Error{Code: CodeTooLarge, Detail: "scenario_bytes " + strconv.Itoa(q.ScenarioBytes) + ": want at most " + strconv.Itoa(trial.MaxScenarioBytes)}
	}
	if q.ScenarioBytes > 0 {
		text := make([]byte, q.ScenarioBytes)
		if n, err := io.ReadFull(body, text); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, invalid("scenario_bytes " + strconv.Itoa(q.ScenarioBytes) + ": the body has " + strconv.Itoa(n))
		} else if err != nil {
			return nil, err
		}
		if err := readJSON(bytes.NewReader(text), &q.Scenarios); err != nil {
			return nil, fmt.Errorf("scenarios: %w", err)
		}
	}
	return io.ReadAll(body)
}

// result sends a result. An error means that the client went away.
func result(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", typeJSON)
	_ = json.NewEncoder(w).Encode(v)
}

// Problem is an error on the wire (RFC 9457); code is ours.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   Code   `json:"code"`

	Report *GuestReport `json:"report,omitempty"` // of a module that failed its trial

	RequestID string `json:"request_id,omitempty"`
}

// problemOf words an error, which is an *Error.
func problemOf(err error) Problem {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: CodeInternal, Detail: detail(err)}
	}
	status := statuses[e.Code]
	return Problem{Title: http.StatusText(status), Status: status, Detail: e.Detail, Code: e.Code, Report: e.Report}
}

// problem sends an error.
func problem(w http.ResponseWriter, err error) {
	p := problemOf(err)
	p.RequestID = w.Header().Get(headerRequestID)
	w.Header().Set("Content-Type", typeProblem)
	switch p.Code {
	case CodeUnauthenticated:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case CodeRate, CodeBusy:
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// Server gives an HTTP server for the handler, with bounds on time and headers.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Minute,
		WriteTimeout:      5 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withPeer,
	}
}
