package authority_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// zoneOf returns the snapshot of a zone in a golden file.
func zoneOf(t testing.TB, path, entry string) *authority.Snapshot {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse(data).Files {
		if f.Name == "zone "+entry {
			return build(t, entry, string(f.Data))
		}
	}
	t.Fatalf("%s has no zone %s", path, entry)
	return nil
}

func TestLookupAllocatesNothing(t *testing.T) {
	tests := []struct{ file, question string }{
		{"plain", "www.example. A"},
		{"plain", "WWW.EXAMPLE. A"},
		{"plain", "www.example. AAAA"},
		{"plain", "a.b.c.nothing.example. A"},
		{"plain", "_sip._tcp.example. SRV"},
		{"plain", "www.example. ANY"},
		{"plain", "elsewhere.test. A"},
		{"plain", "example. DS"},
		{"alias", "two.example. A"},
		{"alias", "ping.example. A"},
		{"wildcard", "foo.baz.example. TXT"},
		{"wildcard", "anything.alias.example. A"},
		{"referral", "x.mixed.example. A"},
		{"service", "example. HTTPS"},
		{"signed", "x.w.example. MX do"},
		{"signed", "ml.example. A do"},
		{"signed", "mc.b.example. MX do"},
		{"signed", "a.z.w.example. AAAA do"},
		{"signed", "c.example. MX do"},
	}
	for _, test := range tests {
		t.Run(test.file+"/"+test.question, func(t *testing.T) {
			zones := served(zoneOf(t, "testdata/"+test.file+".txt", "example."))
			q := question(t, test.question)
			var a authority.Answer
			zones.Lookup(q, &a)
			if a.Outcome == authority.OutcomeInvalid {
				t.Fatal("no outcome")
			}
			if got := testing.AllocsPerRun(100, func() { zones.Lookup(q, &a) }); got != 0 {
				t.Errorf("got %v allocations, want 0", got)
			}
		})
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	s := zoneOf(t, "testdata/wildcard.txt", "example.")
	for _, text := range []string{"host1.example.", "any.example.", "any.alias.example.", "a.subdel.example.", "no.host1.example."} {
		n := name(t, text)
		var deps authority.Deps
		s.Read(n, rr.TypeMX, &deps)
		if got := testing.AllocsPerRun(100, func() { deps = deps[:0]; s.Read(n, rr.TypeMX, &deps) }); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", text, got)
		}
	}
}
