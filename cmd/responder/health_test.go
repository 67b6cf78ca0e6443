package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/replica"
)

// What a server says of itself while it loads, while it serves, and before it ends.
func TestHealth(t *testing.T) {
	var h health
	mux := metricsServer(newRegistry(), &h, slog.New(slog.DiscardHandler)).Handler
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	expect := func(path string, code int, text string) {
		t.Helper()
		if gotCode, got := ask(path); gotCode != code || got != text {
			t.Errorf("%s: got %d %q, want %d %q", path, gotCode, got, code, text)
		}
	}
	expect("/livez", 200, "ok")
	expect("/readyz", 503, "not ready: store: loading; zones: loading; guests: loading")
	expect("/metrics", 503, "not ready: loading")

	status := replica.Status{State: replica.Following, Zones: 2, Names: 7, Attachments: 1}
	h.status = func() replica.Status { return status }
	stuck, longest := 0, time.Duration(0)
	h.stuck, h.patience = func() (int, time.Duration) { return stuck, longest }, 30*time.Second
	h.loaded.Store(true)
	expect("/readyz", 200, "ok")

	status.State, status.Why, status.Caught, status.Expired = replica.Away, "no\nroute", time.Unix(0, 0), 1
	status.Problems = map[string]string{"guest a@1 at x.": "is impure"}
	const away = "the store cannot be read, what was held but 1 expired zones is served; last in step 1970-01-01T00:00:00Z: no; route"
	expect("/readyz", 200, "ok: "+away)
	expect("/readyz?verbose", 200, strings.Join([]string{
		"store ok: " + away, "zones ok: 2, with 7 names; 1 have expired",
		"guests ok: 1 attachments; 1 problems, see: responder status", "workers ok: none is stuck", "draining ok: no", "ok: " + away}, "\n"))

	stuck, longest = 1, 7*time.Second
	expect("/readyz", 503, "not ready: workers: 1 stuck, for up to 7s")
	expect("/livez", 200, "ok")
	longest = 31 * time.Second
	expect("/livez", 503, "1 workers are stuck, for up to 31s")
	h.patience = 0
	expect("/livez", 200, "ok")
	stuck = 0

	h.draining.Store(true)
	expect("/readyz", 503, "not ready: draining: the server is about to end")
	expect("/livez", 200, "ok")
}
