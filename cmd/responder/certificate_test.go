package main

import (
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/namelet/namelet/internal/testcert"
)

// scriptCertificate writes cert.pem, self-signed for NAME and 127.0.0.1, and
// key.pem.
func scriptCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate NAME")
	}
	ts.Check(testcert.Write(ts.MkAbs("cert.pem"), ts.MkAbs("key.pem"), args[0], time.Hour))
}
