package authority_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

var update = flag.Bool("update", false, "write what lookups return into testdata/*.txt")

// TestGolden runs the questions of testdata/*.txt. A file is a txtar archive: the
// entries named "zone APEX" or "private APEX" are zones, served together; every
// other entry is a question, "QNAME QTYPE [do] [# why]", with the whole response.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files (%v)", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			runGolden(t, path)
		})
	}
}

func runGolden(t *testing.T, path string) {
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	zones := authority.NewZones(nil)
	var a authority.Answer
	for i, f := range ar.Files {
		if kind, apex, ok := strings.Cut(f.Name, " "); ok && (kind == "zone" || kind == "private") {
			zones = zones.With(&authority.Zone{
				Apex:     name(t, apex),
				Private:  kind == "private",
				Snapshot: build(t, apex, string(f.Data)),
			})
			continue
		}
		zones.Lookup(question(t, f.Name), &a)
		got := render(&a)
		if diff := cmp.Diff(string(f.Data), got); diff != "" && !*update {
			t.Errorf("%s: -want +got:\n%s", f.Name, diff)
		}
		ar.Files[i].Data = []byte(got)
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func name(t testing.TB, s string) rr.Name {
	t.Helper()
	n, err := rr.ParseName(s)
	if err != nil {
		t.Fatalf("name %q: %v", s, err)
	}
	return n
}

// parse reads zone text with a default TTL of an hour.
func parse(t testing.TB, apex, text string) []rr.Set {
	t.Helper()
	sets, err := zonefile.Parse(strings.NewReader("$TTL 3600\n"+text), zonefile.Options{Origin: name(t, apex)})
	if err != nil {
		t.Fatalf("zone %s: %v", apex, err)
	}
	return sets
}

func build(t testing.TB, apex, text string) *authority.Snapshot {
	t.Helper()
	s, err := authority.Build(name(t, apex), 1, slices.Values(parse(t, apex, text)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// question reads "QNAME QTYPE [do] [# why]".
func question(t testing.TB, text string) authority.Question {
	t.Helper()
	text, _, _ = strings.Cut(text, "#")
	words := strings.Fields(text)
	if len(words) < 2 || len(words) > 3 || len(words) == 3 && words[2] != "do" {
		t.Fatalf("question %q: want QNAME QTYPE [do]", text)
	}
	qtype, err := rr.ParseType(words[1])
	if err != nil {
		t.Fatalf("question %q: %v", text, err)
	}
	return authority.Question{Name: name(t, words[0]), Type: qtype, DO: len(words) == 3}
}

var outcomes = map[authority.Outcome]string{
	authority.OutcomeAnswer:   "answer",
	authority.OutcomeNoData:   "nodata",
	authority.OutcomeNXDomain: "nxdomain",
	authority.OutcomeReferral: "referral",
	authority.OutcomeRefused:  "refused",
	authority.OutcomeFailed:   "failed",
}

func render(a *authority.Answer) string {
	var b strings.Builder
	aa := "noaa"
	if a.Authoritative {
		aa = "aa"
	}
	fmt.Fprintf(&b, "%v %s %s\n", a.RCode, aa, outcomes[a.Outcome])
	renderSection(&b, "answer", a.Answer, 0)
	renderSection(&b, "authority", a.Authority, 0)
	renderSection(&b, "additional", a.Additional, a.RequiredAdditional)
	return b.String()
}

func renderSection(b *strings.Builder, title string, sets []rr.Set, required int) {
	if len(sets) == 0 {
		fmt.Fprintf(b, "%s: none\n", title)
		return
	}
	fmt.Fprintf(b, "%s:\n", title)
	for i, set := range sets {
		mark := "  "
		if i < required {
			mark = "! " // has to fit
		}
		for _, data := range set.Data {
			fmt.Fprintf(b, "%s%v %d %v %s\n", mark, set.Name, set.TTL, set.Type, zonefile.FormatRdata(set.Type, data))
		}
	}
}
