package control

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// Activation is the request for another version of a guest that is attached.
type Activation struct {
	Zone    string  `json:"zone"`
	At      string  `json:"at,omitempty"` // empty for where the guest is attached in the zone
	Scope   string  `json:"scope,omitempty"`
	Guest   string  `json:"guest"`
	Version uint64  `json:"version,omitempty"` // 0 for the newest
	Canary  float64 `json:"canary,omitempty"`  // per cent of pairs of a name and a network, to a hundredth; 0 for all at once
	Shadow  bool    `json:"shadow,omitempty"`  // it answers beside the active version, and nothing it says is sent

	WatchRequest
}

// RollbackRequest is the request to go back to the version before.
type RollbackRequest struct {
	Zone   string `json:"zone"`
	At     string `json:"at,omitempty"` // empty for where a guest is attached in the zone
	Scope  string `json:"scope,omitempty"`
	Guest  string `json:"guest,omitempty"` // the one that is attached; empty for any
	Reason string `json:"reason,omitempty"`
}

// Candidate is a version on trial.
type Candidate struct {
	Version uint64    `json:"version"`
	Canary  float64   `json:"canary"` // per cent; 0 for a shadow
	Shadow  bool      `json:"shadow,omitempty"`
	Began   time.Time `json:"began"`
	Watch   Watch     `json:"watch"`
}

// Undone is a rollback.
type Undone struct {
	Guest   string    `json:"guest"`
	Version uint64    `json:"version"`
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
}

// GuestStatusQuery names what to show the state of; an empty field means all.
type GuestStatusQuery struct {
	Zone  string `json:"zone,omitempty"`
	Guest string `json:"guest,omitempty"`
}

// GuestStatus is an attachment with what answers there on each server.
type GuestStatus struct {
	Attachment Attachment     `json:"attachment"`
	Replicas   []GuestReplica `json:"replicas"`
	InStep     int            `json:"in_step"` // of the replicas, those that answer as the attachment says

	// Figures are those of the versions in force here, on the server that is asked.
	Figures []GuestFigures `json:"figures,omitempty"`
}

// GuestReplica is what answers at an attachment on one server.
type GuestReplica struct {
	ID        string    `json:"id,omitempty"`
	Host      string    `json:"host"`
	State     string    `json:"state"` // of the server, see Replica
	Known     bool      `json:"known"` // the server has said what answers here
	Guest     string    `json:"guest,omitempty"`
	Version   uint64    `json:"version"`             // 0: none, the fallback answers
	Candidate uint64    `json:"candidate,omitempty"` // the version on trial; 0 for none
	InStep    bool      `json:"in_step"`
	Compared  uint64    `json:"compared,omitempty"` // answers of a shadow held against the active version's
	Differ    uint64    `json:"differ,omitempty"`   // of these, those that were others or failures
	Fell      string    `json:"fell,omitempty"`     // why the server has taken the candidate back by itself
	Problem   string    `json:"problem,omitempty"`
	Seen      time.Time `json:"seen"`
}

func percent(share uint32) float64 { return float64(share) * 100 / store.WholeShare }

// share reads per cent; 0 is the whole.
func share(percent float64) (uint32, error) {
	if percent == 0 {
		return store.WholeShare, nil
	}
	n := math.Round(percent * store.WholeShare / 100)
	if !(n >= 1 && n <= store.WholeShare) {
		return 0, invalid(fmt.Sprintf("canary %v %%: want 0.01 to 100", percent))
	}
	return uint32(n), nil
}

// activation reads the request, but for the place and the version.
func (q Activation) activation() (store.Activation, error) {
	part, err := share(q.Canary)
	if err == nil && q.Shadow && q.Canary != 0 {
		err = invalid("a shadow answers nothing, so it has no canary share")
	}
	if err != nil {
		return store.Activation{}, err
	}
	made := store.Activation{Guest: q.Guest, Share: part, Shadow: q.Shadow}
	made.Watch, made.WatchFor, err = q.WatchRequest.read(q.Shadow, q.Shadow || part < store.WholeShare)
	return made, err
}

