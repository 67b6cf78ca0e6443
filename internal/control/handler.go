package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	Token   string                                                 // wanted in Authorization: Bearer; empty for none

	patience time.Duration // 0 for the usual one, which tests do not have
}

// Handler offers the operations of s over HTTP.
func Handler(s *Service, e Endpoint) http.Handler {
	mux := http.NewServeMux()
	large := newPlaces(maxLarge, cmp.Or(e.patience, patience))
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { result(w, e.Status) })
	handle(mux, pathReplicas, func(ctx context.Context, _ struct{}) (Replicas, error) {
		if e.Replica == nil {
			return s.Replicas(ctx, nil), nil
		}
		own, problems := e.Replica()
		all := s.Replicas(ctx, &own)
		all.Store, all.Problems = e.Status.Store, problems
		return all, nil
	})
	handle(mux, pathZoneList, func(ctx context.Context, _ struct{}) ([]Zone, error) { return s.Zones(ctx) })
	handle(mux, pathZoneShow, s.Zone)
	handle(mux, pathZoneSet, s.SetZone)
	handle(mux, pathZoneDelete, func(ctx context.Context, q ZoneName) (struct{}, error) { return struct{}{}, s.DeleteZone(ctx, q) })
	handle(mux, pathRecordList, s.Records)
	handle(mux, pathRecordSet, s.SetRecords)
	handle(mux, pathRecordDelete, s.DeleteRecords)
	handleJSON(mux, pathRecordApply, maxApply, s.ApplyRecords)
	handle(mux, pathStoreCheck, func(ctx context.Context, _ struct{}) (StoreCheck, error) { return s.CheckStore(ctx) })
	handle(mux, pathGuestList, func(ctx context.Context, _ struct{}) ([]GuestVersion, error) { return s.Guests(ctx) })
	handle(mux, pathAttachmentList, func(ctx context.Context, _ struct{}) ([]Attachment, error) { return s.Attachments(ctx) })
	handle(mux, pathAttach, s.Attach)
	handle(mux, pathDetach, func(ctx context.Context, q AttachmentPoint) (struct{}, error) { return struct{}{}, s.Detach(ctx, q) })
	mux.Handle("POST "+pathZoneImport, body(typeZone, maxZone, large, s.serveImport))
	mux.Handle("POST "+pathZoneExport, body(typeJSON, maxJSON, nil, s.serveExport))
	mux.Handle("POST "+pathStoreBackup, body(typeJSON, maxJSON, nil, s.serveBackup))
	mux.Handle("POST "+pathGuestPush, body(typeModule, store.MaxGuestBytes, large, s.servePush))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, &Error{Code: CodeNotFound, Detail: "no such operation: " + r.Method + " " + quoted(r.URL.Path)})
	})
	return guard(e.Token, mux)
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
	pathAttachmentList = "/v1/guest/attachments"
	pathAttach         = "/v1/guest/attach"
	pathDetach         = "/v1/guest/detach"
)

// handle offers an operation that takes and gives JSON.
func handle[Q, R any](mux *http.ServeMux, path string, operation func(context.Context, Q) (R, error)) {
	handleJSON(mux, path, maxJSON, operation)
}

// handleJSON is handle with a bound of its own.
func handleJSON[Q, R any](mux *http.ServeMux, path string, most int64, operation func(context.Context, Q) (R, error)) {
	mux.Handle("POST "+path, body(typeJSON, most, nil, func(w http.ResponseWriter, r *http.Request) error {
		var q Q
		if err := readJSON(r.Body, &q); err != nil {
			return err
		}
		res, err := operation(r.Context(), q)
		if err != nil {
			return err
		}
		result(w, res)
		return nil
	}))
}

// body checks the kind of a request's body and bounds it. Where places is not nil
// the operation has one of them while it runs, and the body must come fast enough.
func body(mediaType string, most int64, places *places, serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if got != mediaType {
			problem(w, invalid("the request's Content-Type is "+quoted(got)+", want "+mediaType))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		if places != nil {
			if err := places.take(r.Context()); err != nil {
				problem(w, err)
				return
			}
			defer places.leave()
			r.Body = places.pace(w, r.Body)
		}
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
func (s *Service) serveImport(w http.ResponseWriter, r *http.Request) error {
	var q ZoneImport
	if err := request(r, &q); err != nil {
		return err
	}
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

func (s *Service) serveExport(w http.ResponseWriter, r *http.Request) error {
	var q ZoneName
	if err := readJSON(r.Body, &q); err != nil {
		return err
	}
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

func (s *Service) servePush(w http.ResponseWriter, r *http.Request) error {
	var q GuestName
	if err := request(r, &q); err != nil {
		return err
	}
	module, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	version, err := s.PushGuest(r.Context(), q, module)
	if err != nil {
		return err
	}
	result(w, version)
	return nil
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
}

// problemOf words an error, which is an *Error.
func problemOf(err error) Problem {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: CodeInternal, Detail: detail(err)}
	}
	status := statuses[e.Code]
	return Problem{Title: http.StatusText(status), Status: status, Detail: e.Detail, Code: e.Code}
}

// problem sends an error.
func problem(w http.ResponseWriter, err error) {
	p := problemOf(err)
	w.Header().Set("Content-Type", typeProblem)
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
	}
}
