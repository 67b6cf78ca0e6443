package control

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

const pathGuestLogs = "/v1/guest/logs"

// GuestLogsQuery asks for what a guest logged on a server, and how it failed there.
type GuestLogsQuery struct {
	Guest   string    `json:"guest"`
	Version uint64    `json:"version,omitempty"` // 0 for all
	Zone    string    `json:"zone,omitempty"`    // where it is attached; empty for all
	Since   time.Time `json:"since,omitzero"`    // the zero Time for all that is kept
	After   uint64    `json:"after,omitempty"`   // the id of the last line that is known; 0 for none
	Follow  bool      `json:"follow,omitempty"`  // go on with what comes, for some minutes
}

// GuestLogLine is a line that a guest logged, or a failure of it.
type GuestLogLine struct {
	ID      uint64    `json:"id"`
	Time    time.Time `json:"time"`
	Guest   string    `json:"guest"`
	Version uint64    `json:"version"`
	Zone    string    `json:"zone"`
	At      string    `json:"at"`
	Scope   string    `json:"scope"`
	Level   string    `json:"level"` // debug, info, warn or error
	Line    string    `json:"line,omitempty"`

	Failure *TraceFailure `json:"failure,omitempty"`
	Name    string        `json:"name,omitempty"` // the qname of a failure
	Type    string        `json:"type,omitempty"`
	Fuel    uint64        `json:"fuel,omitempty"` // units burnt by a call that failed

	// LeftOut is how many lines, or failures, of the attachment came too fast before
	// this one, and are nowhere.
	LeftOut uint64 `json:"left_out,omitempty"`

	// Lost is how many of the guest were dropped before they could be sent to this
	// reader.
	Lost uint64 `json:"lost,omitempty"`
}

const (
	// maxFollowers is how many requests follow guests at a time.
	maxFollowers = 16

	// followerTime is how long one more waits for a place: whoever goes on after
	// followTime may come a moment before its last request is gone.
	followerTime = 100 * time.Millisecond

	// followTime is how long one does; then its caller asks again.
	followTime = 4 * time.Minute

	// lookEvery is how often it is looked whether its caller would still be let in.
	lookEvery = 2 * time.Second

	// followPause is how often what is new is sent, at most, and aliveEvery how often
	// an empty line says that the connection is needed.
	followPause = 100 * time.Millisecond
	aliveEvery  = 15 * time.Second
)

// logs gives what guests logged.
type logs struct {
	service *Service
	journal *guestlog.Journal
	ending  <-chan struct{}
	places  *places

	patience time.Duration // for a client to take what is sent
}

// logRoutes are about what guests say.
func logRoutes(rs *routes, s *Service, e Endpoint) {
	l := &logs{service: s, journal: e.Journal, ending: e.Ending, places: newPlaces(maxFollowers, "%d requests%s follow guests", followerTime), patience: cmp.Or(e.patience, lineTime)}
	handleBody(rs, route{path: pathGuestLogs, scope: store.MayGuests, gives: typeLines, lines: reflect.TypeFor[GuestLogLine](), summary: "Give what a guest logged on this server, and how it failed"},
		nil, touchLogs, l.serve)
}

func touchLogs(_ context.Context, q *GuestLogsQuery) (touch, error) {
	t := touch{guests: []string{q.Guest}}
	if q.Zone != "" {
		t.zones = []string{q.Zone}
	}
	return t, nil
}

