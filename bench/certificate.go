package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/namelet/namelet/internal/testcert"
)

// certificate names the files of a certificate and its key.
type certificate struct{ chain, key string }

// makeCertificate makes a self-signed certificate of a P-256 key for 127.0.0.1, the same kind for all servers.
func makeCertificate(dir string) (certificate, error) {
	c := certificate{filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")}
	if err := testcert.Write(c.chain, c.key, "bench.example", 24*time.Hour); err != nil {
		return c, err
	}
	// Readable by all: some servers give up root before they read them. They live as long as the run.
	for _, file := range []string{c.chain, c.key} {
		if err := os.Chmod(file, 0o644); err != nil {
			return c, err
		}
	}
	return c, nil
}
