package control

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// caller is who sent a request, and what it may do.
type caller struct {
	name    string // for people
	from    string // its address; empty where it has none
	request string // the id of the request
	scopes  store.TokenScopes
	zones   []rr.Name // the only ones that it may touch; none for no limit
	guests  []string  // the only ones, each a name or a prefix before *; see mayGuest

	known func(context.Context) (*caller, error) // finds it out anew; nil for who shows nothing
}

// left reports whether the caller would not be let in any more: its token was deleted, or
// has expired. A store that cannot be read does not say so.
func (c *caller) left(ctx context.Context) bool {
	if c.known == nil {
		return false
	}
	_, err := c.known(ctx)
	return errors.Is(err, &Error{Code: CodeUnauthenticated})
}

type callerKey struct{}

func withCaller(ctx context.Context, c *caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf returns the caller that the guard found; the zero caller, which may do
// nothing, where there was none.
func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{}
}

// limited reports whether there is anything that the caller's scopes do not reach.
func (c *caller) limited() bool { return len(c.zones) > 0 || len(c.guests) > 0 }

// mayZone reports whether the caller may touch a zone, which is named by its apex:
// a limit says nothing of zones below.
func (c *caller) mayZone(apex rr.Name) bool {
	return len(c.zones) == 0 || slices.ContainsFunc(c.zones, apex.Equal)
}

// mayGuest reports whether the caller may touch a guest. Guests belong to no zone,
// so whoever is limited to zones may touch only those that are named.
func (c *caller) mayGuest(name string) bool {
	return !c.limited() || slices.ContainsFunc(c.guests, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return pattern == name || open && strings.HasPrefix(name, prefix)
	})
}

// sees reports whether an attachment is the caller's to see: it is in a zone of its
// own, or, where it has no limit of zones, of a guest of its own.
func (c *caller) sees(a Attachment) bool {
	if len(c.zones) == 0 {
		return c.mayGuest(a.Guest)
	}
	return c.check(touch{zones: []string{a.Zone}}) == nil
}

// touch is what a request is about. The names are as the request has them.
type touch struct {
	zones  []string
	guests []string
	tokens []string // in no limits: they are for admins
	whole  bool     // everything that the server has

	audit []string // what the audit has in the place of guests, where that is more: points, and guests with versions
}

// check refuses what the caller may not touch.
func (c *caller) check(t touch) error {
	if !c.limited() {
		return nil
	}
	if t.whole {
		return c.refusal("everything that the server has")
	}
	for _, text := range t.zones {
		zone, err := parseName("zone", text)
		if err != nil {
			return err
		}
		if !c.mayZone(zone) {
			return c.refusal("zone " + zone.String())
		}
	}
	for _, guest := range t.guests {
		if !c.mayGuest(guest) {
			return c.refusal("guest " + quoted(guest))
		}
	}
	return nil
}

func (c *caller) refusal(what string) error {
	return &Error{Code: CodeForbidden, Detail: c.name + " is not for " + what}
}
