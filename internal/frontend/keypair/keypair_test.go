package keypair

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/testcert"
)

// pemPair makes a certificate for a name, and its key.
func pemPair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	cert, key, err := testcert.Make(name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// name returns whose certificate is in use, without a look at the files.
func name(p *Pair) string { return p.current.Load().Leaf.Subject.CommonName }

func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	firstCert, firstKey := pemPair(t, "first")
	write(t, certFile, firstCert)
	write(t, keyFile, firstKey)
	var log bytes.Buffer
	p, err := Open(certFile, keyFile, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(step, wantName string, wantStale bool, wantLog string) {
		t.Helper()
		log.Reset()
		p.Check()
		if name(p) != wantName || p.Stale() != wantStale {
			t.Errorf("%s: %s is in use, stale %v", step, name(p), p.Stale())
		}
		if wantLog == "" && log.Len() > 0 || !strings.Contains(log.String(), wantLog) {
			t.Errorf("%s: logged %q, want %q", step, log.String(), wantLog)
		}
	}
	check("no change", "first", false, "")

	secondCert, secondKey := pemPair(t, "second")
	write(t, certFile, secondCert)
	check("the certificate alone", "first", true, "does not match")
	check("still the certificate alone", "first", true, "")
	write(t, keyFile, secondKey)
	check("its key too", "second", false, "renewed")

	write(t, certFile, []byte("rubbish"))
	check("a bad file", "second", true, "failed to find any PEM data")
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	check("no file", "second", true, "no such file")
	check("still no file", "second", true, "")
	write(t, certFile, secondCert)
	check("the file again", "second", false, "renewed")
}

// A mounted secret is renewed by a link that points elsewhere.
func TestRenewalByLink(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		cert, key := pemPair(t, name)
		write(t, filepath.Join(dir, name, "cert.pem"), cert)
		write(t, filepath.Join(dir, name, "key.pem"), key)
	}
	link := filepath.Join(dir, "current")
	if err := os.Symlink("first", link); err != nil {
		t.Fatal(err)
	}
	p, err := Open(filepath.Join(link, "cert.pem"), filepath.Join(link, "key.pem"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("second", link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	// Handshakes look at the files too, not more often than once a second.
	if _, err := p.Certificate(nil); err != nil || name(p) != "first" {
		t.Errorf("at once: got %s, %v", name(p), err)
	}
	p.looked.Store(time.Now().Add(-2 * handshakePeriod).UnixNano())
	if c, err := p.Certificate(nil); err != nil || c.Leaf.Subject.CommonName != "second" {
		t.Errorf("later: got %s, %v", name(p), err)
	}
	if p.Expires().Before(time.Now()) {
		t.Errorf("expires %v", p.Expires())
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	cert, key := pemPair(t, "first")
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, cert)
	if _, err := Open(certFile, keyFile, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "key.pem") {
		t.Errorf("without a key: got %v", err)
	}
	write(t, keyFile, cert)
	if _, err := Open(certFile, keyFile, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "key.pem") {
		t.Errorf("with a certificate for a key: got %v", err)
	}
	write(t, keyFile, key)
	if _, err := Open(certFile, keyFile, slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("with both: got %v", err)
	}
}