// Activate puts another version of a guest in the place of the one that is attached,
// or beside it as a candidate, once it has started with the configuration that is
// there. A candidate that is whole takes that place. CodeNotFound, CodeModule,
// CodeInvalid.
func (s *Service) Activate(ctx context.Context, q Activation) (Attachment, error) {
	wanted, err := q.activation()
	if err != nil {
		return Attachment{}, err
	}
	a, err := s.attached(ctx, q.Zone, q.At, q.Scope, q.Guest)
	if err != nil {
		return Attachment{}, classify(err)
	}
	g, err := s.store.Guest(ctx, q.Guest, q.Version)
	if err != nil {
		return Attachment{}, classify(err)
	}
	if a.Guest == q.Guest { // else the store refuses it
		if err := s.tryVersion(ctx, g, runtime.GenerationConfig{Values: a.Values, Limits: replica.Limits(a.Limits)}); err != nil {
			return Attachment{}, classify(err)
		}
	}
	wanted.Point, wanted.Version = a.Point(), g.Number
	made, err := s.store.Activate(ctx, wanted)
	if err != nil {
		return Attachment{}, classify(err)
	}
	return attachmentOf(made), nil
}

// RollBack takes back a candidate, or where there is none goes back to what was
// attached before. CodeNotFound where there is nothing to go back to; CodeForbidden
// where the caller could not have attached that.
func (s *Service) RollBack(ctx context.Context, q RollbackRequest) (Attachment, error) {
	a, err := s.attached(ctx, q.Zone, q.At, q.Scope, q.Guest)
	if err != nil {
		return Attachment{}, classify(err)
	}
	if err := callerOf(ctx).check(comesBack(a)); err != nil {
		return Attachment{}, err
	}
	why := q.Reason
	if why == "" {
		why = "asked for"
	}
	made, err := s.store.Rollback(ctx, store.Rollback{Point: a.Point(), Why: detailText(why), Generation: a.Generation})
	if err != nil {
		return Attachment{}, classify(err)
	}
	return attachmentOf(made), nil
}

// comesBack is what a rollback puts in force that is not in force now. A caller who
// could not attach it has no way round that by going back: what was granted to the
// release before may have been taken away since.
func comesBack(a store.Attachment) (t touch) {
	if a.Candidate != nil || a.Previous == nil {
		return t
	}
	t.guests = []string{a.Previous.Guest}
	for _, grant := range a.Previous.Grants {
		if !slices.ContainsFunc(a.Grants, grant.Equal) {
			t.zones = append(t.zones, grant.String())
		}
	}
	return t
}

// detailText makes a text one line.
func detailText(s string) string { return strings.Join(strings.Fields(s), " ") }

// attached finds the attachment that a request means: at a name, or the only one of
// the guest in the zone.
func (s *Service) attached(ctx context.Context, zoneText, at, scope, guest string) (found store.Attachment, err error) {
	zone, err := parseName("zone", zoneText)
	if err != nil {
		return found, err
	}
	fits := func(a store.Attachment) bool { return guest == "" || a.Guest == guest }
	what := "guest " + quoted(guest)
	if guest == "" {
		what = "a guest"
	}
	if at != "" {
		_, name, wanted, err := s.point(ctx, AttachmentPoint{Zone: zoneText, At: at, Scope: scope})
		if err != nil {
			return found, err
		}
		fits = func(a store.Attachment) bool { return a.At.Equal(name) && (scope == "" || a.Scope == wanted) }
		what = "a guest at " + name.String()
	}
	all, err := s.store.Attachments(ctx, zone)
	if err != nil {
		return found, err
	}
	n := 0
	var where []string
	for _, a := range all {
		if fits(a) {
			found = a
			n++
			where = append(where, a.At.String()+" ("+a.Scope.String()+")")
		}
	}
	switch n {
	case 0:
		return found, &Error{Code: CodeNotFound, Detail: what + " in zone " + zone.String() + ": not attached"}
	case 1:
		return found, nil
	}
	return found, invalid(what + " in zone " + zone.String() + " is attached at " + strings.Join(where, ", ") + ": say which by point and scope")
}

