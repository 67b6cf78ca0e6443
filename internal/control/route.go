package control

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/namelet/namelet/store"
)

// route describes an operation for whoever calls it.
type route struct {
	path    string            // called by POST, but for get
	scope   store.TokenScopes // the one that a caller must have
	changes bool              // something that lasts
	summary string            // one line
	get     bool              // called by GET, without a request
	takes   string            // media type of the body; empty for JSON, which is then the request
	gives   string            // media type of the result; empty for JSON
	most    int64             // octets of the body; 0 for maxJSON
	in, out reflect.Type      // request and result, where they are JSON
	lines   reflect.Type      // of each line, where the result can be a sequence, too
	inURL   bool              // the request is in a parameter of the URL, for the body is something else
}

// routes are the operations of an endpoint. Each is registered with the scope that
// it wants and with what it touches, so that none can be called without both being
// held against the caller.
type routes struct {
	all   []route
	serve map[string]http.Handler // by path; each looks at the method itself
}

// ServeHTTP implements http.Handler. A path is taken as it was sent: what names an
// operation in another way, which a proxy in between may have let through as
// something else, is none.
func (rs *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve := rs.serve[r.URL.EscapedPath()]
	if serve == nil {
		problem(w, &Error{Code: CodeNotFound, Detail: "no such operation: " + quoted(r.URL.Path)})
		return
	}
	serve.ServeHTTP(w, r)
}

// touching finds out what a request touches; it may fill in what the request leaves
// open, so that the operation does what was allowed.
type touching[Q any] func(context.Context, *Q) (touch, error)

// inZone is for operations on one zone, which the request names.
func inZone[Q any](zone func(*Q) string) touching[Q] {
	return func(_ context.Context, q *Q) (touch, error) { return touch{zones: []string{zone(q)}}, nil }
}

// onGuest is for operations on one guest, which the request names.
func onGuest[Q any](guest func(*Q) string) touching[Q] {
	return func(_ context.Context, q *Q) (touch, error) { return touch{guests: []string{guest(q)}}, nil }
}

// onWhole is for operations on all that the server has: a caller with limits has no
// use of them.
func onWhole[Q any](context.Context, *Q) (touch, error) { return touch{whole: true}, nil }

// onOwn is for operations that show no more than what is the caller's, for which they
// see themselves.
func onOwn[Q any](context.Context, *Q) (touch, error) { return touch{}, nil }

// add registers a route whose request has been read by then.
func (rs *routes) add(r route, serve http.Handler) {
	rs.all = append(rs.all, r)
	methods := []string{http.MethodPost}
	if r.get {
		methods = []string{http.MethodGet, http.MethodHead}
	}
	allow := strings.Join(methods, ", ")
	rs.serve[r.path] = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !slices.Contains(methods, req.Method) {
			w.Header().Set("Allow", allow)
			problem(w, &Error{Code: CodeMethod, Detail: r.path + " is called by " + allow + ", not " + quoted(req.Method)})
			return
		}
		if c := callerOf(req.Context()); !c.scopes.Allow(r.scope) {
			problem(w, &Error{Code: CodeForbidden, Detail: c.name + " has no scope " + r.scope.String() + ", which " + r.path + " wants"})
			return
		}
		serve.ServeHTTP(w, req)
	})
}

// admit holds what a request touches against its caller, and returns the context for
// the operation.
func admit[Q any](ctx context.Context, r *route, q *Q, touches touching[Q]) (context.Context, error) {
	t, err := touches(ctx, q)
	if err != nil {
		return ctx, err
	}
	return audited(ctx, r, t), callerOf(ctx).check(t)
}

// handle offers an operation that takes and gives JSON.
func handle[Q, R any](rs *routes, r route, touches touching[Q], operation func(context.Context, Q) (R, error)) {
	if r.most == 0 {
		r.most = maxJSON
	}
	r.in, r.out = reflect.TypeFor[Q](), reflect.TypeFor[R]()
	rs.add(r, body(typeJSON, r.most, func(w http.ResponseWriter, req *http.Request) error {
		var q Q
		if err := readJSON(req.Body, &q); err != nil {
			return err
		}
		ctx, err := admit(req.Context(), &r, &q, touches)
		if err != nil {
			return err
		}
		res, err := operation(ctx, q)
		if err != nil {
			return err
		}
		result(w, res)
		return nil
	}))
}

// handleBody offers an operation whose body or result is not JSON. Where the body
// is not, the request is in the URL. Where places is not nil the operation has one of
// them while it runs, and the body must come fast enough.
func handleBody[Q any](rs *routes, r route, places *places, touches touching[Q], serve func(http.ResponseWriter, *http.Request, Q) error) {
	mediaType := r.takes
	if r.gives == "" && r.out == nil {
		panic("control: " + r.path + ": the result is not described")
	}
	r.in, r.inURL = reflect.TypeFor[Q](), mediaType != ""
	if mediaType == "" {
		mediaType, r.most = typeJSON, maxJSON
	}
	rs.add(r, body(mediaType, r.most, func(w http.ResponseWriter, req *http.Request) error {
		var q Q
		read := func() error { return readJSON(req.Body, &q) }
		if r.inURL {
			read = func() error { return request(req, &q) }
		}
		if err := read(); err != nil {
			return err
		}
		ctx, err := admit(req.Context(), &r, &q, touches)
		if err != nil {
			return err
		}
		if places != nil {
			leave, err := places.take(ctx)
			if err != nil {
				return err
			}
			defer leave()
			req.Body = places.pace(w, req.Body)
		}
		return serve(w, req.WithContext(ctx), q)
	}))
}

// show offers something to read that takes no request.
func show(rs *routes, r route, what func() any) {
	r.get = true
	r.out = reflect.TypeOf(what())
	rs.add(r, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { result(w, what()) }))
}

// own leaves of a list what the caller may touch.
func own[T any](ctx context.Context, all []T, err error, may func(*caller, T) bool) ([]T, error) {
	c := callerOf(ctx)
	if err != nil || !c.limited() {
		return all, err
	}
	mine := []T{}
	for _, v := range all {
		if may(c, v) {
			mine = append(mine, v)
		}
	}
	return mine, nil
}
