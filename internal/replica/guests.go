package replica

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// guests turns attachments as the store has them into attachments that answer.
type guests struct {
	engine  *runtime.Engine
	library library
	most    store.Limits // that attachments get here
	modules map[store.Digest]*runtime.Module
	inForce map[place]*entry
	last    map[place]resting          // what was in force before, ready to come back
	retired []*resolve.Attachment      // in no routing any more
	unused  map[store.Digest]time.Time // modules that no attachment has, and since when
}

// resting is an attachment that another took the place of.
type resting struct {
	*entry
	until time.Time
}

const (
	// lastKept is how long an attachment is kept with its instances after another
	// took its place: going back to it takes no time.
	lastKept = 5 * time.Minute

	// A module's code is kept for so long after its last attachment went: a query
	// that began before may still make an instance, and a guest may come back.
	moduleKept = 30 * time.Second
)

// place is where an attachment is: two cannot share one.
type place struct {
	zone, at rr.Key
	scope    store.Scope
}

// entry is an attachment in force.
type entry struct {
	row        store.Attachment // what is served
	fallback   resolve.Fallback
	digest     store.Digest
	attachment *resolve.Attachment
	failed     error  // why a newer row is not served, or why this one gives no answers
	wanted     uint64 // generation of the row that failed
	retry      retry
}

func newGuests(engine *runtime.Engine, l library, most store.Limits) *guests {
	return &guests{engine: engine, library: l, most: most, modules: map[store.Digest]*runtime.Module{}, inForce: map[place]*entry{}, last: map[place]resting{}, unused: map[store.Digest]time.Time{}}
}

// routing makes the routing of these zones and attachments. What has not changed
// keeps its *resolve.Attachment, and with it its warm instances. A guest that
// cannot be prepared is logged and leaves the one before it in place.
func (g *guests) routing(ctx context.Context, zones *authority.Zones, rows []store.Attachment, fallbacks map[rr.Key]store.Fallback, log *slog.Logger) *resolve.Routing {
	next := make(map[place]*entry, len(rows))
	var attachments []*resolve.Attachment
	for _, row := range rows {
		if zones.Get(row.Zone) == nil {
			continue // the zone went in a commit that is yet to be read
		}
		at := place{row.Zone.Key(), row.At.Key(), row.Scope}
		e := g.entry(ctx, row, fallback(row, fallbacks[at.zone]), g.inForce[at], log)
		next[at] = e
		attachments = append(attachments, e.attachment)
	}
	g.rest(next)
	g.inForce = next
	routing, problems := resolve.NewRouting(zones, attachments)
	for _, err := range problems {
		log.Error("attachment left out", "error", err)
	}
	return routing
}

// rest keeps what was in force where something else will be, and gives up what was
// there before that, or where nothing will be.
func (g *guests) rest(next map[place]*entry) {
	for at, old := range g.inForce {
		e := next[at]
		if e != nil && e.attachment == old.attachment {
			continue
		}
		before, has := g.last[at]
		delete(g.last, at)
		if has && (e == nil || e.attachment != before.attachment) {
			g.retired = append(g.retired, before.attachment)
		}
		if e == nil {
			g.retired = append(g.retired, old.attachment)
		} else {
			g.last[at] = resting{old, time.Now().Add(lastKept)}
		}
	}
}

// back returns what rests at a place, where it is what the row says.
func (g *guests) back(at place, row store.Attachment, fallback resolve.Fallback) *entry {
	before, has := g.last[at]
	if !has || before.failed != nil || before.fallback != fallback {
		return nil
	}
	was := before.row
	was.Generation, was.Changed = row.Generation, row.Changed
	if !reflect.DeepEqual(was, row) {
		return nil
	}
	e := *before.entry
	e.row = row
	return &e
}

// entry brings one attachment up to date. before is what is in force at its
// place, or nil.
func (g *guests) entry(ctx context.Context, row store.Attachment, fallback resolve.Fallback, before *entry, log *slog.Logger) (e *entry) {
	now := time.Now()
	if before != nil && before.fallback == fallback {
		if before.failed == nil && before.row.Generation == row.Generation {
			return before
		}
		if before.failed != nil && before.wanted == row.Generation && now.Before(before.retry.at) {
			return before
		}
	}
	if e = g.back(place{row.Zone.Key(), row.At.Key(), row.Scope}, row, fallback); e != nil {
		return e
	}
	e = &entry{}
	guest, digest, limits, err := g.prepare(ctx, row)
	if err != nil {
		if ctx.Err() == nil && (before == nil || before.failed == nil || before.failed.Error() != err.Error()) {
			log.Error("guest cannot be prepared", "guest", label(row), "zone", row.Zone.String(), "error", err)
		}
		var again retry
		if before != nil && before.wanted == row.Generation {
			again = before.retry
		}
		again = again.next(now)
		if before != nil {
			kept := *before
			kept.failed, kept.wanted, kept.retry = err, row.Generation, again
			return &kept
		}
		guest, e.wanted, e.retry = unready{err}, row.Generation, again
	}
	e.row, e.fallback, e.digest, e.failed = row, fallback, digest, err
	e.attachment = &resolve.Attachment{
		Zone:     row.Zone,
		At:       row.At,
		Scope:    scopes[row.Scope],
		Guest:    guest,
		Label:    label(row),
		Grants:   row.Grants,
		Fuel:     limits.Fuel,
		Memory:   int(limits.MemoryPages) << 16,
		Fallback: fallback,

		FuelPerSecond: lowered(row.Limits.FuelPerSecond, g.most.FuelPerSecond),
		Concurrency:   int(lowered(row.Limits.Concurrency, g.most.Concurrency)),
	}
	return e
}

