package zonefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Error is what is wrong with a zone file, and where. Its text is one line.
type Error struct {
	File string // as it was named to Parse, or the included file beside it; may be empty
	Line int    // from 1; 0 where the file as a whole is wrong
	Err  error  // what is wrong
}

// Error gives file:line: and what is wrong.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	switch {
	case e.Line > 0 && e.File != "":
		b.WriteString(":" + strconv.Itoa(e.Line) + ": ")
	case e.Line > 0:
		b.WriteString("line " + strconv.Itoa(e.Line) + ": ")
	case e.File != "":
		b.WriteString(": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap gives what is wrong without the place.
func (e *Error) Unwrap() error { return e.Err }

// at gives err the place, unless it has one already.
func at(file string, line int, err error) error {
	var placed *Error
	if err == nil || errors.As(err, &placed) {
		return err
	}
	return &Error{File: file, Line: line, Err: err}
}

// maxQuoted bounds how much of a file's text, in octets, an error repeats.
const maxQuoted = 60

// quote shows a piece of a file in an error: printable, and cut short.
func quote[T string | []byte](text T) string {
	s := string(text)
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(s[:maxQuoted]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }
