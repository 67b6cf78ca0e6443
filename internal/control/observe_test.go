package control

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each request is told by its operation and status, and whatever path somebody makes up
// is told as none.
func TestObserved(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	rs := &routes{serve: map[string]http.Handler{"/v1/zone/list": nothing}}
	got := map[string]int{}
	tell := func(operation string, status int) { got[operation+" "+http.StatusText(status)]++ }
	ask := func(path string, serve http.HandlerFunc) {
		defer func() { _ = recover() }()
		observed(rs, serve, tell).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, nil))
	}
	ask("/v1/zone/list", nothing)
	ask("/v1/zone/list", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")); w.WriteHeader(500) })
	ask("/v1/zone/list", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		problem(w, &Error{Code: CodeRate, Detail: "too often"})
	})
	ask("/v1/zone/list", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	ask("/v1/zone%2flist", func(w http.ResponseWriter, _ *http.Request) { problem(w, &Error{Code: CodeNotFound}) })
	ask("/v1/made/up", func(w http.ResponseWriter, _ *http.Request) { problem(w, &Error{Code: CodeNotFound}) })
	want := map[string]int{"zone/list OK": 2, "zone/list Too Many Requests": 1, "zone/list Internal Server Error": 1, "none Not Found": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
