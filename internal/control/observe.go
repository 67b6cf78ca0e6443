package control

import (
	"net/http"
	"strings"
)

// noOperation is what a request is told as that names no operation.
const noOperation = "none"

// observed has each request told that has been answered, those that the gate turned
// away among them.
func observed(rs *routes, next http.Handler, tell func(operation string, status int)) http.Handler {
	if tell == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &observer{ResponseWriter: w}
		returned := false
		defer func() {
			switch {
			case o.status != 0:
			case returned:
				o.status = http.StatusOK
			default: // it panicked, and the server closes the connection
				o.status = http.StatusInternalServerError
			}
			tell(rs.operation(r), o.status)
		}()
		next.ServeHTTP(o, r)
		returned = true
	})
}

// operation names what a request asks for: one of the routes, whatever path it has.
func (rs *routes) operation(r *http.Request) string {
	path := r.URL.EscapedPath()
	if rs.serve[path] == nil {
		return noOperation
	}
	return strings.TrimPrefix(path, "/v1/")
}

// observer notes the status of a response.
type observer struct {
	http.ResponseWriter
	status int // 0 for none yet
}

// WriteHeader implements http.ResponseWriter. Those of 1xx are not the last.
func (o *observer) WriteHeader(status int) {
	if o.status == 0 && status >= http.StatusOK {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *observer) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }
