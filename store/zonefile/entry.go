package zonefile

import (
	"bufio"
	"errors"
	"io"
)

// maxEntry is the greatest length of an entry in octets, comments included: the
// largest rdata as \DDD escapes, and room for the rest.
const maxEntry = 4*65535 + 4096

var (
	errEntryTooLong  = errors.New("entry is longer than 266236 octets")
	errFileTooLong   = errors.New("zone file is too large")
	errOpenQuote     = errors.New("quoted text is not closed on its line")
	errOpenParen     = errors.New("parenthesis is not closed before the end of the file")
	errExtraParen    = errors.New("closing parenthesis without an opening one")
	errTrailingSlash = errors.New("backslash at the end of a line")
)

// entry is one entry of a master file (RFC 1035 section 5.1): a line, or several
// that parentheses join.
type entry struct {
	line int    // of its first octet, from 1
	text []byte // on one line, without comments and parentheses; good until the next entry is read
}

// blank reports whether nothing stands in the entry.
func (e entry) blank() bool {
	for _, c := range e.text {
		if !isBlank(c) {
			return false
		}
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// entryReader splits a file into entries.
type entryReader struct {
	r      *bufio.Reader
	line   int    // of the octet that is read next
	budget *int64 // octets that may still be read, over all included files
	text   []byte
}

// fileBuffer is how many octets of a file are read at a time.
const fileBuffer = 64 << 10

// newEntryReader reads r, size octets at a time.
func newEntryReader(r io.Reader, size int, budget *int64) *entryReader {
	return &entryReader{r: bufio.NewReaderSize(r, size), line: 1, budget: budget}
}

var errUTF16 = errors.New("the file is in UTF-16: save it as ASCII or UTF-8")

// skipMark passes over the byte-order mark that some editors put in front of UTF-8
// (EF BB BF), and refuses the marks of UTF-16.
func (er *entryReader) skipMark() error {
	front, err := er.r.Peek(3)
	switch {
	case err != nil && err != io.EOF:
		return err
	case string(front) == "\xef\xbb\xbf":
		*er.budget -= 3
		_, err := er.r.Discard(3)
		return err
	case len(front) > 1 && (string(front[:2]) == "\xff\xfe" || string(front[:2]) == "\xfe\xff"):
		return errUTF16
	}
	return nil
}

// next gives the next entry, which may be blank. The error is io.EOF at the end,
// that of the reader, or an *Error with the line but no file.
func (er *entryReader) next() (entry, error) {
	e := entry{line: er.line}
	er.text = er.text[:0]
	depth, length := 0, 0
	for {
		c, err := er.octet()
		if err == io.EOF {
			return er.atEnd(e, depth, length)
		} else if err != nil {
			return e, at("", er.line, err)
		}
		if length++; length > maxEntry {
			return e, at("", e.line, errEntryTooLong)
		}
		switch c {
		case '\n':
			er.line++
			if depth == 0 {
				e.text = er.text
				return e, nil
			}
			er.text = append(er.text, ' ')
		case ';':
			err = er.skipComment()
		case '"':
			err = er.quoted(&length)
		case '\\':
			err = er.escaped(&length)
		case '(':
			depth++
			er.text = append(er.text, ' ')
		case ')':
			if depth--; depth < 0 {
				err = errExtraParen
			}
			er.text = append(er.text, ' ')
		default:
			er.text = append(er.text, c)
		}
		if err != nil {
			return e, at("", er.line, err)
		}
	}
}

// atEnd gives the last entry, where it does not end in a newline.
func (er *entryReader) atEnd(e entry, depth, length int) (entry, error) {
	if depth > 0 {
		return e, at("", e.line, errOpenParen)
	}
	if length == 0 {
		return e, io.EOF
	}
	e.text = er.text
	return e, nil
}

func (er *entryReader) octet() (byte, error) {
	c, err := er.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if *er.budget--; *er.budget < 0 {
		return 0, errFileTooLong
	}
	return c, nil
}

// skipComment drops what follows up to the newline, which it leaves to be read.
func (er *entryReader) skipComment() error {
	for {
		c, err := er.octet()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if c == '\n' {
			*er.budget++
			return er.r.UnreadByte()
		}
	}
}

// quoted keeps text up to the closing quote as it is.
func (er *entryReader) quoted(length *int) error {
	er.text = append(er.text, '"')
	for {
		c, err := er.octet()
		switch {
		case err == io.EOF || c == '\n' && err == nil:
			return errOpenQuote
		case err != nil:
			return err
		}
		if *length++; *length > maxEntry {
			return errEntryTooLong
		}
		if c == '\\' {
			if err := er.escaped(length); err != nil {
				return err
			}
			continue
		}
		er.text = append(er.text, c)
		if c == '"' {
			return nil
		}
	}
}

// escaped keeps a backslash and the octet after it.
func (er *entryReader) escaped(length *int) error {
	c, err := er.octet()
	switch {
	case err == io.EOF || err == nil && (c == '\n' || c == '\r'):
		return errTrailingSlash
	case err != nil:
		return err
	}
	*length++
	er.text = append(er.text, '\\', c)
	return nil
}

// field cuts the first blank-separated field off text. Quotes have no meaning in
// it; escapes do.
func field(text []byte) (first, rest []byte) {
	for len(text) > 0 && isBlank(text[0]) {
		text = text[1:]
	}
	i := 0
	for ; i < len(text) && !isBlank(text[i]); i++ {
		if text[i] == '\\' {
			i++
		}
	}
	i = min(i, len(text))
	return text[:i], text[i:]
}
