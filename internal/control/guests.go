package control

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

func guestOf(g store.GuestVersion) GuestVersion {
	made := GuestVersion{Guest: g.Name, Version: g.Number, Digest: g.Digest.String(), Size: int(g.Size), Created: g.Created, Key: g.Key}
	var report GuestReport
	if json.Unmarshal([]byte(g.Report), &report) == nil { // else it is of another release, or there is none
		made.Report = &report
	}
	return made
}

// Guests lists the versions of all guests by name, then version.
func (s *Service) Guests(ctx context.Context) ([]GuestVersion, error) {
	found, err := s.store.Guests(ctx)
	if err != nil {
		return nil, classify(err)
	}
	guests := make([]GuestVersion, len(found))
	for i, g := range found {
		guests[i] = guestOf(g)
	}
	return guests, nil
}

// tryVersion starts a version with a configuration, unless it started
// with the same before. CodeModule, in the guest's own words where it has some.
func (s *Service) tryVersion(ctx context.Context, g store.GuestVersion, config runtime.GenerationConfig) error {
	what := tryoutOf(g, config)
	if s.tried.passed(what) {
		return nil
	}
	module, err := s.store.LoadBlob(ctx, g.Digest)
	if err != nil {
		return err
	}
	if _, err := s.keys.Check(module, g.Signature); err != nil {
		return fmt.Errorf("%s@%d: %w", g.Name, g.Number, err)
	}
	report, err := s.trier.Start(ctx, module, config)
	if err != nil {
		return err
	}
	if report.Failed() {
		return &Error{Code: CodeModule, Detail: fmt.Sprintf("%s@%d: %s", g.Name, g.Number, report.Problem())}
	}
	s.tried.pass(what)
	return nil
}

// tryout names a module, as it is signed, with its configuration.
type tryout [sha256.Size]byte

func tryoutOf(g store.GuestVersion, config runtime.GenerationConfig) tryout {
	// A map is printed in the order of its keys.
	return sha256.Sum256(fmt.Appendf(nil, "%v %q %q %+v", g.Digest, g.Signature, config.Values, config.Limits))
}

// trials remembers those that passed: a guest is deterministic, so it would again.
type trials struct {
	mu  sync.Mutex
	all map[tryout]bool
}

// maxTrials bounds what is remembered; beyond it all is forgotten.
const maxTrials = 1024

func (t *trials) passed(what tryout) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[what]
}

func (t *trials) pass(what tryout) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil || len(t.all) >= maxTrials {
		t.all = map[tryout]bool{}
	}
	t.all[what] = true
}

func attachmentOf(a store.Attachment) Attachment {
	made := Attachment{
		Zone: a.Zone.String(), At: a.At.String(), Scope: a.Scope.String(), Guest: a.Guest, Version: a.Version,
		Grants: []string{}, Values: a.Values,
		Fuel: a.Limits.Fuel, FuelPerSecond: a.Limits.FuelPerSecond, InitFuel: a.Limits.InitFuel, Memory: a.Limits.MemoryPages,
		Lookups: a.Limits.Lookups, AnswerBytes: a.Limits.AnswerBytes, Concurrency: a.Limits.Concurrency, Reset: a.Reset,
	}
	for _, grant := range a.Grants {
		made.Grants = append(made.Grants, grant.String())
	}
	if made.Values == nil {
		made.Values = map[string]string{}
	}
	if a.Fallback != store.FallbackDefault {
		made.Fallback = a.Fallback.String()
	}
	if a.Previous != nil {
		made.Previous = a.Previous.String()
	}
	if c := a.Candidate; c != nil {
		made.Candidate = &Candidate{Version: c.Version, Canary: percent(c.Share), Shadow: c.Shadow, Began: c.Began, Watch: watchOf(c.Watch)}
	}
	if w := a.Watched; w != nil {
		made.Watched = &Watched{Watch: watchOf(w.Watch), Until: w.Until}
	}
	if u := a.Undone; u != nil {
		made.Undone = &Undone{Guest: u.Guest, Version: u.Version, Reason: u.Why, Time: u.At}
	}
	return made
}

// Attachments lists all attachments by zone, then by attachment point.
func (s *Service) Attachments(ctx context.Context) ([]Attachment, error) {
	found, err := s.store.Attachments(ctx, rr.Name{})
	if err != nil {
		return nil, classify(err)
	}
	all := make([]Attachment, len(found))
	for i, a := range found {
		all[i] = attachmentOf(a)
	}
	return all, nil
}

// Attach lets a guest answer at a name, in place of the one that is attached there
// with the same scope, once the guest has started with its configuration.
// CodeNotFound, CodeSigned, CodeModule, CodeInvalid.
func (s *Service) Attach(ctx context.Context, q Attachment) (Attachment, error) {
	a, err := s.attachment(ctx, q)
	if err != nil {
		return Attachment{}, classify(err)
	}
	if err := s.askable(ctx, a.Zone, a.At); err != nil {
		return Attachment{}, classify(err)
	}
	g, err := s.store.Guest(ctx, a.Guest, a.Version)
	if err != nil {
		return Attachment{}, classify(err)
	}
	a.Version = g.Number
	config := runtime.GenerationConfig{Values: a.Values, Limits: replica.Limits(a.Limits)}
	if err := s.tryVersion(ctx, g, config); err != nil {
		return Attachment{}, classify(err)
	}
	made, err := s.store.Attach(ctx, a)
	if err != nil {
		return Attachment{}, classify(err)
	}
	return attachmentOf(made), nil
}

// askable refuses a place where no guest would ever be asked: in another zone that
// is served, at or below a zone cut, or below a DNAME.
func (s *Service) askable(ctx context.Context, zone, at rr.Name) error {
	if !at.IsSubdomainOf(zone) {
		return nil // the store says what is wrong with that
	}
	zones, err := s.store.Zones(ctx)
	if err != nil {
		return err
	}
	for _, z := range zones {
		if at.IsSubdomainOf(z.Name) && z.Name.Len() > zone.Len() {
			return invalid(at.String() + " is in zone " + z.Name.String() + ", which is served too: attach there")
		}
	}
	var owners []rr.Name
	for name := at; name.Len() > zone.Len(); name, _ = name.Parent() {
		owners = append(owners, name)
	}
	if len(owners) == 0 {
		return nil
	}
	_, sets, err := s.store.Sets(ctx, zone, owners...)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if set.Type == rr.TypeNS || set.Type == rr.TypeDNAME && !set.Name.Equal(at) {
			return invalid(at.String() + ": the " + set.Type.String() + " at " + set.Name.String() + " comes first, and no guest is asked here")
		}
	}
	return nil
}

// attachment reads a request to attach.
func (s *Service) attachment(ctx context.Context, q Attachment) (store.Attachment, error) {
	zone, at, scope, err := s.point(ctx, AttachmentPoint{Zone: q.Zone, At: q.At, Scope: q.Scope})
	if err != nil {
		return store.Attachment{}, err
	}
	fallback, err := parseFallback(q.Fallback)
	if err != nil {
		return store.Attachment{}, err
	}
	if q.Previous != "" || q.Candidate != nil || q.Watched != nil || q.Undone != nil {
		return store.Attachment{}, invalid("previous, candidate, watched and undone cannot be set: they are what activate and rollback lead to")
	}
	limits := store.Limits{
		Fuel: q.Fuel, FuelPerSecond: q.FuelPerSecond, InitFuel: q.InitFuel,
		MemoryPages: q.Memory, Lookups: q.Lookups, AnswerBytes: q.AnswerBytes, Concurrency: q.Concurrency,
	}
	if err := s.checkLimits(limits); err != nil {
		return store.Attachment{}, err
	}
	a := store.Attachment{
		Zone: zone, At: at, Scope: scope, Guest: q.Guest, Version: q.Version, Values: q.Values,
		Limits: limits, Fallback: fallback, Reset: q.Reset,
	}
	for _, text := range q.Grants {
		grant, err := parseName("grant", text)
		if err != nil {
			return store.Attachment{}, err
		}
		a.Grants = append(a.Grants, grant)
	}
	return a, nil
}

// point reads where an attachment is; the zone, where none is named, is the
// closest one that is served.
func (s *Service) point(ctx context.Context, q AttachmentPoint) (zone, at rr.Name, scope store.Scope, err error) {
	switch q.Scope {
	case ScopeSubtree, "":
	case ScopeName:
		scope = store.ScopeName
	default:
		return zone, at, scope, invalid("scope " + quoted(q.Scope) + ": want subtree or name")
	}
	if at, err = parseName("attachment point", q.At); err != nil {
		return zone, at, scope, err
	}
	if q.Zone != "" {
		zone, err = parseName("zone", q.Zone)
		return zone, at, scope, err
	}
	zones, err := s.store.Zones(ctx)
	if err != nil {
		return zone, at, scope, err
	}
	for _, z := range zones {
		if at.IsSubdomainOf(z.Name) && (zone.IsZero() || z.Name.Len() > zone.Len()) {
			zone = z.Name
		}
	}
	if zone.IsZero() {
		err = &Error{Code: CodeNotFound, Detail: "no zone around " + at.String() + ": not found"}
	}
	return zone, at, scope, err
}

// touchAttach is what a request to attach touches: the zone, which it fills in, the
// guest, and the zones that the guest may then look into.
func (s *Service) touchAttach(ctx context.Context, q *Attachment) (touch, error) {
	p := AttachmentPoint{Zone: q.Zone, At: q.At, Scope: q.Scope}
	if err := s.fillZone(ctx, &p); err != nil {
		return touch{}, err
	}
	q.Zone = p.Zone
	return touch{zones: append([]string{q.Zone}, q.Grants...), guests: []string{q.Guest}, audit: s.placed(ctx, q.At, q.Guest, &q.Version)}, nil
}

// touchDetach is what a request to detach touches: the zone, which it fills in.
func (s *Service) touchDetach(ctx context.Context, q *AttachmentPoint) (touch, error) {
	if err := s.fillZone(ctx, q); err != nil {
		return touch{}, err
	}
	return touch{zones: []string{q.Zone}, audit: s.placed(ctx, q.At, "", nil)}, nil
}

// placed is what the audit has of a point and of the guest that is put there. It fills
// in the version, so that the one that is noted is the one that is taken; where there is
// none the operation says so.
func (s *Service) placed(ctx context.Context, at, guest string, version *uint64) []string {
	said := []string{}
	if name, err := rr.ParseName(at); err == nil {
		said = append(said, name.Lower().String())
	}
	if guest == "" {
		return said
	}
	g, err := s.store.Guest(ctx, guest, *version)
	if err != nil {
		return append(said, guest)
	}
	*version = g.Number
	return append(said, guest+"@"+strconv.FormatUint(g.Number, 10))
}

// fillZone fills in the zone of a request. Who is for some zones is not told by that
// which others there are: a private zone is nobody's to find out by asking.
func (s *Service) fillZone(ctx context.Context, q *AttachmentPoint) error {
	zone, at, _, err := s.point(ctx, *q)
	c := callerOf(ctx)
	if none := errors.Is(err, &Error{Code: CodeNotFound}); len(c.zones) > 0 && q.Zone == "" && (none || err == nil && !c.mayZone(zone)) {
		return c.refusal("the zone around " + at.String() + " if there is one")
	}
	if err != nil {
		return classify(err)
	}
	q.Zone = zone.String()
	return nil
}

// Detach takes an attachment away; CodeNotFound.
func (s *Service) Detach(ctx context.Context, q AttachmentPoint) error {
	zone, at, scope, err := s.point(ctx, q)
	if err != nil {
		return classify(err)
	}
	return classify(s.store.Detach(ctx, zone, at, scope))
}
