package mirror

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// errUnreadable is the error of a file whose content is of no use.
var errUnreadable = errors.New("damaged, or of another release")

// damage makes an error of a panic, by which bbolt reports damage, and of a fault, by
// which the system reports a part of the file that cannot be read. It is for one
// goroutine: defer damage(&err)().
func damage(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			*err = fmt.Errorf("%w: %v", errUnreadable, r)
		}
	}
}

// guarded does something with the file. The error says which, and what to do where
// it is damaged.
func (m *Mirror) guarded(do func() error) error {
	err := func() (err error) {
		defer damage(&err)()
		return do()
	}()
	switch {
	case errors.Is(err, errUnreadable):
		return fmt.Errorf("mirror: %s: %w: stop the server and remove the file", m.path, err)
	case err != nil:
		return fmt.Errorf("mirror: %s: %w", m.path, err)
	}
	return nil
}
