package control

import (
	"fmt"
	"os"
	"strings"

	"aead.dev/minisign"
)

// Keys are the public keys of minisign that a server trusts to sign modules. Without any, none is wanted.
type Keys []minisign.PublicKey

// ParseKeys reads keys, several by comma: each the text of one, or a file with it.
func ParseKeys(text string) (Keys, error) {
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
				return nil, fmt.Errorf("%s is neither a public key of minisign nor a file with one", quoted(item))
			}
			if err := key.UnmarshalText(content); err != nil {
				return nil, fmt.Errorf("%s: no public key of minisign: %w", item, err)
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// signer gives the identifier of the key that signed a module; empty where no key is wanted. CodeUnsigned.
func (k Keys) signer(module []byte, signature string) (string, error) {
	if len(k) == 0 {
		return "", nil
	}
	if signature == "" {
		return "", &Error{Code: CodeUnsigned, Detail: "the module is not signed, and RESPONDER_GUEST_KEYS wants that: push it with --sign or --signature"}
	}
	var s minisign.Signature
	if err := s.UnmarshalText([]byte(signature)); err != nil {
		return "", &Error{Code: CodeUnsigned, Detail: "the signature is none of minisign: " + detail(err), err: err}
	}
	for _, key := range k {
		if key.ID() == s.KeyID && minisign.Verify(key, module, []byte(signature)) {
			return keyID(key.ID()), nil
		}
	}
	return "", &Error{Code: CodeUnsigned, Detail: "the signature by key " + keyID(s.KeyID) + " is of another module, or the key is none of RESPONDER_GUEST_KEYS"}
}

// keyID writes an identifier as minisign does.
func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }
