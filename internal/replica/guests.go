package replica

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/internal/signing"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// guests turns attachments as the store has them into attachments that answer.
type guests struct {
	engine   *runtime.Engine
	resolver *resolve.Resolver // counts their code
	library  library
	most     store.Limits // that attachments get here
	keys     signing.Keys // that have to have signed what is loaded
	modules  map[store.Digest]module
	inForce  map[place]*served
	last     map[place][]resting        // what was in force before, ready to come back
	retired  []*resolve.Attachment      // in no routing any more
	unused   map[store.Digest]time.Time // modules that no attachment has, and since when
	behind   bool                       // a version before is not ready
}

// module is a guest's module and its code, which may be let go while nobody needs it.
type module struct {
	*runtime.Module
	digest store.Digest
	code   *resolve.Code

	signature string // of the version that it was loaded for
}

// resting is a release that another took the place of.
type resting struct {
	*entry
	until time.Time
}

const (
	// lastKept is how long a release is kept with its instances after another
	// took its place: going back to it takes no time.
	lastKept = 5 * time.Minute

	// mostKept is how many of them are kept at one place.
	mostKept = 2

	// A module's code is kept for so long after its last attachment went: a query
	// that began before may still make an instance, and a guest may come back.
	moduleKept = 30 * time.Second
)

// place is where an attachment is: two cannot share one.
type place struct {
	zone, at rr.Key
	scope    store.Scope
}

func placeOf(p store.Point) place { return place{p.Zone.Key(), p.At.Key(), p.Scope} }

// role is what a release does at a place.
type role int

const (
	active    role = iota
	candidate      // on trial
	previous       // the last good one
	roles
)

// served is what is in force at a place.
type served struct {
	row     store.Attachment // as it was read last
	falls   resolve.Fallback // what its fallback comes to
	by      [roles]*entry    // nil for none; never so for the active one
	trouble [roles]trouble   // why that is not what the row says
	trial   *resolve.Trial   // of the candidate, or of the active release while it is watched; nil where there is none
	first   sample           // of the trial, when it began
}

// entry is a release that is prepared to answer at a place.
type entry struct {
	release    store.Release
	fallback   resolve.Fallback
	digest     store.Digest
	attachment *resolve.Attachment
	unready    bool // there was nothing to prepare: its fallback answers
}

// trouble is a release that could not be prepared.
type trouble struct {
	err        error // nil where all is well
	generation uint64
	retry      retry
}

func newGuests(engine *runtime.Engine, resolver *resolve.Resolver, l library, most store.Limits, keys signing.Keys) *guests {
	return &guests{engine: engine, resolver: resolver, library: l, most: most, keys: keys, modules: map[store.Digest]module{}, inForce: map[place]*served{}, last: map[place][]resting{}, unused: map[store.Digest]time.Time{}}
}

// routing makes the routing of these zones and attachments. What has not changed
// keeps its *resolve.Attachment, and with it its warm instances. A guest that
// cannot be prepared is logged and leaves the one before it in place.
func (g *guests) routing(ctx context.Context, zones *authority.Zones, rows []store.Attachment, fallbacks map[rr.Key]store.Fallback, log *slog.Logger) *resolve.Routing {
	next := make(map[place]*served, len(rows))
	var attachments []*resolve.Attachment
	var beside []resolve.Beside
	for _, row := range rows {
		if zones.Get(row.Zone) == nil {
			continue // the zone went in a commit that is yet to be read
		}
		at := placeOf(row.Point())
		s := g.serve(ctx, row, fallback(row, fallbacks[at.zone]), at, log)
		next[at] = s
		attachments = append(attachments, s.by[active].attachment)
		if b := s.beside(); b != nil {
			beside = append(beside, *b)
		}
	}
	g.rest(next)
	g.inForce = next
	routing, problems := resolve.NewRouting(zones, attachments, beside...)
	for _, err := range problems {
		log.Error("attachment left out", "error", err)
	}
	return routing
}

// beside returns what may answer in the place of the active release; nil for nothing.
func (s *served) beside() *resolve.Beside {
	b := resolve.Beside{Of: s.by[active].attachment}
	if e := s.by[previous]; e != nil {
		b.LastGood = e.attachment
	}
	if e := s.by[candidate]; e != nil {
		c := s.row.Candidate
		b.Candidate, b.Share, b.Salt, b.Shadow = e.attachment, c.Share, c.Salt, c.Shadow
	}
	if s.tried() != nil {
		b.Trial = s.trial
	}
	if b.LastGood == nil && b.Candidate == nil {
		return nil
	}
	return &b
}

