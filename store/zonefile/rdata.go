package zonefile

import (
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

const (
	maxRdata  = 65535
	rrHead    = 1 + 10 // the root's name, type, class, TTL and rdlength before the rdata
	hexMarker = `\#`   // begins rdata of RFC 3597 section 5
)

// ParseRdata reads the rdata of one record in presentation form, or as \# octets
// hex (RFC 3597 section 5). Relative names are completed with origin; comments
// and parentheses may stand in the text. The rdata comes in uncompressed wire
// form. The error says what is wrong, in one line and without a place.
func ParseRdata(t rr.Type, text string, origin rr.Name) (rr.Rdata, error) {
	if t.IsMeta() {
		return "", errorf("type %s is for messages and cannot stand in a zone", t)
	}
	budget := int64(DefaultMaxBytes)
	entries := newEntryReader(strings.NewReader(text), min(len(text), fileBuffer), &budget)
	e, err := entries.next()
	if err != nil && err != io.EOF {
		return "", unplaced(err)
	}
	joined := append([]byte{' '}, e.text...)
	for {
		e, err := entries.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", unplaced(err)
		}
		if !e.blank() {
			return "", errors.New("rdata of one record wanted, on one line")
		}
	}
	p := parsers.Get().(*rdataParser)
	defer parsers.Put(p)
	return p.parse(t, joined, origin)
}

// unplaced takes the line off an error about a text that has only one.
func unplaced(err error) error {
	var placed *Error
	if errors.As(err, &placed) {
		return placed.Err
	}
	return err
}

// rdataParser turns rdata from text to wire form. It keeps scratch memory
// between records.
type rdataParser struct {
	wire, again []byte
	line        strings.Builder
	origin      rr.Name
	originText  string
}

// parsers keeps the scratch memory of calls for one record.
var parsers = sync.Pool{New: func() any { return new(rdataParser) }}

// parse reads the rest of an entry behind its type.
func (p *rdataParser) parse(t rr.Type, text []byte, origin rr.Name) (rr.Rdata, error) {
	if p.wire == nil {
		p.wire = make([]byte, rrHead+maxRdata)
		p.again = make([]byte, rrHead+maxRdata)
	}
	first, rest := field(text)
	if string(first) == hexMarker {
		return p.parseHex(t, rest)
	}
	_, known := dns.TypeToRR[uint16(t)]
	switch {
	case len(first) == 0 && t != rr.TypeAPL:
		return "", errors.New("no rdata")
	case len(first) == 0:
		return "", nil
	case !known:
		return "", errorf(`type %s has no text form here: write \# octets hex`, t)
	}
	record, err := p.parseText(t, text, origin)
	if err != nil {
		return "", err
	}
	end, err := dns.PackRR(record, p.wire, 0, nil, false)
	if err != nil {
		return "", packError(err)
	}
	if err := p.checkNormal(p.wire[:end]); err != nil {
		return "", err
	}
	return string(p.wire[rrHead:end]), nil
}

// parseText hands the rdata to the library as a record of the root.
func (p *rdataParser) parseText(t rr.Type, text []byte, origin rr.Name) (dns.RR, error) {
	if p.origin != origin {
		p.origin, p.originText = origin, origin.String()
	}
	p.line.Reset()
	p.line.WriteString(". 0 IN ")
	p.line.WriteString(dns.TypeToString[uint16(t)])
	p.line.WriteByte(' ')
	p.line.Write(text)
	p.line.WriteByte('\n')
	zp := dns.NewZoneParser(strings.NewReader(p.line.String()), p.originText, "")
	record, ok := zp.Next()
	if !ok {
		return nil, libraryError(zp.Err(), text)
	}
	if _, more := zp.Next(); more || zp.Err() != nil {
		return nil, errorf("bad rdata %s", quote(trimmed(text)))
	}
	return record, nil
}

// parseHex reads octets and hex digits. Rdata of a type that the library knows
// must be as that type's rdata is.
func (p *rdataParser) parseHex(t rr.Type, text []byte) (rr.Rdata, error) {
	count, rest := field(text)
	n, ok := parseDecimal(string(count), maxRdata)
	if !ok {
		return "", errorf(`\# wants a number of octets up to %d, not %s`, maxRdata, quote(count))
	}
	digits := make([]byte, 0, 2*n)
	for token, rest := field(rest); len(token) > 0; token, rest = field(rest) {
		digits = append(digits, token...)
	}
	wire := appendHead(p.wire[:0], t, n)
	wire = append(wire, make([]byte, n)...)
	if len(digits) != 2*n {
		return "", errorf(`\# states %d octets, but %d hex digits follow`, n, len(digits))
	}
	if _, err := hex.Decode(wire[rrHead:], digits); err != nil {
		return "", errorf(`\# wants hex digits, not %s`, quote(digits))
	}
	if _, known := dns.TypeToRR[uint16(t)]; known && n == 0 && t != rr.TypeAPL {
		return "", errors.New("no rdata")
	} else if known {
		if err := p.checkNormal(wire); err != nil {
			return "", err
		}
	} else if err := rr.CheckRdata(t, string(wire[rrHead:])); err != nil {
		return "", err
	}
	return string(wire[rrHead:]), nil
}

