package zonefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// Options say how a zone file is read.
type Options struct {
	Origin   rr.Name // the zone's apex; names are relative to it until the file says otherwise
	File     string  // how errors name the file; may be empty
	Includes fs.FS   // the folder that $INCLUDE reads from; nil refuses the directive
	MaxBytes int64   // octets to read at most, included files among them; 0 for DefaultMaxBytes
}

// DefaultMaxBytes is how much is read when Options do not say: 1 GiB.
const DefaultMaxBytes = 1 << 30

// ParseFile reads the zone file at path. $INCLUDE reads from the file's folder
// and below it. A path that is not of a regular file is refused, but for /dev/stdin.
// The error is an *Error, or that of opening the file.
func ParseFile(path string, origin rr.Name) ([]rr.Set, error) {
	return ParseFileWatched(path, origin, func(int64, int64) {})
}

// ParseFileWatched is ParseFile, and calls read, from time to time, with how many
// octets of the file have been read, and how many it has.
func ParseFileWatched(path string, origin rr.Name, read func(done, size int64)) ([]rr.Set, error) {
	// A pipe that nobody writes to would hold up os.Open for good.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() && path != "/dev/stdin" {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a directory")}
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	watched := &watchedReader{r: f, size: info.Size(), read: read}
	return Parse(watched, Options{Origin: origin, File: path, Includes: root.FS()})
}

// watchedReader tells of each read.
type watchedReader struct {
	r          io.Reader
	done, size int64
	read       func(done, size int64)
}

// Read implements io.Reader.
func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.done += int64(n)
	w.read(w.done, w.size)
	return n, err
}

// Parse reads a zone file. The RRsets come in canonical order of their owner
// names (RFC 4034 section 6.1), then by type, the apex SOA first; the signatures
// of an owner name make one set for each type that they cover. Names keep their
// letter case, an RRset that of its first record. Records that stand twice count
// once, so a second SOA that equals the first, as at the end of a transfer, is
// dropped. Where the records of an RRset differ in TTL, the least is taken (RFC
// 2181 section 5.2).
//
// The error is an *Error: an unknown or a meta type, a class other than IN, no
// TTL, a name outside the zone, more than one SOA or CNAME, a CNAME beside other
// data, a zone without SOA, or bad syntax.
func Parse(r io.Reader, o Options) ([]rr.Set, error) {
	if o.Origin.IsZero() {
		return nil, &Error{File: o.File, Err: errors.New("no origin given")}
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	p := &parser{
		apex:      o.Origin,
		includes:  o.Includes,
		dir:       filepath.Dir(o.File),
		budget:    o.MaxBytes,
		generated: maxGenerated,
		sets:      newCollector(o.Origin),
	}
	f := &file{name: o.File, origin: o.Origin}
	if err := p.file(r, f); err != nil {
		return nil, err
	}
	sets, err := p.sets.finish()
	return sets, at(o.File, 0, err)
}

// parser is what the files of one import share.
type parser struct {
	apex      rr.Name
	includes  fs.FS
	dir       string // of the first file, for the names of included ones
	budget    int64  // octets that may still be read
	generated int    // records that $GENERATE may still make
	sets      *collector
	rdata     rdataParser
}

// file is the state of one file; an included one begins with a part of it.
type file struct {
	name   string // for errors
	path   string // below the folder of includes; empty for the first file
	parent *file
	origin rr.Name
	owner  rr.Name // of the last entry; zero before the first
	ttl    ttlDefault
}

// ttlDefault is the TTL of a record that states none.
type ttlDefault struct {
	seconds   uint32
	known     bool
	directive bool // by $TTL; else that of the last record (RFC 1035 section 5.1)
}

func (p *parser) file(r io.Reader, f *file) error {
	entries := newEntryReader(r, fileBuffer, &p.budget)
	if err := entries.skipMark(); err != nil {
		return at(f.name, 1, err)
	}
	for {
		e, err := entries.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			var placed *Error
			if errors.As(err, &placed) && placed.File == "" {
				placed.File = f.name
			}
			return err
		}
		if e.blank() {
			continue
		}
		if e.text[0] == '$' {
			err = p.directive(f, e)
		} else {
			err = p.record(f, e.text, e.line)
		}
		if err != nil {
			return at(f.name, e.line, err)
		}
	}
}

// directive acts on an entry that begins with a dollar sign.
func (p *parser) directive(f *file, e entry) error {
	name, rest := field(e.text)
	switch strings.ToUpper(string(name)) {
	case "$ORIGIN":
		return f.setOrigin(rest)
	case "$TTL":
		return f.setTTL(rest)
	case "$INCLUDE":
		return p.include(f, rest)
	case "$GENERATE":
		return p.generate(f, rest, e.line)
	}
	return errorf("unknown directive %s", quote(name))
}

func (f *file) setOrigin(rest []byte) error {
	token, err := only(rest, "$ORIGIN", "a name")
	if err != nil {
		return err
	}
	f.origin, err = absolute(token, f.origin)
	return err
}

func (f *file) setTTL(rest []byte) error {
	token, err := only(rest, "$TTL", "a TTL")
	if err != nil {
		return err
	}
	seconds, err := parseTTL(token)
	f.ttl = ttlDefault{seconds: seconds, known: true, directive: true}
	return err
}

