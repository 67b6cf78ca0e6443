package cookie

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/namelet/namelet/internal/reread"
)

const (
	secretLen   = 16      // octets of a secret
	mostSecrets = 8       // in a file: each costs a forged cookie one hash
	mostFile    = 1 << 16 // octets of a file
)

// Jar holds the secrets that cookies are made and checked with. Cookies are made
// with the first and accepted with any.
type Jar struct {
	secrets atomic.Pointer[[]secret] // at least one
	path    string                   // empty where the secret is random
}

// ErrSecrets is the error of a file that has no secrets, or something else.
var ErrSecrets = errors.New("cookie: bad file of secrets")

// Random makes a Jar with a secret that nobody else has, and that ends with the
// process.
func Random() *Jar {
	var octets [secretLen]byte
	_, _ = rand.Read(octets[:]) // it never fails
	j := &Jar{}
	j.secrets.Store(&[]secret{newSecret(octets)})
	return j
}

// Open makes a Jar with the secrets of a file: one a line, each 32 hexadecimal
// digits, at most 8. Empty lines and those that begin with # are skipped. The
// first secret makes cookies, the others are accepted beside it, for the time in
// which servers change over (RFC 9018 section 5). The error
// wraps ErrSecrets, and never holds a secret.
func Open(path string) (*Jar, error) {
	j := &Jar{path: path}
	if _, err := j.Reload(); err != nil {
		return nil, err
	}
	return j, nil
}

// Reload reads the file anew and reports whether its secrets have changed. On an
// error the old ones stay.
func (j *Jar) Reload() (changed bool, err error) {
	content, err := reread.Content(j.path, mostFile)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrSecrets, err)
	}
	secrets, err := parseSecrets(content)
	if err != nil {
		return false, fmt.Errorf("%w: %s: %w", ErrSecrets, j.path, err)
	}
	if old := j.secrets.Load(); old != nil && same(*old, secrets) {
		return false, nil
	}
	j.secrets.Store(&secrets)
	return true, nil
}

func same(a, b []secret) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// parseSecrets reads a file. Its errors name lines only, so that they can be
// logged.
func parseSecrets(content []byte) ([]secret, error) {
	var secrets []secret
	number := 0
	for line := range bytes.Lines(content) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var octets [secretLen]byte
		if len(line) != hex.EncodedLen(secretLen) {
			return nil, fmt.Errorf("line %d: want 32 hexadecimal digits", number)
		}
		if _, err := hex.Decode(octets[:], line); err != nil {
			return nil, fmt.Errorf("line %d: want 32 hexadecimal digits", number)
		}
		if len(secrets) == mostSecrets {
			return nil, fmt.Errorf("line %d: more than %d secrets", number, mostSecrets)
		}
		secrets = append(secrets, newSecret(octets))
	}
	if len(secrets) == 0 {
		return nil, errors.New("no secret")
	}
	return secrets, nil
}

// Watch reloads the file every ten seconds until ctx ends, and tells report what
// came of it: nil for new secrets, or an error, once for as long as it stays the
// same. It returns at once where the secret is random.
func (j *Jar) Watch(ctx context.Context, report func(error)) {
	if j.path == "" {
		return
	}
	reread.Watch(ctx, reread.Period, j.Reload, report)
}
