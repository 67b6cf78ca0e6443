package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// sayEvery is how often a server says how far it has come.
const sayEvery = 200 * time.Millisecond

// sequence is a result of many JSON values.
type sequence struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func newSequence(w http.ResponseWriter) *sequence {
	return &sequence{w: w, control: http.NewResponseController(w)}
}

// say sends a value now. A client that has gone away ends the request, which is seen
// elsewhere.
func (s *sequence) say(v any) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", typeLines)
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime))
	_ = json.NewEncoder(s.w).Encode(v)
	_ = s.control.Flush()
}

// pushAloud is PushGuest with a PushAnswer of each phase.
func (s *Service) pushAloud(w http.ResponseWriter, r *http.Request, q GuestPush, module []byte) error {
	out := newSequence(w)
	q.Told = func(p PushPhase) { out.say(PushAnswer{Phase: p}) }
	version, err := s.PushGuest(r.Context(), q, module)
	switch {
	case err == nil:
		out.say(PushAnswer{Version: &version})
	case out.begun:
		p := problemOf(err)
		out.say(PushAnswer{Problem: &p})
	default:
		return err
	}
	return nil
}

// importAloud imports a zone whose content has come, and says how far it is. What
// goes wrong before there was anything to say is a problem as any other.
func (s *Service) importAloud(w http.ResponseWriter, r *http.Request, q ZoneImport, sets []rr.Set) error {
	out := newSequence(w)
	said := time.Now()
	zone, err := s.ImportZoneWatched(r.Context(), q, sets, func(p ImportProgress) {
		if now := time.Now(); now.Sub(said) >= sayEvery {
			said = now
			out.say(ImportAnswer{Progress: &p})
		}
	})
	switch {
	case err == nil:
		out.say(ImportAnswer{Zone: &zone})
	case out.begun:
		p := problemOf(err)
		out.say(ImportAnswer{Problem: &p})
	default:
		return err
	}
	return nil
}

// ImportZoneWatched is that of Service.
func (c *Client) ImportZoneWatched(ctx context.Context, q ZoneImport, sets []rr.Set, watch func(ImportProgress)) (Zone, error) {
	origin, err := parseName("zone", q.Zone)
	if err != nil {
		return Zone{}, err
	}
	q.Progress = true
	// The server's part is told of when this one is over, so that one goroutine at a
	// time calls watch.
	r, w := io.Pipe()
	sent := make(chan struct{})
	defer func() { r.Close(); <-sent }()
	go func() {
		defer close(sent)
		w.CloseWithError(zonefile.WriteWatched(w, origin, sets, func(n int) { watch(ImportProgress{ImportSending, n, len(sets)}) }))
	}()
	response, err := c.send(ctx, http.MethodPost, pathZoneImport, q, typeZone, r)
	if err != nil {
		return Zone{}, err
	}
	defer response.Body.Close()
	r.Close() // the server has all of it
	<-sent
	return c.importAnswers(response.Body, watch)
}

// importAnswers reads the sequence to its end.
func (c *Client) importAnswers(body io.Reader, watch func(ImportProgress)) (Zone, error) {
	answers := json.NewDecoder(body)
	for {
		var a ImportAnswer
		if err := answers.Decode(&a); err != nil {
			return Zone{}, c.brokenOff(err)
		}
		switch {
		case a.Problem != nil:
			return Zone{}, a.Problem.error()
		case a.Zone != nil:
			return *a.Zone, nil
		case a.Progress != nil:
			watch(*a.Progress)
		}
	}
}

// pushAnswers reads the sequence to its end.
func (c *Client) pushAnswers(body io.Reader, told func(PushPhase)) (GuestVersion, error) {
	answers := json.NewDecoder(body)
	for {
		var a PushAnswer
		if err := answers.Decode(&a); err != nil {
			return GuestVersion{}, c.brokenOff(err)
		}
		switch {
		case a.Problem != nil:
			return GuestVersion{}, a.Problem.error()
		case a.Version != nil:
			return *a.Version, nil
		case a.Phase != "":
			told(a.Phase)
		}
	}
}

// brokenOff words that a sequence could not be read to its end.
func (c *Client) brokenOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Code: CodeUnknown, Detail: "the server at " + c.address + " went away before it answered", err: err}
	}
	return fmt.Errorf("control: %s: result: %w", c.address, err)
}

func (p *Problem) error() error { return &Error{Code: p.Code, Detail: p.Detail, Report: p.Report} }