// serve sends what is kept, and where it is asked for what comes after that.
func (l *logs) serve(w http.ResponseWriter, r *http.Request, q GuestLogsQuery) error {
	fits, err := l.filter(r.Context(), q)
	if err != nil {
		return err
	}
	stream := &lineStream{w: w, control: http.NewResponseController(w), patience: l.patience}
	reader := l.journal.Read(q.Guest, q.After)
	if !q.Follow {
		w.Header().Set("Content-Type", typeLines)
		stream.send(reader, fits)
		return nil
	}
	leave, err := l.places.take(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", typeLines)
	l.follow(r.Context(), stream, reader, fits)
	return nil
}

// follow sends what there is and what comes, until somebody ends it: the caller, the
// server, the time, the end of the caller's token, or a reader that does not take what is sent.
func (l *logs) follow(ctx context.Context, stream *lineStream, reader *guestlog.Reader, fits func(*guestlog.Entry) bool) {
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	go func() {
		defer cancel()
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for c := callerOf(ctx); !c.left(ctx); {
			select {
			case <-look.C:
			case <-l.ending:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	for stream.send(reader, fits) && ctx.Err() == nil {
		quiet, stop := context.WithTimeout(ctx, aliveEvery)
		err := reader.Wait(quiet)
		stop()
		if err != nil && ctx.Err() == nil {
			stream.alive()
			continue
		}
		select {
		case <-time.After(followPause):
		case <-ctx.Done():
		}
	}
}

// filter finds out which entries a request is for. CodeNotFound where there is no such
// guest; a store that is away does not keep anybody from what is at hand here.
func (l *logs) filter(ctx context.Context, q GuestLogsQuery) (fits func(*guestlog.Entry) bool, err error) {
	if l.journal == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this process answers no queries, so no guest runs here"}
	}
	if _, err := l.service.store.Guest(ctx, q.Guest, q.Version); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) {
		return nil, classify(err)
	}
	var zone rr.Name
	if q.Zone != "" {
		if zone, err = parseName("zone", q.Zone); err != nil {
			return nil, err
		}
	}
	c := callerOf(ctx)
	return func(e *guestlog.Entry) bool {
		return (q.Version == 0 || e.Version == q.Version) && (zone.IsZero() || e.Zone.Equal(zone)) && !e.Time.Before(q.Since) && c.mayZone(e.Zone)
	}, nil
}

// lineStream sends lines to a client.
type lineStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	lost    uint64 // entries that the next line is to tell of

	patience time.Duration
}

// lineTime is how long a client may take to take what is sent.
const lineTime = 10 * time.Second

// send sends what a reader has that fits. It reports false where the client does not
// take it.
func (s *lineStream) send(reader *guestlog.Reader, fits func(*guestlog.Entry) bool) bool {
	entries, lost := reader.Next()
	s.lost += lost
	_ = s.control.SetWriteDeadline(time.Now().Add(s.patience)) // a recorder in a test has none
	out := json.NewEncoder(s.w)
	for _, e := range entries {
		if !fits(e) {
			continue
		}
		line := logLine(e)
		line.Lost, s.lost = s.lost, 0
		if out.Encode(line) != nil {
			return false
		}
	}
	return s.control.Flush() == nil
}

// alive sends an empty line, so that a client that has gone is found out.
func (s *lineStream) alive() {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.patience))
	_, _ = io.WriteString(s.w, "\n") // what does not arrive is seen by the next send
}

func logLine(e *guestlog.Entry) GuestLogLine {
	line := GuestLogLine{
		ID: e.ID, Time: e.Time.UTC(), Guest: e.Guest, Version: e.Version, Zone: e.Zone.String(), At: e.At.String(), Scope: e.Scope.String(),
		Level: levelWords[e.Level], Line: e.Line, LeftOut: e.LeftOut,
	}
	if f := e.Failure; f != nil {
		line.Failure, line.Name, line.Type, line.Fuel = failureOf(f), e.QName.String(), e.QType.String(), f.Fuel
	}
	return line
}

// GuestLogs calls each with every line of a guest that the server has, in their order,
// and where it is to follow with those that come, until ctx ends or the server does.
// The error is that of each, or the server's; ctx's where it ended.
func (c *Client) GuestLogs(ctx context.Context, q GuestLogsQuery, each func(GuestLogLine) error) error {
	for {
		asked := time.Now()
		if err := c.guestLogs(ctx, &q, each); err != nil || !q.Follow {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if time.Since(asked) < time.Second { // it was not the time that ended it
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// guestLogs reads one sequence to its end, and leaves in q where to go on.
func (c *Client) guestLogs(ctx context.Context, q *GuestLogsQuery, each func(GuestLogLine) error) error {
	text, err := json.Marshal(q)
	if err != nil {
		return err
	}
	response, err := c.send(ctx, http.MethodPost, pathGuestLogs, nil, typeJSON, bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	for {
		var line GuestLogLine
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &Error{Code: CodeUnknown, Detail: "the server at " + c.address + " went away: " + detail(err), err: err}
		}
		q.After = line.ID
		if err := each(line); err != nil {
			return err
		}
	}
}
