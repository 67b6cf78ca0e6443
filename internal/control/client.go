package control

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// ErrUnreachable is the error of a Client where nothing answers as a server's
// control endpoint does. Nothing was changed.
var ErrUnreachable = errors.New("control: no server answers")

// ErrSilent is the error of Status where something listens that does not answer.
var ErrSilent = errors.New("control: no answer")

// Client is the operations of a running server.
type Client struct {
	address string // for people: HOST:PORT, or the path of a socket
	base    url.URL
	token   string
	http    *http.Client
}

// How long a server may take to say which it is, and to begin the answer to a call
// once it has the whole of it.
const (
	statusTime = 5 * time.Second
	answerTime = 10 * time.Minute
)

// maxIdle is how many connections a client keeps for callers to come: a new one for
// each call costs the server as much as the call does.
const maxIdle = 64

// NewClient makes a client of the endpoint at address, HOST:PORT; token may be
// empty. It does not reach out yet.
func NewClient(address, token string) *Client {
	return newClient(address, url.URL{Scheme: "http", Host: address}, token, &http.Transport{
		DialContext: (&net.Dialer{Timeout: statusTime}).DialContext,
	})
}

// NewSocketClient makes a client of the endpoint at a unix socket.
func NewSocketClient(path, token string) *Client {
	dialer := &net.Dialer{Timeout: statusTime}
	return newClient(path, url.URL{Scheme: "http", Host: "localhost"}, token, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
	})
}

// NewTLSClient is NewClient of an endpoint that speaks TLS.
func NewTLSClient(address, token string, config *tls.Config) *Client {
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: statusTime}, Config: config}
	return newClient(address, url.URL{Scheme: "https", Host: address}, token, &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, statusTime)
			defer cancel()
			c, err := dialer.DialContext(ctx, network, address)
			var op *net.OpError
			if err == nil || errors.As(err, &op) && op.Op == "dial" {
				return c, err
			}
			return nil, &handshakeError{err}
		},
	})
}

// handshakeError is that of a connection over which nothing was sent yet.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

