package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/rr"
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

// Token is what lets its holder in at the control endpoint. It is a row of
// TableTokens, whose key is the name. The row has a hash of the secret, which is
// random, and so long that a plain hash of it cannot be searched for.
type Token struct {
	Name    string // as guests' are
	Scopes  TokenScopes
	Zones   []rr.Name // apexes of the only zones that it is for; none for all
	Guests  []string  // names of the only guests that it is for, or prefixes before *
	Created time.Time
	Expires time.Time // zero for never

	hash [sha256.Size]byte // of the secret
}

const (
	tokenPrefix  = "namelet_"
	secretBytes  = 32
	maxTokenList = 256 // zones and guests of a token
)

// Expired reports whether the token is good no more.
func (t *Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// Opens reports whether a secret, as ParseTokenText gives it, is the token's. It does
// not tell by its time how much was right.
func (t *Token) Opens(secret string) bool {
	got := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(got[:], t.hash[:]) == 1
}

// ParseTokenText takes apart what a holder shows: the token's name and the secret.
func ParseTokenText(text string) (name, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	i := strings.LastIndexByte(rest, '_')
	if !ok || i < 0 || len(rest)-i-1 != 2*secretBytes || checkTokenName(rest[:i]) != nil {
		return "", "", false
	}
	return rest[:i], rest[i+1:], true
}

func checkTokenName(name string) error {
	if checkGuestName(name) != nil {
		return fail(ErrInvalid, "token name %q (want a-z 0-9, with - _ . inside, at most %d)", name, maxGuestName)
	}
	return nil
}

// check refuses a token that could not be one.
func (t *Token) check() error {
	if err := checkTokenName(t.Name); err != nil {
		return err
	}
	if t.Scopes == 0 || t.Scopes >= 1<<len(scopeNames) {
		return fail(ErrInvalid, "token %s: no scope: want %s", t.Name, strings.Join(scopeNames, ", "))
	}
	if len(t.Zones) > maxTokenList || len(t.Guests) > maxTokenList {
		return fail(ErrTooLarge, "token %s: want at most %d zones and %d guests", t.Name, maxTokenList, maxTokenList)
	}
	if t.Scopes.Allow(MayAdmin) && len(t.Zones)+len(t.Guests) > 0 {
		return fail(ErrInvalid, "token %s: scope admin is for everything: no zone or guest can limit it", t.Name)
	}
	if slices.ContainsFunc(t.Zones, rr.Name.IsZero) {
		return fail(ErrInvalid, "token %s: a zone has no name", t.Name)
	}
	for _, guest := range t.Guests {
		name, open := strings.CutSuffix(guest, "*")
		if open {
			name += "a" // what comes after a prefix may end as a name ends
		}
		if err := checkGuestName(name); err != nil {
			return err
		}
	}
	return nil
}

func encodeToken(t *Token) []byte {
	b := append([]byte{formVersion, byte(t.Scopes)}, t.hash[:]...)
	b = appendUint(appendNames(b, t.Zones), uint64(len(t.Guests)))
	for _, guest := range t.Guests {
		b = appendString(b, guest)
	}
	b = appendTime(b, t.Created)
	b = appendBools(b, !t.Expires.IsZero())
	if !t.Expires.IsZero() {
		b = appendTime(b, t.Expires)
	}
	return b
}

func decodeToken(key, row []byte) (Token, error) {
	d := decode(row)
	t := Token{Name: string(key), Scopes: TokenScopes(d.byte())}
	for i := range t.hash {
		t.hash[i] = d.byte()
	}
	t.Zones = d.names()
	for range d.count(1) {
		t.Guests = append(t.Guests, d.string(maxGuestName+1))
	}
	t.Created = d.time()
	if d.bools(1) != 0 {
		t.Expires = d.time()
	}
	if err := d.end(); err != nil {
		return Token{}, corrupt(TableTokens, key, err)
	}
	if err := t.check(); err != nil {
		return Token{}, corruptWhy(TableTokens, key, "row is no token: "+err.Error())
	}
	return t, nil
}

// CreateToken makes a token and returns it, with what its holder has to show: that
// is kept nowhere. ErrExists, ErrInvalid, ErrTooLarge.
func (s *Store) CreateToken(ctx context.Context, t Token) (Token, string, error) {
	if err := t.check(); err != nil {
		return t, "", err
	}
	var random [secretBytes]byte
	rand.Read(random[:])
	secret := hex.EncodeToString(random[:])
	t.hash = sha256.Sum256([]byte(secret))
	err := s.commit(ctx, 1, func(ctx context.Context, x *tx) error {
		if err := x.guard(ctx, TableTokens, t.Name); err != nil {
			return err
		}
		row, err := x.get(ctx, TableTokens, t.Name)
		if err != nil {
			return err
		}
		if row != nil {
			return fail(ErrExists, "token %s", t.Name)
		}
		t.Created = x.now
		if t.Expired(x.now) {
			return fail(ErrInvalid, "token %s: it would be expired already", t.Name)
		}
		x.told = true
		x.put(TableTokens, t.Name, encodeToken(&t))
		return nil
	})
	return t, tokenPrefix + t.Name + "_" + secret, err
}

// DeleteToken deletes a token, which is good no more when it returns; ErrNotFound.
func (s *Store) DeleteToken(ctx context.Context, name string) error {
	return s.commit(ctx, 1, func(ctx context.Context, t *tx) error {
		if err := t.guard(ctx, TableTokens, name); err != nil {
			return err
		}
		row, err := t.get(ctx, TableTokens, name)
		if err != nil {
			return err
		}
		if row == nil {
			return fail(ErrNotFound, "token %q", name)
		}
		t.told = true
		t.delete(TableTokens, name)
		return nil
	})
}

// Token returns a token, an expired one too; ErrNotFound.
func (s *Store) Token(ctx context.Context, name string) (t Token, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		row, err := v.get(ctx, TableTokens, name)
		if err != nil {
			return err
		}
		if row == nil {
			return fail(ErrNotFound, "token %q", name)
		}
		t, err = decodeToken([]byte(name), row)
		return err
	})
	return t, err
}

// Tokens returns all tokens by name, expired ones too.
func (s *Store) Tokens(ctx context.Context) (all []Token, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		return v.scan(ctx, TableTokens, []Range{{"", allKeys}}, func(key, row []byte) error {
			t, err := decodeToken(key, row)
			all = append(all, t)
			return err
		})
	})
	return all, err
}
