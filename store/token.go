package store

import (
	"strings"
)

// TokenScopes is a set of what the holder of a token may do at the control endpoint.
type TokenScopes uint8

// The scopes. Each of them may read; MayAdmin may do all.
const (
	MayRead    TokenScopes = 1 << iota // see zones, records, guests and servers
	MayRecords                         // change zones and their records
	MayGuests                          // push guests, and let them answer
	MayAdmin                           // all, tokens and backups among it
)

var scopeNames = []string{"read", "records", "guests", "admin"}

// ParseTokenScopes reads names of scopes; ErrInvalid where there is none, or one is not known.
func ParseTokenScopes(names []string) (s TokenScopes, err error) {
	for _, name := range names {
		bit := TokenScopes(0)
		for i, known := range scopeNames {
			if name == known {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, fail(ErrInvalid, "scope %q: want %s", name, strings.Join(scopeNames, ", "))
		}
		s |= bit
	}
	if s == 0 {
		return 0, fail(ErrInvalid, "no scope: want %s", strings.Join(scopeNames, ", "))
	}
	return s, nil
}

// Names are those of the set's scopes.
func (s TokenScopes) Names() []string {
	names := []string{}
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String gives the names with commas between.
func (s TokenScopes) String() string { return strings.Join(s.Names(), ",") }

// Allow reports whether the holder may do what wants one scope.
func (s TokenScopes) Allow(want TokenScopes) bool {
	switch {
	case s&MayAdmin != 0:
		return true
	case want == MayRead:
		return s != 0
	}
	return s&want != 0
}
