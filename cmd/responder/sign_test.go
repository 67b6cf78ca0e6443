package main

import (
	"crypto/rand"
	"os"

	"aead.dev/minisign"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptSigning is the command signing NAME.
func scriptSigning(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signing NAME")
	}
	public, secret, err := minisign.GenerateKey(rand.Reader)
	ts.Check(err)
	locked, err := minisign.EncryptKey("sesame", secret)
	ts.Check(err)
	open, err := secret.MarshalText()
	ts.Check(err)
	shown, err := public.MarshalText()
	ts.Check(err)
	for ending, text := range map[string][]byte{".pub": shown, ".key": open, ".locked": locked, ".password": []byte("sesame\n")} {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+ending), text, 0o600))
	}
}
