package control

import (
	"errors"
	"net/http"
	"strings"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/signing"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// Code is the kind of an Error, for programs.
type Code string

// The codes.
const (
	CodeInvalid   Code = "invalid"   // the request contradicts itself or its zone
	CodeForbidden Code = "forbidden" // the endpoint does not trust the request, or its caller may not do that

	CodeUnauthenticated Code = "unauthenticated" // who the caller is was not shown, or is not so
	CodeRate            Code = "rate"            // too many requests of the caller; nothing was changed

	CodeMethod    Code = "method"     // the operation is called by another method
	CodeMediaType Code = "media-type" // the body is of another media type than the operation takes

	CodeNotFound    Code = "not-found"    // no such zone, record, guest or attachment
	CodeExists      Code = "exists"       // it is there already
	CodeConflict    Code = "conflict"     // the zone has another version than the request wants
	CodeSerialLower Code = "serial-lower" // an import wants a higher serial, or force
	CodeSigned      Code = "signed"       // records of a signed zone come from a file only
	CodeInUse       Code = "in-use"       // an attachment holds on to it
	CodeTooLarge    Code = "too-large"    // above a limit
	CodeModule      Code = "module"       // the module cannot be a guest
	CodeUnsigned    Code = "unsigned"     // no key that the server trusts has signed the module
	CodeFull        Code = "full"         // no room on the disk; nothing was changed
	CodeUnwritable  Code = "unwritable"   // the store cannot be written; nothing was changed
	CodeUnavailable Code = "unavailable"  // the store cannot be reached; nothing was changed
	CodeUnknown     Code = "unknown"      // the write may come to last, or not
	CodeBusy        Code = "busy"         // too many large requests at a time; nothing was changed
	CodeCanceled    Code = "canceled"     // the caller went away or time ran out
	CodeInternal    Code = "internal"     // a fault of the server
)

// Error is the failure of an operation.
type Error struct {
	Code   Code
	Detail string       // one line, for people
	Report *GuestReport // of a module that failed its trial; else nil
	err    error        // the cause, where the operation ran in this process
}

// Error gives the detail.
func (e *Error) Error() string { return e.Detail }

// Unwrap gives the cause; nil where it is in another process.
func (e *Error) Unwrap() error { return e.err }

// Is reports whether target is an Error of the same code, whatever its detail.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code && other.Detail == ""
}

var statuses = map[Code]int{
	CodeInvalid:         http.StatusBadRequest,
	CodeForbidden:       http.StatusForbidden,
	CodeUnauthenticated: http.StatusUnauthorized,
	CodeRate:            http.StatusTooManyRequests,
	CodeMethod:          http.StatusMethodNotAllowed,
	CodeMediaType:       http.StatusUnsupportedMediaType,
	CodeNotFound:        http.StatusNotFound,
	CodeExists:          http.StatusConflict,
	CodeConflict:        http.StatusPreconditionFailed,
	CodeSerialLower:     http.StatusConflict,
	CodeSigned:          http.StatusConflict,
	CodeInUse:           http.StatusConflict,
	CodeTooLarge:        http.StatusRequestEntityTooLarge,
	CodeModule:          http.StatusUnprocessableEntity,
	CodeUnsigned:        http.StatusForbidden,
	CodeFull:            http.StatusInsufficientStorage,
	CodeUnwritable:      http.StatusServiceUnavailable,
	CodeUnavailable:     http.StatusServiceUnavailable,
	CodeUnknown:         http.StatusServiceUnavailable,
	CodeBusy:            http.StatusServiceUnavailable,
	CodeCanceled:        http.StatusServiceUnavailable,
	CodeInternal:        http.StatusInternalServerError,
}

// kinds maps the causes to codes; the first that fits counts.
var kinds = []struct {
	cause error
	code  Code
}{
	{store.ErrNotFound, CodeNotFound},
	{store.ErrExists, CodeExists},
	{store.ErrVersionConflict, CodeConflict},
	{store.ErrSerialLower, CodeSerialLower},
	{store.ErrSigned, CodeSigned},
	{store.ErrInUse, CodeInUse},
	{store.ErrTooLarge, CodeTooLarge},
	{store.ErrInvalid, CodeInvalid},
	{store.ErrFull, CodeFull},
	{store.ErrUnavailable, CodeUnavailable},
	{store.ErrUnwritable, CodeUnwritable},
	{store.ErrOutcomeUnknown, CodeUnknown},
	{signing.ErrUnsigned, CodeUnsigned},
}

// classify makes an Error of what an operation failed with.
func classify(err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	e := &Error{Code: CodeInternal, Detail: detail(err), err: err}
	var refusal *runtime.Refusal
	var fault *runtime.Fault
	if errors.As(err, &refusal) || errors.As(err, &fault) {
		e.Code = CodeModule
		return e
	}
	var content *authority.Error
	if errors.As(err, &content) {
		e.Code = CodeInvalid
		return e
	}
	for _, kind := range kinds {
		if errors.Is(err, kind.cause) {
			e.Code = kind.code
			break
		}
	}
	return e
}

// detail words an error for people: on one line, without the package in front.
func detail(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	for _, prefix := range []string{"store: ", "runtime: ", "inspect: ", "authority: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	return s
}

// invalid makes an Error about a request.
func invalid(detail string) error { return &Error{Code: CodeInvalid, Detail: detail} }