// GuestStatus shows what answers at attachments on each server. own is how this
// process is, where it serves.
func (s *Service) GuestStatus(ctx context.Context, q GuestStatusQuery, own *store.Replica, guests func() iter.Seq[*resolve.Attachment]) ([]GuestStatus, error) {
	var zone rr.Name
	if q.Zone != "" {
		var err error
		if zone, err = parseName("zone", q.Zone); err != nil {
			return nil, err
		}
	}
	rows, err := s.store.Attachments(ctx, zone)
	if err != nil {
		return nil, classify(err)
	}
	replicas, err := s.store.Replicas(ctx)
	if err != nil {
		return nil, classify(err)
	}
	if own != nil {
		all := []store.Replica{*own}
		for _, r := range replicas {
			if r.ID != own.ID {
				all = append(all, r)
			}
		}
		replicas = all
	}
	var figures map[point][]GuestFigures
	if guests != nil {
		figures = figuresByPoint(guests())
	}
	all := []GuestStatus{}
	for _, row := range rows {
		if q.Guest == "" || q.Guest == row.Guest {
			status := guestStatus(row, replicas)
			status.Figures = figures[pointOf(&row)]
			all = append(all, status)
		}
	}
	return all, nil
}

func guestStatus(a store.Attachment, replicas []store.Replica) GuestStatus {
	status := GuestStatus{Attachment: attachmentOf(a), Replicas: []GuestReplica{}}
	for _, r := range replicas {
		said := GuestReplica{ID: r.ID, Host: r.Host, State: r.State, Seen: r.Seen}
		if time.Since(r.Seen) > replica.Silent {
			said.State = "silent"
		}
		for _, s := range r.Serving {
			if !s.At.Equal(a.At) || !s.Zone.Equal(a.Zone) || s.Scope != a.Scope {
				continue
			}
			said.Compared, said.Differ = s.Compared, s.Differ
			said.Known, said.Guest, said.Version, said.Candidate, said.Fell, said.Problem = true, s.Guest, s.Version, s.Candidate, s.Fell, s.Problem
			onTrial := uint64(0)
			if a.Candidate != nil {
				onTrial = a.Candidate.Version
			}
			said.InStep = s.Candidate == onTrial && s.Generation == a.Generation && s.Problem == "" && s.Guest == a.Guest && s.Version == a.Version
		}
		if said.InStep {
			status.InStep++
		}
		status.Replicas = append(status.Replicas, said)
	}
	return status
}

func (s *Service) touchActivate(ctx context.Context, q *Activation) (touch, error) {
	return touch{zones: []string{q.Zone}, guests: []string{q.Guest}, audit: s.placed(ctx, q.At, q.Guest, &q.Version)}, nil
}

func (s *Service) touchRollback(ctx context.Context, q *RollbackRequest) (touch, error) {
	return touch{zones: []string{q.Zone}, audit: s.placed(ctx, q.At, "", nil)}, nil
}

// rolloutRoutes are about which version of a guest answers.
func rolloutRoutes(rs *routes, s *Service, e Endpoint) {
	handle(rs, route{path: pathActivate, scope: store.MayGuests, changes: true, summary: "Put another version of a guest in force, or on trial"}, s.touchActivate, s.Activate)
	handle(rs, route{path: pathRollback, scope: store.MayGuests, changes: true, summary: "Go back to the version before"},
		s.touchRollback, s.RollBack)
	handle(rs, route{path: pathGuestStatus, scope: store.MayRead, summary: "Show which version of guests answers on each server"}, onOwn,
		func(ctx context.Context, q GuestStatusQuery) ([]GuestStatus, error) {
			var self *store.Replica
			if e.Replica != nil {
				r, _ := e.Replica()
				self = &r
			}
			all, err := s.GuestStatus(ctx, q, self, e.Guests)
			return own(ctx, all, err, func(c *caller, g GuestStatus) bool { return c.sees(g.Attachment) })
		})
}