// only gives the one argument of a directive.
func only(rest []byte, directive, what string) ([]byte, error) {
	token, rest := field(rest)
	if len(token) == 0 {
		return nil, errorf("%s wants %s", directive, what)
	}
	if extra, _ := field(rest); len(extra) > 0 {
		return nil, errorf("%s wants nothing after %s, not %s", directive, what, quote(extra))
	}
	return token, nil
}

// absolute reads a name of the file: @ is the origin, and a name without a final
// dot is relative to it (RFC 1035 section 5.1).
func absolute(token []byte, origin rr.Name) (rr.Name, error) {
	if string(token) == "@" {
		return origin, nil
	}
	n, err := rr.ParseName(string(token))
	if err == nil && !endsInDot(token) {
		n, err = n.ReplaceSuffix(rr.Root, origin)
	}
	if err != nil {
		return rr.Name{}, errorf("name %s: %w", quote(token), err)
	}
	return n, nil
}

// endsInDot reports whether the token ends in a dot that no backslash escapes.
func endsInDot(token []byte) bool {
	last := len(token) - 1
	if last < 0 || token[last] != '.' {
		return false
	}
	slashes := 0
	for last > slashes && token[last-1-slashes] == '\\' {
		slashes++
	}
	return slashes%2 == 0
}

// record reads an entry that states a record: [owner] [TTL] [class] type rdata.
func (p *parser) record(f *file, text []byte, line int) error {
	owner := f.owner
	if !isBlank(text[0]) {
		var token []byte
		var err error
		token, text = field(text)
		if owner, err = absolute(token, f.origin); err != nil {
			return err
		}
		f.owner = owner
	}
	if owner.IsZero() {
		return errors.New("no owner name here and none before")
	}
	if !owner.IsSubdomainOf(p.apex) {
		return errorf("%s is outside the zone %s", owner, p.apex)
	}
	t, ttl, text, err := p.fields(f, text)
	if err != nil {
		return errorf("%s: %w", owner, err)
	}
	data, err := p.rdata.parse(t, text, f.origin)
	if err != nil {
		return errorf("%s %s: %w", owner, t, err)
	}
	return p.sets.add(owner, t, ttl, data)
}

// fields reads what stands between owner and rdata: TTL and class in either
// order, both optional, and the type.
func (p *parser) fields(f *file, text []byte) (t rr.Type, ttl uint32, rest []byte, err error) {
	hasTTL, hasClass := false, false
	for {
		var token []byte
		token, text = field(text)
		class, isClass := parseClass(token)
		switch {
		case len(token) == 0:
			return 0, 0, nil, errors.New("no type")
		case isClass && !hasClass:
			if hasClass = true; class != rr.ClassIN {
				return 0, 0, nil, errorf("class %s: only IN is served", class)
			}
		case token[0] >= '0' && token[0] <= '9' && !hasTTL:
			hasTTL = true
			if ttl, err = parseTTL(token); err != nil {
				return 0, 0, nil, err
			}
		default:
			if t, err = parseType(string(token)); err != nil {
				return 0, 0, nil, err
			}
			ttl, err = f.recordTTL(ttl, hasTTL)
			return t, ttl, text, err
		}
	}
}

// recordTTL settles the TTL of a record.
func (f *file) recordTTL(stated uint32, isStated bool) (uint32, error) {
	if isStated {
		if !f.ttl.directive {
			f.ttl.seconds, f.ttl.known = stated, true
		}
		return stated, nil
	}
	if !f.ttl.known {
		return 0, errors.New("no TTL: state one, or $TTL before")
	}
	return f.ttl.seconds, nil
}

func parseClass(token []byte) (rr.Class, bool) {
	switch s := strings.ToUpper(string(token)); s {
	case "IN":
		return rr.ClassIN, true
	case "CH":
		return rr.ClassCH, true
	case "HS":
		return rr.ClassHS, true
	case "CS":
		return 2, true
	default:
		digits, ok := strings.CutPrefix(s, "CLASS")
		n, good := parseDecimal(digits, 65535)
		return rr.Class(n), ok && good
	}
}

// parseType reads a type that can stand in a zone.
func parseType(s string) (rr.Type, error) {
	t, err := rr.ParseType(s)
	if err != nil {
		known, ok := dns.StringToType[strings.ToUpper(s)]
		if !ok {
			return 0, errorf("unknown type %s", quote(s))
		}
		t = rr.Type(known)
	}
	if t.IsMeta() {
		return 0, errorf("type %s is for messages and cannot stand in a zone", t)
	}
	return t, nil
}

// parseTTL reads seconds, or numbers with the units w, d, h, m and s.
func parseTTL(token []byte) (uint32, error) {
	units := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	var sum, n uint64
	digits := false
	for _, c := range token {
		unit, isUnit := units[c|0x20]
		switch {
		case c >= '0' && c <= '9':
			n, digits = n*10+uint64(c-'0'), true
		case isUnit && digits:
			sum, n, digits = sum+n*unit, 0, false
		default:
			return 0, errorf("bad TTL %s", quote(token))
		}
		if sum+n > rr.MaxTTL {
			return 0, errorf("TTL %s is over %d seconds", quote(token), rr.MaxTTL)
		}
	}
	return uint32(sum + n), nil
}

// parseDecimal reads a number of digits only.
func parseDecimal(s string, most int) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n = n*10 + int(s[i]-'0'); n > most {
			return 0, false
		}
	}
	return n, s != ""
}
