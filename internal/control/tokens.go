package control

import (
	"context"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Token is what lets its holder in at the endpoint.
type Token struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"` // read, records, guests, admin
	Zones   []string   `json:"zones"`  // the only ones that it is for; none for all
	Guests  []string   `json:"guests"` // the only ones, or prefixes before *
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // absent for never
	Expired bool       `json:"expired"`
}

// TokenRequest asks for a token to be made.
type TokenRequest struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Zones   []string   `json:"zones,omitempty"`
	Guests  []string   `json:"guests,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
}

// NewToken is a token that was made, with what its holder is to show: nobody can be
// told that again.
type NewToken struct {
	Token
	Secret string `json:"secret"`
}

// TokenName is the request that names a token.
type TokenName struct {
	Name string `json:"name"`
}

func tokenOf(t store.Token) Token {
	made := Token{Name: t.Name, Scopes: t.Scopes.Names(), Zones: []string{}, Guests: append([]string{}, t.Guests...), Created: t.Created, Expired: t.Expired(time.Now())}
	for _, zone := range t.Zones {
		made.Zones = append(made.Zones, zone.String())
	}
	if !t.Expires.IsZero() {
		expires := t.Expires.UTC()
		made.Expires = &expires
	}
	return made
}

// Tokens lists the tokens by name, expired ones too.
func (s *Service) Tokens(ctx context.Context) ([]Token, error) {
	found, err := s.store.Tokens(ctx)
	if err != nil {
		return nil, classify(err)
	}
	all := make([]Token, len(found))
	for i, t := range found {
		all[i] = tokenOf(t)
	}
	return all, nil
}

// CreateToken makes a token. CodeExists, CodeInvalid.
func (s *Service) CreateToken(ctx context.Context, q TokenRequest) (NewToken, error) {
	t, err := q.parse()
	if err != nil {
		return NewToken{}, classify(err)
	}
	made, secret, err := s.store.CreateToken(ctx, t)
	if err != nil {
		return NewToken{}, classify(err)
	}
	return NewToken{Token: tokenOf(made), Secret: secret}, nil
}

func (q TokenRequest) parse() (store.Token, error) {
	scopes, err := store.ParseTokenScopes(q.Scopes)
	if err != nil {
		return store.Token{}, err
	}
	t := store.Token{Name: q.Name, Scopes: scopes, Guests: q.Guests}
	for _, text := range q.Zones {
		var zone rr.Name
		if zone, err = parseName("zone", text); err != nil {
			return store.Token{}, err
		}
		t.Zones = append(t.Zones, zone)
	}
	if q.Expires != nil {
		t.Expires = q.Expires.UTC().Truncate(time.Millisecond)
	}
	return t, nil
}

// DeleteToken deletes a token, which is good no more then; CodeNotFound.
func (s *Service) DeleteToken(ctx context.Context, q TokenName) error {
	return classify(s.store.DeleteToken(ctx, q.Name))
}

// Tokens is that of Service.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return call[[]Token](ctx, c, pathTokenList, struct{}{})
}

// CreateToken is that of Service.
func (c *Client) CreateToken(ctx context.Context, q TokenRequest) (NewToken, error) {
	return call[NewToken](ctx, c, pathTokenCreate, q)
}

// DeleteToken is that of Service.
func (c *Client) DeleteToken(ctx context.Context, q TokenName) error {
	_, err := call[struct{}](ctx, c, pathTokenDelete, q)
	return err
}