// rest keeps what was in force where something else will be, and gives up what was
// there longest before that, or where nothing will be.
func (g *guests) rest(next map[place]*served) {
	now := time.Now()
	for at, old := range g.inForce {
		s := next[at]
		for _, e := range old.by {
			switch {
			case e == nil || s != nil && s.has(e):
			case s == nil || e.unready:
				g.retired = append(g.retired, e.attachment)
			default:
				g.last[at] = append(g.last[at], resting{e, now.Add(lastKept)})
			}
		}
	}
	for at, all := range g.last {
		s := next[at]
		kept := all[:0]
		for i, r := range all {
			switch {
			case s != nil && s.has(r.entry): // it has come back
			case s == nil || i < len(all)-mostKept:
				g.retired = append(g.retired, r.attachment)
			default:
				kept = append(kept, r)
			}
		}
		g.keep(at, kept)
	}
}

// keep makes these all that rests at a place.
func (g *guests) keep(at place, all []resting) {
	if len(all) == 0 {
		delete(g.last, at)
	} else {
		g.last[at] = all
	}
}

func (s *served) has(e *entry) bool { return slices.Contains(s.by[:], e) }

// find returns a release that is ready at a place, in whatever role it was.
func (g *guests) find(at place, release store.Release, fallback resolve.Fallback) *entry {
	fits := func(e *entry) bool {
		return e != nil && !e.unready && e.fallback == fallback && e.release.Same(release)
	}
	if s := g.inForce[at]; s != nil {
		if i := slices.IndexFunc(s.by[:], fits); i >= 0 {
			return s.by[i]
		}
	}
	for _, r := range g.last[at] {
		if fits(r.entry) {
			return r.entry
		}
	}
	return nil
}

// serve brings one attachment up to date.
func (g *guests) serve(ctx context.Context, row store.Attachment, fallback resolve.Fallback, at place, log *slog.Logger) *served {
	before := g.inForce[at]
	s := &served{row: row, falls: fallback}
	var e *entry
	if e, s.trouble[active] = g.ready(ctx, row, row.Release(), fallback, active, log); e == nil && before != nil {
		e = before.by[active]
	}
	if e == nil {
		e = g.newEntry(row, row.Release(), fallback, unready{s.trouble[active].err})
		e.unready = true
	}
	s.by[active] = e
	if row.Candidate != nil {
		s.by[candidate], s.trouble[candidate] = g.ready(ctx, row, row.Candidate.Release, fallback, candidate, log)
	}
	switch {
	case row.Previous == nil:
	case fallback == resolve.FallbackLastGood: // it answers
		s.by[previous], s.trouble[previous] = g.ready(ctx, row, *row.Previous, fallback, previous, log)
	default:
		s.by[previous] = g.find(at, *row.Previous, fallback)
		if s.by[previous] == nil && before != nil && before.row.Generation == row.Generation {
			s.trouble[previous] = before.trouble[previous]
		}
		g.behind = g.behind || s.by[previous] == nil
	}
	s.try(before)
	for role := candidate; role < roles; role++ {
		if s.by[role] == s.by[active] {
			s.by[role] = nil // the active one cannot be prepared, and this goes on in its place
		}
	}
	return s
}

// try gives what is on trial its trial: the one that it had before, where it goes on.
func (s *served) try(before *served) {
	switch {
	case s.row.Candidate == nil && s.row.Watched == nil:
	case before != nil && (before.row.Candidate.SameTrial(s.row.Candidate) || before.row.Watched.SameWatch(s.row.Watched)):
		s.trial, s.first = before.trial, before.first
	default:
		s.trial, s.first = &resolve.Trial{}, sample{at: time.Now()}
		if e := s.tried(); e != nil {
			s.first.tried = figuresOf(e.attachment)
		}
		s.first.other = figuresOf(s.by[active].attachment) // of a candidate
	}
}

