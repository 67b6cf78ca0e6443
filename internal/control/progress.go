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

// importAloud imports a zone whose content has come, and says how far it is. What
// goes wrong before there was anything to say is a problem as any other.
func (s *Service) importAloud(w http.ResponseWriter, r *http.Request, q ZoneImport, sets []rr.Set) error {
	control := http.NewResponseController(w)
	begun, said := false, time.Now()
	say := func(a ImportAnswer) {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", typeLines)
		}
		// A client that has gone away ends the request, which is seen elsewhere.
		_ = control.SetWriteDeadline(time.Now().Add(writeTime))
		_ = json.NewEncoder(w).Encode(a)
		_ = control.Flush()
	}
	zone, err := s.ImportZoneWatched(r.Context(), q, sets, func(p ImportProgress) {
		if now := time.Now(); now.Sub(said) >= sayEvery {
			said = now
			say(ImportAnswer{Progress: &p})
		}
	})
	switch {
	case err == nil:
		say(ImportAnswer{Zone: &zone})
	case begun:
		p := problemOf(err)
		say(ImportAnswer{Problem: &p})
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
		err := answers.Decode(&a)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return Zone{}, &Error{Code: CodeUnknown, Detail: "the server at " + c.address + " went away before it answered", err: err}
		case err != nil:
			return Zone{}, fmt.Errorf("control: %s: result: %w", c.address, err)
		case a.Problem != nil:
			return Zone{}, &Error{Code: a.Problem.Code, Detail: a.Problem.Detail}
		case a.Zone != nil:
			return *a.Zone, nil
		case a.Progress != nil:
			watch(*a.Progress)
		}
	}
}
