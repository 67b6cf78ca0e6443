package zonefile

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// maxIncludeDepth is how many files may stand open within one another, the first
// not counted.
const maxIncludeDepth = 8

// include reads another file in place: $INCLUDE file [origin]. The file is named
// relative to the one that includes it. Its origin, owner and TTL end with it
// (RFC 1035 section 5.1).
func (p *parser) include(f *file, rest []byte) error {
	token, rest := field(rest)
	name := strings.Trim(string(token), `"`)
	if name == "" {
		return errors.New("$INCLUDE wants a file")
	}
	sub := &file{parent: f, origin: f.origin, owner: f.owner, ttl: f.ttl}
	if origin, after := field(rest); len(origin) > 0 {
		var err error
		if sub.origin, err = absolute(origin, f.origin); err != nil {
			return err
		}
		if extra, _ := field(after); len(extra) > 0 {
			return errorf("$INCLUDE wants nothing after the origin, not %s", quote(extra))
		}
	}
	sub.path = path.Join(path.Dir(f.path), name)
	sub.name = filepath.Join(p.dir, filepath.FromSlash(sub.path))
	r, err := p.open(sub, name)
	if err != nil {
		return errorf("$INCLUDE %s: %w", quote(name), err)
	}
	defer r.Close()
	return p.file(r, sub)
}

// open opens the file that sub stands for, once nothing speaks against it.
func (p *parser) open(sub *file, name string) (fs.File, error) {
	switch {
	case p.includes == nil:
		return nil, errors.New("not allowed here")
	case path.IsAbs(name) || !fs.ValidPath(sub.path):
		return nil, errors.New("leads out of the zone file's folder")
	}
	depth := 0
	for up := sub.parent; up != nil; up = up.parent {
		if depth++; depth > maxIncludeDepth {
			return nil, errorf("more than %d files within one another", maxIncludeDepth)
		}
		if up.path == sub.path {
			return nil, errors.New("the file includes itself")
		}
	}
	info, err := fs.Stat(p.includes, sub.path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, cause(err)
	}
	r, err := p.includes.Open(sub.path)
	if err != nil {
		return nil, cause(err)
	}
	return r, nil
}

// cause takes the operation and the path off an error of the file system, since
// the message names the file already.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