func newClient(address string, base url.URL, token string, transport *http.Transport) *Client {
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxIdle, maxIdle
	transport.ResponseHeaderTimeout = answerTime
	return &Client{address: address, base: base, token: token, http: &http.Client{
		Transport:     transport, // and no proxy: it has no business here
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Status says which server answers. The error wraps ErrUnreachable where none does.
func (c *Client) Status(ctx context.Context) (Status, error) {
	limited, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	status, err := post[Status](limited, c, http.MethodGet, pathStatus, nil, "", nil)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return status, fmt.Errorf("%w on %s within %v", ErrSilent, c.address, statusTime)
	}
	return status, err
}

// Replicas is what the server says of itself and of others.
func (c *Client) Replicas(ctx context.Context) (Replicas, error) {
	return call[Replicas](ctx, c, pathReplicas, struct{}{})
}

// Zones is that of Service.
func (c *Client) Zones(ctx context.Context) ([]Zone, error) {
	return call[[]Zone](ctx, c, pathZoneList, struct{}{})
}

// Zone is that of Service.
func (c *Client) Zone(ctx context.Context, q ZoneName) (Zone, error) {
	return call[Zone](ctx, c, pathZoneShow, q)
}

// SetZone is that of Service.
func (c *Client) SetZone(ctx context.Context, q ZoneSet) (Zone, error) {
	return call[Zone](ctx, c, pathZoneSet, q)
}

// ImportZone is that of Service.
func (c *Client) ImportZone(ctx context.Context, q ZoneImport, sets []rr.Set) (Zone, error) {
	origin, err := parseName("zone", q.Zone)
	if err != nil {
		return Zone{}, err
	}
	r, w := io.Pipe()
	defer r.Close()
	go func() { w.CloseWithError(zonefile.Write(w, origin, sets)) }()
	return post[Zone](ctx, c, http.MethodPost, pathZoneImport, q, typeZone, r)
}

// ExportZone is that of Service.
func (c *Client) ExportZone(ctx context.Context, q ZoneName) ([]rr.Set, error) {
	origin, err := parseName("zone", q.Zone)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	response, err := c.send(ctx, http.MethodPost, pathZoneExport, nil, typeJSON, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return zonefile.Parse(response.Body, zonefile.Options{Origin: origin, File: "export of " + q.Zone})
}

// DeleteZone is that of Service.
func (c *Client) DeleteZone(ctx context.Context, q ZoneName) error {
	_, err := call[struct{}](ctx, c, pathZoneDelete, q)
	return err
}

// Records is that of Service.
func (c *Client) Records(ctx context.Context, q RecordQuery) (Records, error) {
	return call[Records](ctx, c, pathRecordList, q)
}

// SetRecords is that of Service.
func (c *Client) SetRecords(ctx context.Context, q RecordSetRequest) (Change, error) {
	return call[Change](ctx, c, pathRecordSet, q)
}

// DeleteRecords is that of Service.
func (c *Client) DeleteRecords(ctx context.Context, q RecordDeleteRequest) (Change, error) {
	return call[Change](ctx, c, pathRecordDelete, q)
}

// ApplyRecords is that of Service.
func (c *Client) ApplyRecords(ctx context.Context, q RecordApply) (Change, error) {
	return call[Change](ctx, c, pathRecordApply, q)
}

// Guests is that of Service.
func (c *Client) Guests(ctx context.Context) ([]GuestVersion, error) {
	return call[[]GuestVersion](ctx, c, pathGuestList, struct{}{})
}

// PushGuest is that of Service.
func (c *Client) PushGuest(ctx context.Context, q GuestPush, module []byte) (GuestVersion, error) {
	sent := module
	if len(q.Scenarios) > 0 {
		text, err := json.Marshal(q.Scenarios)
		if err != nil {
			return GuestVersion{}, err
		}
		q.ScenarioBytes = len(text)
		sent = append(text, module...)
	}
	body := io.Reader(bytes.NewReader(sent))
	over := func() {}
	if q.Sent != nil {
		sending := &counted{from: body, total: len(sent), tell: q.Sent}
		defer sending.end()
		body, over = sending, sending.end
	}
	if q.Progress = q.Told != nil; q.Progress {
		response, err := c.send(ctx, http.MethodPost, pathGuestPush, q, typeModule, body)
		if err != nil {
			return GuestVersion{}, err
		}
		defer response.Body.Close()
		over()
		return c.pushAnswers(io.LimitReader(response.Body, maxResult), q.Told)
	}
	return post[GuestVersion](ctx, c, http.MethodPost, pathGuestPush, q, typeModule, body)
}

// counted tells how much of a body was read, until end: a body may be read on when
// the answer has come early.
type counted struct {
	from        io.Reader
	done, total int

	mu   sync.Mutex
	tell func(done, total int) // nil after the end
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done += n; c.tell != nil {
		c.tell(c.done, c.total)
	}
	return n, err
}

func (c *counted) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell = nil
}

// Attachments is that of Service.
func (c *Client) Attachments(ctx context.Context) ([]Attachment, error) {
	return call[[]Attachment](ctx, c, pathAttachmentList, struct{}{})
}

// Attach is that of Service.
func (c *Client) Attach(ctx context.Context, a Attachment) (Attachment, error) {
	return call[Attachment](ctx, c, pathAttach, a)
}

// Activate is that of Service.
func (c *Client) Activate(ctx context.Context, q Activation) (Attachment, error) {
	return call[Attachment](ctx, c, pathActivate, q)
}

// RollBack is that of Service.
func (c *Client) RollBack(ctx context.Context, q RollbackRequest) (Attachment, error) {
	return call[Attachment](ctx, c, pathRollback, q)
}

// GuestStatus is that of Service; the server itself is told of as it is now.
func (c *Client) GuestStatus(ctx context.Context, q GuestStatusQuery) ([]GuestStatus, error) {
	return call[[]GuestStatus](ctx, c, pathGuestStatus, q)
}

// TraceQuery has the server answer a query and say how.
func (c *Client) TraceQuery(ctx context.Context, q QueryTraceRequest) (QueryTrace, error) {
	return call[QueryTrace](ctx, c, pathQueryTrace, q)
}

// DeleteGuest is that of Service.
func (c *Client) DeleteGuest(ctx context.Context, q GuestVersionName) error {
	_, err := call[struct{}](ctx, c, pathGuestDelete, q)
	return err
}

// Detach is that of Service.
func (c *Client) Detach(ctx context.Context, q AttachmentPoint) error {
	_, err := call[struct{}](ctx, c, pathDetach, q)
	return err
}

// call calls an operation that takes and gives JSON.
func call[R any](ctx context.Context, c *Client, path string, request any) (R, error) {
	text, err := json.Marshal(request)
	if err != nil {
		var none R
		return none, err
	}
	return post[R](ctx, c, http.MethodPost, path, nil, typeJSON, bytes.NewReader(text))
}

// maxResult bounds a result in bytes: a listing of a large zone's records.
const maxResult = 1 << 30

// post sends a request and reads its result.
func post[R any](ctx context.Context, c *Client, method, path string, request any, mediaType string, body io.Reader) (R, error) {
	var res R
	response, err := c.send(ctx, method, path, request, mediaType, body)
	if err != nil {
		return res, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxResult)).Decode(&res); err != nil {
		return res, fmt.Errorf("control: %s: result: %w", c.address, err)
	}
	return res, nil
}

// send sends a request and gives a response that is no error; its body is to be
// closed.
func (c *Client) send(ctx context.Context, method, path string, request any, mediaType string, body io.Reader) (*http.Response, error) {
	target := c.base
	target.Path = path
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		target.RawQuery = url.Values{"request": {string(text)}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, err
	}
	if watched, ok := body.(*counted); ok {
		r.ContentLength = int64(watched.total)
	}
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, c.unsent(err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	return nil, c.problem(response)
}

// unsent tells a server that is not there from one that went away.
func (c *Client) unsent(err error) error {
	var handshake *handshakeError
	if errors.As(err, &handshake) {
		return &Error{Code: CodeUnauthenticated, Detail: "the server at " + c.address + " is not trusted, or speaks no TLS: " + detail(handshake.err), err: err}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w on %s", ErrUnreachable, c.address)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Error{Code: CodeUnknown, Detail: "the server at " + c.address + " went away before it answered: " + detail(err), err: err}
}

// wantsTLS reports whether an answer is that of a server in Go which was not spoken
// TLS to.
func wantsTLS(body io.Reader) bool {
	text, err := io.ReadAll(io.LimitReader(body, 100))
	return err == nil && strings.Contains(string(text), "HTTP request to an HTTPS server")
}

// problem makes the error that the server had.
func (c *Client) problem(response *http.Response) error {
	got, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if got == "" && response.StatusCode == http.StatusBadRequest && wantsTLS(response.Body) {
		return &Error{Code: CodeUnauthenticated, Detail: "the server at " + c.address + " speaks TLS: name the authorities that it is known by with RESPONDER_CONTROL_CA"}
	}
	var p Problem
	if got != typeProblem || json.NewDecoder(io.LimitReader(response.Body, maxJSON)).Decode(&p) != nil || p.Code == "" {
		return fmt.Errorf("%w on %s: what listens there is something else (HTTP %d)", ErrUnreachable, c.address, response.StatusCode)
	}
	return &Error{Code: p.Code, Detail: p.Detail, Report: p.Report}
}
