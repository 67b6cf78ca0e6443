package replica_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// depended returns what the answer for a name depends on now.
func (r *rig) depended(qname string) authority.Deps {
	var resp resolve.Response
	r.worker.Resolve(authority.Question{Name: name(qname), Type: rr.TypeTXT}, hostileClient, &resp)
	return slices.Clone(resp.Trace.Deps)
}

// awaitOutdated waits, a second at most, until what is depended on has changed.
func (r *rig) awaitOutdated(what string, d authority.Deps) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Second); d.Valid(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: answers from before still count as valid after a second", what)
		}
	}
}

func (r *rig) setText(owner, text string) {
	r.t.Helper()
	if _, err := r.store.Change(r.t.Context(), apps.Name, []store.Change{store.Put(txtSet(owner, text))}, store.WriteOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func TestChangesOutdateAnswers(t *testing.T) {
	var lines strings.Builder
	for i := range 200 {
		fmt.Fprintf(&lines, "n%d 60 IN TXT \"one\"\n", i)
	}
	r := start(t, func(r *rig) { r.replace(apps, 1, lines.String()) })

	all := map[string]authority.Deps{}
	for i := range 200 {
		n := fmt.Sprintf("n%d.apps.example", i)
		all[n] = r.depended(n)
	}
	missing := r.depended("x.new.apps.example")
	r.setText("n7.apps.example", "two")
	r.expect("n7.apps.example", `NOERROR "two"`)
	r.awaitOutdated("a change", all["n7.apps.example"])
	r.awaitOutdated("a change of the SOA", missing)
	valid := 0
	for _, d := range all {
		if d.Valid() {
			valid++
		}
	}
	if valid < 180 {
		t.Errorf("%d of 199 other answers are valid after one change, want nearly all", valid)
	}

	before := r.depended("n8.apps.example")
	r.replace(apps, 100, "n8 60 IN TXT \"three\"\n")
	r.expect("n8.apps.example", `NOERROR "three"`)
	r.awaitOutdated("a zone with other content", before)

	before = r.depended("n8.apps.example")
	if err := r.store.DeleteZone(t.Context(), apps.Name, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.awaitOutdated("a zone that went", before)
	if d := r.depended("n8.apps.example"); len(d) > 0 {
		t.Errorf("a refusal depends on %v, want the generation alone", d)
	}
	generation := r.resolver.Generation()
	r.replace(apps, 100, "n8 60 IN TXT \"four\"\n")
	r.expect("n8.apps.example", `NOERROR "four"`)
	if r.resolver.Generation() == generation {
		t.Error("a zone came, and the generation is the same")
	}
}

func txtSet(owner, text string) rr.Set {
	return rr.Set{Name: name(owner), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{string([]byte{byte(len(text))}) + text}}
}
