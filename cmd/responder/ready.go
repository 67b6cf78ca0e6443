package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/internal/replica"
)

// health is how a server is: what /livez and /readyz tell. Its methods are safe for
// concurrent use.
type health struct {
	loaded   atomic.Bool // what the store holds is served
	draining atomic.Bool // the server is about to end

	status   func() replica.Status                       // set before loaded is
	stuck    func() (workers int, longest time.Duration) // set before loaded is
	patience time.Duration                               // with a stuck worker, until the process counts as dead; 0 for ever
}

// check is one part of being ready.
type check struct {
	name string
	ok   bool
	text string // on one line
}

// String is the line that /readyz?verbose has of it.
func (c check) String() string {
	word := "failed"
	if c.ok {
		word = "ok"
	}
	return c.name + " " + word + ": " + c.text
}

// checks looks at all that being ready takes.
func (h *health) checks() []check {
	draining := check{"draining", true, "no"}
	if h.draining.Load() {
		draining = check{"draining", false, "the server is about to end"}
	}
	if !h.loaded.Load() {
		const loading = "loading"
		return []check{{"store", false, loading}, {"zones", false, loading}, {"guests", false, loading}, draining}
	}
	status := h.status()
	workers := check{"workers", true, "none is stuck"}
	if n, longest := h.stuck(); n > 0 {
		workers = check{"workers", false, fmt.Sprintf("%d stuck, for up to %v", n, longest.Round(time.Second))}
	}
	return append(storeChecks(&status), workers, draining)
}

// ready reports whether no check fails.
func (h *health) ready() bool {
	return !slices.ContainsFunc(h.checks(), func(c check) bool { return !c.ok })
}

// storeChecks look at what is served. A store that is away is no reason to send
// queries elsewhere: what was held is answered.
func storeChecks(status *replica.Status) []check {
	store := check{"store", true, string(replica.Following)}
	if note := storeNote(*status); note != "" {
		store.text = note
	}
	zones := check{"zones", true, fmt.Sprintf("%d, with %d names", status.Zones, status.Names)}
	if status.Expired > 0 {
		zones.text += fmt.Sprintf("; %d have expired", status.Expired)
	}
	broken := 0
	for what := range status.Problems {
		if strings.HasPrefix(what, "guest ") {
			broken++
		}
	}
	guests := check{"guests", true, fmt.Sprintf("%d attachments", status.Attachments)}
	if broken > 0 {
		guests.text += fmt.Sprintf("; %d problems, see: responder status", broken)
	}
	return []check{store, zones, guests}
}

// serveReady is /readyz: whether queries should be sent here. It says so on one line,
// or with verbose on a line for each check.
func (h *health) serveReady(w http.ResponseWriter, r *http.Request) {
	checks := h.checks()
	var lines, failed []string
	for _, c := range checks {
		lines = append(lines, c.String())
		if !c.ok {
			failed = append(failed, c.name+": "+c.text)
		}
	}
	verdict := "ok"
	if len(failed) > 0 {
		verdict = "not ready: " + strings.Join(failed, "; ")
	} else if note := storeNote(h.status()); note != "" {
		verdict = "ok: " + note
	}
	if r.URL.Query().Has("verbose") {
		verdict = strings.Join(append(lines, verdict), "\n")
	}
	answerHealth(w, len(failed) == 0, verdict)
}

// serveLive is /livez: whether the process is of use at all, or should be started
// anew: a worker that is stuck for good takes a part of the queries with it.
func (h *health) serveLive(w http.ResponseWriter, _ *http.Request) {
	if why := h.dead(); why != "" {
		answerHealth(w, false, why)
		return
	}
	answerHealth(w, true, "ok")
}

// dead says why the process should be started anew; empty where it should not.
func (h *health) dead() string {
	if !h.loaded.Load() || h.patience == 0 {
		return ""
	}
	n, longest := h.stuck()
	if longest < h.patience {
		return ""
	}
	return fmt.Sprintf("%d workers are stuck, for up to %v", n, longest.Round(time.Second))
}

func answerHealth(w http.ResponseWriter, ok bool, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, text)
}

// storeNote says what is wrong between a replica and its store; empty where nothing is.
func storeNote(status replica.Status) string {
	if status.State == replica.Following {
		return ""
	}
	what, from := "the store cannot be read", "what was held"
	if status.State == replica.Refused {
		what = "the store is refused"
	}
	if status.Mirrored {
		from = "what the mirror has"
	}
	if status.Expired > 0 {
		from = fmt.Sprintf("%s but %d expired zones", from, status.Expired)
	}
	return fmt.Sprintf("%s, %s is served; last in step %s: %s", what, from, status.Caught.UTC().Format(time.RFC3339), oneLine(status.Why))
}
