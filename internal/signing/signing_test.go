package signing

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

func TestCheck(t *testing.T) {
	public, secret, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := Keys{public}
	module := []byte("module")
	right := string(minisign.Sign(secret, module))
	if id, err := keys.Check(module, right); err != nil || id != keyID(public.ID()) {
		t.Errorf("got %q, %v", id, err)
	}
	if id, err := Keys(nil).Check(module, ""); err != nil || id != "" {
		t.Errorf("without keys: got %q, %v", id, err)
	}
	for name, signature := range map[string]string{
		"none":             "",
		"nonsense":         "x",
		"of another":       string(minisign.Sign(secret, []byte("Module"))),
		"by another":       string(minisign.Sign(other, module)),
		"cut":              right[:len(right)/2],
		"a comment forged": strings.Replace(right, "trusted comment: ", "trusted comment: x", 2),
	} {
		if _, err := keys.Check(module, signature); !errors.Is(err, ErrUnsigned) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	public, _, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pub")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if keys, err := Parse(file + ", " + lines[len(lines)-1]); err != nil || len(keys) != 2 || !keys[0].Equal(public) || !keys[1].Equal(public) {
		t.Errorf("got %v, %v", keys, err)
	}
	if keys, err := Parse(""); err != nil || keys != nil {
		t.Errorf("of nothing: got %v, %v", keys, err)
	}
	if _, err := Parse("none.pub"); err == nil {
		t.Error("a file that is not there is taken")
	}
}

// FuzzCheck reads whatever comes as a signature.
func FuzzCheck(f *testing.F) {
	public, secret, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	module := []byte("module")
	right := string(minisign.Sign(secret, module))
	f.Add(right)
	f.Fuzz(func(t *testing.T, signature string) {
		// Line ends and the untrusted comment are not covered.
		if _, err := (Keys{public}).Check(module, signature); err == nil && len(signature) < 150 {
			t.Errorf("%q passes", signature)
		}
	})
}