// tried is the release that is on trial here; nil for none. What is watched is not
// while it is not in force, or nothing is there that could answer instead.
func (s *served) tried() *entry {
	switch {
	case s.row.Candidate != nil:
		return s.by[candidate]
	case s.row.Watched != nil && s.by[previous] != nil && s.trouble[active].err == nil:
		return s.by[active]
	}
	return nil
}

// watched reports whether what is on trial is taken back by itself.
func (s *served) watched() bool {
	return s.row.Watched != nil || s.row.Candidate != nil && s.row.Candidate.Watch != store.Watch{}
}

// trials are those that there are, with what is watched.
func (g *guests) trials() map[*resolve.Trial]watched {
	all := map[*resolve.Trial]watched{}
	for _, s := range g.inForce {
		switch c, w := s.row.Candidate, s.row.Watched; {
		case s.trial == nil:
		case c != nil:
			all[s.trial] = watched{Watch: c.Watch, first: s.first}
		default:
			all[s.trial] = watched{w.Watch, w.Until, s.first}
		}
	}
	return all
}

// ready returns a release, prepared; or nil and why it is not.
func (g *guests) ready(ctx context.Context, row store.Attachment, release store.Release, fallback resolve.Fallback, role role, log *slog.Logger) (*entry, trouble) {
	at, now := placeOf(row.Point()), time.Now()
	if e := g.find(at, release, fallback); e != nil {
		return e, trouble{}
	}
	var before trouble
	if s := g.inForce[at]; s != nil {
		before = s.trouble[role]
	}
	again := before.err != nil && before.generation == row.Generation
	if again && now.Before(before.retry.at) {
		return nil, before
	}
	guest, of, limits, err := g.prepare(ctx, release)
	if err != nil {
		if ctx.Err() == nil && (before.err == nil || before.err.Error() != err.Error()) {
			log.Error("guest cannot be prepared", "guest", release.String(), "zone", row.Zone.String(), "error", err)
		}
		t := trouble{err: err, generation: row.Generation}
		if again {
			t.retry = before.retry
		}
		t.retry = t.retry.next(now)
		return nil, t
	}
	e := g.newEntry(row, release, fallback, guest)
	e.digest, e.attachment.Code = of.digest, of.code
	e.attachment.Fuel, e.attachment.Memory = limits.Fuel, int(limits.MemoryPages)<<16
	return e, trouble{}
}

func (g *guests) newEntry(row store.Attachment, release store.Release, fallback resolve.Fallback, guest resolve.Guest) *entry {
	return &entry{release: release, fallback: fallback, attachment: &resolve.Attachment{
		Zone:     row.Zone,
		At:       row.At,
		Scope:    scopes[row.Scope],
		Guest:    guest,
		Label:    release.String(),
		Grants:   release.Grants,
		Fallback: fallback,

		FuelPerSecond: lowered(release.Limits.FuelPerSecond, g.most.FuelPerSecond),
		Concurrency:   int(lowered(release.Limits.Concurrency, g.most.Concurrency)),
	}}
}

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
	switch f {
	case store.FallbackServFail:
		return resolve.FallbackServFail
	case store.FallbackLastGood:
		return resolve.FallbackLastGood
	}
	return resolve.FallbackStatic
}

// prepare initialises a release's module with the release's configuration.
func (g *guests) prepare(ctx context.Context, a store.Release) (_ resolve.Guest, m module, limits runtime.Limits, err error) {
	version, err := g.library.guest(ctx, a.Guest, a.Version)
	if err != nil {
		return nil, m, limits, err
	}
	if m, err = g.module(ctx, version); err != nil {
		return nil, m, limits, err
	}
	if err := m.code.Hold(ctx); err != nil {
		return nil, m, limits, err
	}
	defer m.code.Release()
	generation, err := m.Prepare(ctx, runtime.GenerationConfig{Values: a.Values, Limits: Limits(a.Limits)})
	if err != nil {
		return nil, m, limits, err
	}
	return Prepared{Generation: generation, Reset: a.Reset}, m, generation.Limits(), nil
}