// appendHead appends what stands before the rdata of a record of the root.
func appendHead(dst []byte, t rr.Type, rdlength int) []byte {
	return append(dst, 0, byte(t>>8), byte(t), 0, byte(rr.ClassIN), 0, 0, 0, 0, byte(rdlength>>8), byte(rdlength))
}

// errNotNormal is the error of rdata that a reader of the wire would understand
// in another way, or not at all.
var errNotNormal = errors.New("rdata is not what its type wants")

// checkNormal refuses a record that does not survive being read and packed: with
// octets left over, names in compressed form, fields that contradict each other.
func (p *rdataParser) checkNormal(wire []byte) error {
	record, end, err := dns.UnpackRR(wire, 0)
	if err != nil || end != len(wire) {
		return errNotNormal
	}
	end, err = dns.PackRR(record, p.again, 0, nil, false)
	if err != nil || string(p.again[:end]) != string(wire) {
		return errNotNormal
	}
	return rr.CheckRdata(rr.Type(record.Header().Rrtype), string(wire[rrHead:]))
}

// libraryError takes what is wrong from an error of the library, without the
// position, which is that of the line made for it.
func libraryError(err error, text []byte) error {
	if err == nil {
		return errorf("bad rdata %s", quote(trimmed(text)))
	}
	s := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(s, " at line: "); i >= 0 {
		s = s[:i]
	}
	what, token, ok := strings.Cut(s, `: "`)
	if !ok {
		return errors.New(printable(s))
	}
	token = strings.TrimSuffix(token, `"`)
	if len(token) > maxQuoted {
		token = token[:maxQuoted] + "..."
	}
	return errorf(`%s: "%s"`, printable(what), token)
}

// packError says why a parsed record has no wire form.
func packError(err error) error {
	if errors.Is(err, dns.ErrBuf) {
		return errorf("rdata is longer than %d octets", maxRdata)
	}
	return errorf("bad rdata: %s", printable(strings.TrimPrefix(err.Error(), "dns: ")))
}

// printable keeps a message on one line.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}

func trimmed(text []byte) string { return strings.TrimSpace(string(text)) }

// FormatSet gives an RRset as lines of a zone file, a line each record, with the owner in lower case and absolute, and
// without the class.
func FormatSet(set rr.Set) []string {
	head := set.Name.Lower().String() + " " + strconv.FormatUint(uint64(set.TTL), 10) + " " + set.Type.String() + " "
	var lines []string
	for _, rdata := range set.Data {
		lines = append(lines, head+FormatRdata(set.Type, rdata))
	}
	return lines
}

// FormatRdata gives rdata in presentation form, such that ParseRdata reads the
// same octets back: in the text form of its type where there is one that does,
// else as \# octets hex (RFC 3597 section 5). It is one line, with all names
// absolute.
func FormatRdata(t rr.Type, data rr.Rdata) string {
	p := parsers.Get().(*rdataParser)
	defer parsers.Put(p)
	return p.format(t, data)
}

func (p *rdataParser) format(t rr.Type, data rr.Rdata) string {
	if text, ok := p.formatText(t, data); ok {
		return text
	}
	out := hexMarker + " " + itoa(len(data))
	if len(data) > 0 {
		out += " " + hex.EncodeToString([]byte(data))
	}
	return out
}

// formatText gives the text form where the library has one that reads back.
func (p *rdataParser) formatText(t rr.Type, data rr.Rdata) (string, bool) {
	if _, known := dns.TypeToRR[uint16(t)]; !known || len(data) == 0 || len(data) > maxRdata {
		return "", false
	}
	wire := append(appendHead(nil, t, len(data)), data...)
	record, end, err := dns.UnpackRR(wire, 0)
	if err != nil || end != len(wire) {
		return "", false
	}
	text := strings.TrimPrefix(record.String(), record.Header().String())
	if strings.ContainsAny(text, "\n\r") {
		return "", false
	}
	back, err := p.parse(t, []byte(" "+text), rr.Root)
	return text, err == nil && back == data
}
