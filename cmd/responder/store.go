package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/bolt"
	"github.com/namelet/namelet/store/memory"
	"github.com/namelet/namelet/store/zonefile"
)

// The kinds of store.
const (
	storeBolt    = "bolt"
	storeMemory  = "memory"
	storeSpanner = "spanner"
	storeServer  = "server" // whatever the server has that commands reach
)

// storeSpec is RESPONDER_STORE taken apart.
type storeSpec struct {
	kind string
	path string // of the file, absolute; or the name of the database
}

// parseStore reads RESPONDER_STORE. The error is one of usage.
func parseStore(text string) (storeSpec, error) {
	kind, path, ok := strings.Cut(text, ":")
	switch {
	case ok && kind == storeMemory && path == "":
		return storeSpec{kind: storeMemory}, nil
	case ok && kind == storeServer && path == "":
		return storeSpec{kind: storeServer}, nil
	case ok && kind == storeBolt && path != "":
		absolute, err := realPath(path)
		if err != nil {
			return storeSpec{}, err
		}
		return storeSpec{kind: storeBolt, path: absolute}, nil
	case ok && kind == storeSpanner:
		if err := checkSpanner(path); err != nil {
			return storeSpec{}, &usageError{err: fmt.Errorf("RESPONDER_STORE: %w", err), hint: "See: responder --help"}
		}
		return storeSpec{kind: storeSpanner, path: path}, nil
	}
	return storeSpec{}, &usageError{
		err:  fmt.Errorf("RESPONDER_STORE: %q: want bolt:FILE, memory:, spanner:projects/P/instances/I/databases/D, or server: for that of a running server", text),
		hint: "See: responder --help",
	}
}

// realPath makes a path absolute and follows the links to its folder, so that two
// names of one file are one.
func realPath(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(absolute)); err == nil {
		absolute = filepath.Join(folder, filepath.Base(absolute))
	}
	return absolute, nil
}

func (s storeSpec) String() string { return s.kind + ":" + s.path }

// exists refuses a store that would only be made to be found empty.
func (s storeSpec) exists() error {
	if s.kind != storeBolt {
		return nil
	}
	_, err := os.Stat(s.path)
	if _, folder := os.Stat(filepath.Dir(s.path)); folder == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store %s: there is no such file: zone import and serve make one, or name another (RESPONDER_STORE)", s)
	}
	return nil // any other trouble is that of opening it
}

// openDriver opens what is under the store.
func (s storeSpec) openDriver(ctx context.Context) (store.Driver, error) {
	switch s.kind {
	case storeMemory:
		return memory.New(), nil
	case storeServer:
		return nil, errors.New("RESPONDER_STORE: server: is the store of a running server, for commands that ask it: want bolt:FILE, memory: or spanner:projects/P/instances/I/databases/D")
	case storeSpanner:
		return openSpanner(ctx, s.path)
	}
	d, err := bolt.Open(s.path, bolt.Options{})
	if err != nil {
		return nil, err // d in an interface would not be nil
	}
	return d, nil
}

// open opens the store. The error is store.ErrLocked where another process has it.
func (s storeSpec) open(ctx context.Context) (*store.Store, error) {
	driver, err := s.openDriver(ctx)
	if err != nil {
		return nil, err
	}
	st, err := store.New(ctx, driver, store.Options{})
	if err != nil {
		return nil, errors.Join(err, driver.Close())
	}
	return st, nil
}

// openLater makes the store without opening it: that is done when it is first used,
// and again where it failed. It has to be the one of that identity.
func (s storeSpec) openLater(ctx context.Context, identity string) (*store.Store, error) {
	can := store.Capabilities{Durable: s.kind != storeMemory, Exclusive: s.kind != storeSpanner}
	return store.New(ctx, store.NewDeferred(can, func(ctx context.Context) (store.Driver, error) {
		return s.openDriver(ctx)
	}), store.Options{Identity: identity})
}

// engine makes the engine that compiles and runs guests. Machine code is kept
// over restarts where there is a folder for it.
func (p *program) engine(ctx context.Context) (*runtime.Engine, error) {
	dir, err := p.config.guestCache()
	if err != nil {
		return nil, err
	}
	return runtime.New(ctx, runtime.Config{
		CacheDir: dir,
		Most:     replica.Limits(p.config.guestLimits()),
		Text: func(t rr.Type, text string, origin rr.Name) (rr.Rdata, error) {
			return zonefile.ParseRdata(t, text, origin)
		},
	})
}

// guestCache gives the folder for machine code, which belongs to this user alone:
// who can write to it can run code in the server. Empty means none.
func (c *config) guestCache() (string, error) {
	if c.GuestCache != "" {
		if err := os.MkdirAll(c.GuestCache, 0o700); err != nil {
			return "", fmt.Errorf("RESPONDER_GUEST_CACHE: %w", pathError(err))
		}
		return c.GuestCache, nil
	}
	home, err := os.UserCacheDir()
	if err != nil {
		return "", nil // no home: compile anew each time
	}
	dir := filepath.Join(home, "namelet")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil // as above
	}
	return dir, nil
}

// mirrorFile gives the file of the mirror; empty where there is to be none.
func (c *config) mirrorFile(s storeSpec) string {
	switch {
	case c.Mirror == noMirror:
		return ""
	case c.Mirror == "" && s.kind == storeSpanner:
		return defaultMirror
	}
	return c.Mirror
}

const (
	noMirror      = "none" // the MIRROR that means none
	defaultMirror = "responder-mirror.db"
)