// module compiles a version's module, unless one of its digest is at hand.
func (g *guests) module(ctx context.Context, version store.GuestVersion) (module, error) {
	m, ok := g.modules[version.Digest]
	if ok && (len(g.keys) == 0 || m.signature == version.Signature) {
		return m, nil
	}
	wasm, err := g.library.module(ctx, version)
	if err != nil {
		return module{}, err
	}
	if _, err := g.keys.Check(wasm, version.Signature); err != nil {
		return module{}, err
	}
	if ok {
		return m, nil
	}
	compiled, err := g.engine.Compile(ctx, wasm)
	if err != nil {
		return module{}, err
	}
	m = module{compiled, version.Digest, g.resolver.NewCode(compiled), version.Signature}
	g.modules[version.Digest] = m
	return m, nil
}

// retryable reports whether the time has come to try a guest again.
func (g *guests) retryable(now time.Time) bool {
	for _, s := range g.inForce {
		for _, t := range s.trouble {
			if t.err != nil && !now.Before(t.retry.at) {
				return true
			}
		}
	}
	return false
}

func (g *guests) problems() map[string]string {
	all := map[string]string{}
	for _, s := range g.inForce {
		for role, t := range s.trouble {
			if t.err != nil {
				all["guest "+s.wanted(role).String()+" at "+s.row.At.String()] = t.err.Error()
			}
		}
	}
	return all
}

// wanted returns the release that a role is for.
func (s *served) wanted(r int) store.Release {
	switch role(r) {
	case candidate:
		return s.row.Candidate.Release
	case previous:
		return *s.row.Previous
	}
	return s.row.Release()
}

// mostServing is of how many attachments a replica says what answers there: those
// that have changed last.
const mostServing = 256

// said is what answers at an attachment point, and the trial there.
type said struct {
	store.Serving
	trial       *resolve.Trial
	wanted      uint64    // the version that is on trial, loaded or not; 0 for none
	asCandidate bool      // it is, else it is in force at once
	began       time.Time // when the trial did

	instead *store.Release // what answers where the trial is withdrawn, in the place of the active release; nil for that
}

// serving says what answers at each attachment point, what changed last first.
func (g *guests) serving() []said {
	all := make([]said, 0, len(g.inForce))
	for _, s := range g.inForce {
		all = append(all, s.said())
	}
	slices.SortFunc(all, func(a, b said) int { return cmp.Compare(b.Generation, a.Generation) })
	return all[:min(len(all), mostServing)]
}

func (s *served) said() said {
	said := said{Serving: store.Serving{Point: s.row.Point(), Generation: s.row.Generation}}
	if s.watched() {
		said.wanted, said.asCandidate, said.began = s.row.Version, s.row.Candidate != nil, s.first.at
		if said.asCandidate {
			said.wanted = s.row.Candidate.Version
		}
	}
	if e := s.tried(); e != nil {
		said.trial = s.trial
		if e == s.by[active] {
			said.instead = s.row.Previous
		}
	}
	if e := s.by[active]; !e.unready {
		said.Guest, said.Version = e.release.Guest, e.release.Version
	}
	if e := s.by[candidate]; e != nil {
		said.Candidate = e.release.Version
	}
	for role, t := range s.trouble {
		if t.err != nil && said.Problem == "" {
			said.Problem = s.wanted(role).String() + ": " + t.err.Error()
		}
	}
	return said
}

// release gives back what attachments held that are in no routing any more, and
// the machine code that no attachment has had for a while.
func (g *guests) release(ctx context.Context, now time.Time, resolver *resolve.Resolver, log *slog.Logger) {
	for at, all := range g.last {
		g.keep(at, slices.DeleteFunc(all, func(r resting) bool {
			over := now.After(r.until)
			if over {
				g.retired = append(g.retired, r.attachment)
			}
			return over
		}))
	}
	for _, a := range g.retired {
		if err := resolver.Discard(ctx, a); err != nil {
			log.Warn("guest instance did not close", "guest", a.Label, "error", err)
		}
	}
	g.retired = nil
	used := map[store.Digest]bool{}
	for _, s := range g.inForce {
		for _, e := range s.by {
			if e != nil {
				used[e.digest] = true
			}
		}
	}
	for _, all := range g.last {
		for _, r := range all {
			used[r.digest] = true
		}
	}
	for digest, module := range g.modules {
		since, waiting := g.unused[digest]
		switch {
		case used[digest]:
			delete(g.unused, digest)
		case !waiting:
			g.unused[digest] = now
		case now.Sub(since) >= moduleKept:
			module.code.Close()
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
