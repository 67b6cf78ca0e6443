package store

import (
	"errors"
	"fmt"

	"github.com/namelet/namelet/rr"
)

// What callers act on. Test with errors.Is; the errors that carry more are
// named beside.
var (
	ErrNotFound        = errors.New("not found")
	ErrExists          = errors.New("exists already")
	ErrInvalid         = errors.New("invalid")
	ErrUnsupported     = error(unsupported{})                        // a setting that no server heeds so far; an ErrInvalid too
	ErrVersionConflict = errors.New("version conflict")              // *VersionError
	ErrSerialLower     = errors.New("serial is not higher")          // *SerialError
	ErrSigned          = errors.New("zone is signed")                // its records come from a file only
	ErrInUse           = errors.New("in use")                        // an attachment holds on to it
	ErrTooLarge        = errors.New("too large")                     // a limit of this package
	ErrGone            = errors.New("history is no longer held")     // load again
	ErrForeign         = errors.New("another or an older store")     // the cursor or version is not of this store's past
	ErrLocked          = errors.New("store is in use")               // by another process
	ErrFull            = errors.New("disk is full")                  // nothing was changed
	ErrUnwritable      = errors.New("store cannot be written")       // nothing was changed
	ErrUnavailable     = errors.New("store cannot be reached")       // for now; of a write: nothing was changed
	ErrOutcomeUnknown  = errors.New("outcome of a write is unknown") // the write may come to last, or not
	ErrCorrupt         = errors.New("store is damaged")              // *CorruptError where a row is
	ErrSchema          = errors.New("store has another schema")      // written by another release
	ErrBackup          = errors.New("it cannot be restored")         // not a backup, or a damaged one
	ErrClosed          = errors.New("store is closed")
)

// ErrCheckFailed is the error of Driver.Apply where a check of the batch does
// not hold. It does not leave this package.
var ErrCheckFailed = errors.New("a check of the batch does not hold")

type unsupported struct{}

func (unsupported) Error() string        { return "not supported" }
func (unsupported) Is(target error) bool { return target == ErrInvalid }

// VersionError says that a zone is not at the version that the caller named.
type VersionError struct {
	Zone       rr.Name
	Want, Have uint64
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("store: zone %v is at version %d, not %d: read it again", e.Zone, e.Have, e.Want)
}

// Is makes the error an ErrVersionConflict.
func (e *VersionError) Is(target error) bool { return target == ErrVersionConflict }

// SerialError says that new content of a zone has an SOA serial that is not
// higher (RFC 1982 section 3.2) than the zone's, so secondaries would not see it.
type SerialError struct {
	Zone      rr.Name
	Have, Got uint32
}

func (e *SerialError) Error() string {
	if e.Have == e.Got {
		return fmt.Sprintf("store: zone %v: serial %d is that of other content: raise it, or force", e.Zone, e.Got)
	}
	return fmt.Sprintf("store: zone %v: serial %d is not higher than %d: raise it, or force", e.Zone, e.Got, e.Have)
}

// Is makes the error an ErrSerialLower.
func (e *SerialError) Is(target error) bool { return target == ErrSerialLower }

// CorruptError names a row that cannot be what this package wrote.
type CorruptError struct {
	Table Table
	Key   string
	Why   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("store: table %v, key %q: %s: restore the store from a backup", e.Table, e.Key, e.Why)
}

// Is makes the error an ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// fail wraps one of the errors above with what it is about.
func fail(kind error, format string, args ...any) error {
	return fmt.Errorf("store: %s: %w", fmt.Sprintf(format, args...), kind)
}
