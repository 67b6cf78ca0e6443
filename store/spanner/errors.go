package spanner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/spanner"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/namelet/namelet/store"
)

// failure is one of package store's errors, worded by what it is here.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return "store: spanner: " + f.text }
func (f *failure) Unwrap() error { return f.kind }

func failf(kind error, format string, args ...any) error {
	return &failure{kind, fmt.Sprintf(format, args...)}
}

// errSilent is the cause of a call that ended because nothing came in time.
var errSilent = errors.New("no reply")

// passing reports an error that another attempt may not meet.
func passing(err error) bool {
	if !theirs(err) {
		return false
	}
	switch spanner.ErrCode(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted, codes.Internal, codes.Unknown, codes.Canceled:
		return true
	}
	return sessionLost(err)
}

// theirs reports an error of the library or of a deadline, and not of this module.
func theirs(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	_, ok := status.FromError(err)
	return ok
}

// sessionLost reports that the client's session is not known: it was let go of, or
// the database is another one. The client does not replace it by itself.
func sessionLost(err error) bool {
	return spanner.ErrCode(err) == codes.NotFound && strings.Contains(spanner.ErrDesc(err), "Session not found")
}

// explain gives an error of the library its meaning. An error of this module is
// returned as it is.
func (d *Driver) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("store: spanner: %s: %w", d.database, ctx.Err())
	case errors.Is(err, errSilent):
		return failf(store.ErrUnavailable, "%s cannot be reached: no reply in time", d.database)
	case !theirs(err):
		return err
	}
	return explain(d.database, err)
}

// explain words an error of a call about a database, with what to do about it.
func explain(database string, err error) error {
	why := spanner.ErrDesc(err)
	switch code := spanner.ErrCode(err); code {
	case codes.NotFound:
		switch {
		case strings.Contains(why, "Table not found"):
			return failf(store.ErrSchema, "%s lacks a table (%s): run: responder store migrate", database, why)
		case strings.Contains(why, "Database not found"):
			return failf(store.ErrForeign, "%s does not exist: make it with gcloud spanner databases create, or run: responder store migrate --create", database)
		case strings.Contains(why, "Instance not found"):
			return failf(store.ErrForeign, "the instance of %s does not exist: make it with gcloud spanner instances create", database)
		}
	case codes.PermissionDenied:
		return failf(store.ErrUnwritable, "%s: permission denied (%s): grant roles/spanner.databaseUser", database, why)
	case codes.Unauthenticated:
		return failf(store.ErrUnwritable, "%s: no valid credentials (%s): see gcloud auth application-default login", database, why)
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented, codes.AlreadyExists:
		return fmt.Errorf("store: spanner: %s: %w", database, err)
	}
	if why == "" {
		why = err.Error()
	}
	return failf(store.ErrUnavailable, "%s cannot be reached: %s", database, why)
}
