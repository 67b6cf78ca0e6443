// Package realzones finds the real zone files that tests read. They are too large
// to be kept in the repository and lie beside it; a test that needs one fails
// without it.
package realzones

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// The files, each a root zone.
const (
	Root2018       = "root-2018.zone"        // NSEC, no signatures
	Root2014Signed = "root-2014-signed.zone" // NSEC and signatures
)

// Folder returns the absolute path of the folder that has the files, if any has: the
// folder zones of the folder that NAMELET_SHARED names, by default the folder shared
// beside the repository's.
func Folder(tb testing.TB) string {
	tb.Helper()
	shared := os.Getenv("NAMELET_SHARED")
	if shared == "" {
		_, here, _, _ := runtime.Caller(0)
		shared = filepath.Join(filepath.Dir(here), "..", "..", "..", "shared")
	}
	folder, err := filepath.Abs(filepath.Join(shared, "zones"))
	if err != nil {
		tb.Fatal(err)
	}
	return folder
}

// Path returns the absolute path of a file in Folder; the test fails where it is
// not there.
func Path(tb testing.TB, file string) string {
	tb.Helper()
	path := filepath.Join(Folder(tb), file)
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("a zone file is needed: %v (NAMELET_SHARED names the folder that has zones/%s)", err, file)
	}
	return path
}
