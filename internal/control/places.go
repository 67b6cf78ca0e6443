package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// A body that takes a place must come at this rate on average, beside a pause. So
// whoever sends slowly, or nothing, does not keep the places from others.
const (
	leastRate = 64 << 10 // bytes a second
	pause     = 10 * time.Second
)

// places are those of operations that take much memory.
type places struct {
	taken    chan struct{}
	patience time.Duration // how long take waits
}

func newPlaces(n int, patience time.Duration) *places {
	return &places{taken: make(chan struct{}, n), patience: patience}
}

// take waits for a place. The error is CodeBusy, or CodeCanceled where ctx ends.
func (p *places) take(ctx context.Context) error {
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	select {
	case p.taken <- struct{}{}:
		return nil
	case <-timer.C:
		return &Error{Code: CodeBusy, Detail: strconv.Itoa(cap(p.taken)) + " zones and modules are being taken in already: try again"}
	case <-ctx.Done():
		return &Error{Code: CodeCanceled, Detail: "the request ended before it had a place", err: ctx.Err()}
	}
}

func (p *places) leave() { <-p.taken }

// pace gives the body of a request that has a place. Reading it fails with
// CodeCanceled once it has kept the reader waiting for too long in all; a pause is
// no longer than others wait for the place.
func (p *places) pace(w http.ResponseWriter, body io.ReadCloser) io.ReadCloser {
	return &pacedBody{ReadCloser: body, control: http.NewResponseController(w), left: min(pause, p.patience)}
}

type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	left    time.Duration // how long the reader will wait still
}

// Read implements io.Reader. Only waiting counts, not what is done between reads.
func (b *pacedBody) Read(buf []byte) (int, error) {
	begun := time.Now()
	_ = b.control.SetReadDeadline(begun.Add(b.left)) // a recorder in a test has none, and no need of one
	n, err := b.ReadCloser.Read(buf)
	b.left += time.Duration(n)*time.Second/leastRate - time.Since(begun)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, &Error{Code: CodeCanceled, Detail: "the request's body comes too slowly; nothing was changed", err: err}
	}
	if err != nil { // the operation may take its time from here
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
