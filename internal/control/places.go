package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// A body that takes a place must come at this rate on average, beside a pause. So
// whoever sends slowly, or nothing, does not keep the places from others.
const (
	leastRate = 64 << 10 // bytes a second
	pause     = 10 * time.Second
)

// places are those of operations that take much memory, or long. A caller with limits has no
// more than half of them, so that no tenant keeps the others out.
type places struct {
	what     string // who has them, as in "%d zones%s are taken in": how many, and whose
	taken    chan struct{}
	patience time.Duration // how long take waits

	mu     sync.Mutex
	shares map[string]*part // of callers with limits that have or want a place
}

// part is what one caller has of the places.
type part struct {
	taken chan struct{}
	users int // requests that have a place of it, or wait for one
}

func newPlaces(n int, what string, patience time.Duration) *places {
	return &places{what: what, taken: make(chan struct{}, n), patience: patience, shares: map[string]*part{}}
}

// take waits for a place, and returns what gives it back. The error is CodeBusy, or
// CodeCanceled where ctx ends.
func (p *places) take(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	wait := func(taken chan struct{}, whose string) error {
		select {
		case taken <- struct{}{}:
			return nil
		case <-timer.C:
			return &Error{Code: CodeBusy, Detail: fmt.Sprintf(p.what, cap(taken), whose) + " already: try again"}
		case <-ctx.Done():
			return &Error{Code: CodeCanceled, Detail: "the request ended before it had a place", err: ctx.Err()}
		}
	}
	c := callerOf(ctx)
	if !c.limited() {
		return func() { <-p.taken }, wait(p.taken, "")
	}
	own := p.enter(c.name)
	if err := wait(own.taken, " of "+c.name); err != nil {
		p.exit(c.name)
		return nil, err
	}
	if err := wait(p.taken, ""); err != nil {
		<-own.taken
		p.exit(c.name)
		return nil, err
	}
	return func() {
		<-p.taken
		<-own.taken
		p.exit(c.name)
	}, nil
}

// enter gives the share of a caller, which is kept until it has called exit as often.
func (p *places) enter(name string) *part {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[name]
	if s == nil {
		s = &part{taken: make(chan struct{}, max(1, cap(p.taken)/2))}
		p.shares[name] = s
	}
	s.users++
	return s
}

func (p *places) exit(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[name]
	if s.users--; s.users == 0 {
		delete(p.shares, name)
	}
}

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