func label(a store.Attachment) string { return fmt.Sprintf("%s@%d", a.Guest, a.Version) }

var scopes = map[store.Scope]resolve.Scope{
	store.ScopeSubtree: resolve.ScopeSubtree,
	store.ScopeName:    resolve.ScopeName,
}

// fallback is the attachment's own, else its zone's, else static.
func fallback(a store.Attachment, zone store.Fallback) resolve.Fallback {
	f := a.Fallback
	if f == store.FallbackDefault {
		f = zone
	}
	if f == store.FallbackServFail {
		return resolve.FallbackServFail
	}
	return resolve.FallbackStatic
}

// prepare compiles the attachment's module, unless one of this digest is at hand,
// and initialises it with the attachment's configuration.
func (g *guests) prepare(ctx context.Context, a store.Attachment) (_ resolve.Guest, digest store.Digest, limits runtime.Limits, err error) {
	version, err := g.library.guest(ctx, a.Guest, a.Version)
	if err != nil {
		return nil, digest, limits, err
	}
	module := g.modules[version.Digest]
	if module == nil {
		wasm, err := g.library.module(ctx, version)
		if err != nil {
			return nil, digest, limits, err
		}
		if module, err = g.engine.Compile(ctx, wasm); err != nil {
			return nil, digest, limits, err
		}
		g.modules[version.Digest] = module
	}
	generation, err := module.Prepare(ctx, runtime.GenerationConfig{Values: a.Values, Limits: Limits(a.Limits)})
	if err != nil {
		return nil, digest, limits, err
	}
	return Prepared{Generation: generation, Reset: a.Reset}, version.Digest, generation.Limits(), nil
}

// retryable reports whether the time has come to try a guest again.
func (g *guests) retryable(now time.Time) bool {
	for _, e := range g.inForce {
		if e.failed != nil && !now.Before(e.retry.at) {
			return true
		}
	}
	return false
}

func (g *guests) problems() map[string]string {
	all := map[string]string{}
	for _, e := range g.inForce {
		if e.failed != nil {
			all["guest "+e.attachment.Label+" at "+e.row.At.String()] = e.failed.Error()
		}
	}
	return all
}

// release gives back what attachments held that are in no routing any more, and
// the machine code that no attachment has had for a while.
func (g *guests) release(ctx context.Context, now time.Time, resolver *resolve.Resolver, log *slog.Logger) {
	for at, r := range g.last {
		if now.After(r.until) {
			g.retired = append(g.retired, r.attachment)
			delete(g.last, at)
		}
	}
	for _, a := range g.retired {
		if err := resolver.Discard(ctx, a); err != nil {
			log.Warn("guest instance did not close", "guest", a.Label, "error", err)
		}
	}
	g.retired = nil
	used := map[store.Digest]bool{}
	for _, e := range g.inForce {
		used[e.digest] = true
	}
	for _, r := range g.last {
		used[r.digest] = true
	}
	for digest, module := range g.modules {
		since, waiting := g.unused[digest]
		switch {
		case used[digest]:
			delete(g.unused, digest)
		case !waiting:
			g.unused[digest] = now
		case now.Sub(since) >= moduleKept:
			if err := module.Close(ctx); err != nil {
				log.Warn("guest module did not close", "digest", digest.String(), "error", err)
			}
			delete(g.unused, digest)
			delete(g.modules, digest)
		}
	}
}

// Prepared makes a generation a guest that the resolver can ask.
type Prepared struct {
	*runtime.Generation
	Reset bool // every answer from the picture of the initialised guest
}

// NewInstance makes an instance for one worker.
func (p Prepared) NewInstance(ctx context.Context) (resolve.Instance, error) {
	i, err := p.Generation.NewInstance(ctx)
	if err != nil {
		return nil, err
	}
	if p.Reset {
		return resetting{i}, nil
	}
	return i, nil
}

// unready is the guest of an attachment that could not be prepared: it fails, so
// that the fallback answers.
type unready struct{ err error }

func (u unready) NewInstance(context.Context) (resolve.Instance, error) { return nil, u.err }
