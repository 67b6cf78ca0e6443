package replica

import (
	"context"
	"crypto/sha256"

	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/store"
)

// library has guests. Versions are never changed, so what the mirror has is as good
// as what the store has.
type library struct {
	store  *store.Store
	mirror *mirror.Mirror // nil where there is none
}

// guest returns a version of a guest.
func (l library) guest(ctx context.Context, name string, number uint64) (store.GuestVersion, error) {
	if l.mirror != nil {
		if g, ok := l.mirror.Guest(name, number); ok {
			return g, nil
		}
	}
	g, err := within(ctx, probeTime, func(ctx context.Context) (store.GuestVersion, error) {
		return l.store.Guest(ctx, name, number)
	})
	if err == nil && l.mirror != nil {
		l.mirror.KeepGuest(g, nil)
	}
	return g, err
}

// module returns the module of a version.
func (l library) module(ctx context.Context, g store.GuestVersion) ([]byte, error) {
	if l.mirror != nil {
		if module, ok := l.mirror.Module(g.Digest); ok && sha256.Sum256(module) == g.Digest {
			return module, nil
		}
	}
	module, err := within(ctx, moduleTime, func(ctx context.Context) ([]byte, error) {
		return l.store.LoadBlob(ctx, g.Digest)
	})
	if err == nil && l.mirror != nil {
		l.mirror.KeepGuest(g, module)
	}
	return module, err
}
