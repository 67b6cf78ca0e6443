// Package signing tells whether a module is signed by somebody whom this server trusts.
package signing

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"aead.dev/minisign"
)

// Keys are the public keys of minisign that a server trusts to sign modules. Without any, no signature is wanted.
type Keys []minisign.PublicKey

// Parse reads keys, several by comma: each the text of one, or a file with it.
func Parse(text string) (Keys, error) {
	var keys Keys
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		var key minisign.PublicKey
		if err := key.UnmarshalText([]byte(item)); err != nil {
			content, err := os.ReadFile(item)
			if err != nil {
				return nil, fmt.Errorf("%s is neither a public key of minisign nor a file with one", strconv.QuoteToASCII(item))
			}
			if err := key.UnmarshalText(content); err != nil {
				return nil, fmt.Errorf("%s: no public key of minisign: %w", item, err)
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// ErrUnsigned is the error of Check.
var ErrUnsigned = errors.New("unsigned")

// Check gives the identifier of the key that signed a module; empty where no signature is wanted. A signature covers the
// module's bytes and, by minisign's global signature, its trusted comment, of which nothing is read. ErrUnsigned.
func (k Keys) Check(module []byte, signature string) (string, error) {
	if len(k) == 0 {
		return "", nil
	}
	if signature == "" {
		return "", &unsigned{"the module is not signed, and RESPONDER_GUEST_KEYS wants that: push it with --sign or --signature"}
	}
	var s minisign.Signature
	if err := s.UnmarshalText([]byte(signature)); err != nil {
		return "", &unsigned{"the signature is none of minisign: " + strings.TrimPrefix(err.Error(), "minisign: ")}
	}
	for _, key := range k {
		if key.ID() == s.KeyID && minisign.Verify(key, module, []byte(signature)) {
			return keyID(key.ID()), nil
		}
	}
	return "", &unsigned{"the signature by key " + keyID(s.KeyID) + " is of another module, or the key is none of RESPONDER_GUEST_KEYS"}
}

// unsigned says why a module does not count as signed.
type unsigned struct{ why string }

func (u *unsigned) Error() string { return u.why }

// Is implements the interface of errors.Is.
func (u *unsigned) Is(target error) bool { return target == ErrUnsigned }

// keyID writes an identifier as minisign does.
func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }
