package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// A token is read back with its limits, opens with its own secret only, and is gone
// once deleted. What it holds never shows the secret.
func testTokens(t *testing.T, s *suite) {
	now := time.UnixMilli(1_000_000_000).UTC()
	st, d := s.open(t, store.Options{Now: func() time.Time { return now }})
	want := store.Token{
		Name: "ci", Scopes: store.MayGuests | store.MayRead, Zones: []rr.Name{rr.MustParseName("a.example.")},
		Guests: []string{"shop", "team-*"}, Expires: now.Add(time.Hour),
	}
	made, text, err := st.CreateToken(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	name, secret, ok := store.ParseTokenText(text)
	if !ok || name != "ci" {
		t.Fatalf("%q is no token", text)
	}
	got, err := st.Token(ctx, "ci")
	want.Created = now
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(store.Token{})); err != nil || diff != "" {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
	if !got.Opens(secret) || !made.Opens(secret) || got.Opens("") || got.Opens(secret[1:]) || got.Opens(text) {
		t.Error("the token opens with something else than its secret")
	}
	if got.Expired(now) || !got.Expired(now.Add(time.Hour)) {
		t.Error("it expires at another time")
	}
	if _, _, err := st.CreateToken(ctx, store.Token{Name: "ci", Scopes: store.MayRead}); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second one of the name: error %v", err)
	}
	for _, row := range writes(t, d, store.TableTokens) {
		if bytes.Contains(row.Value, []byte(secret)) {
			t.Error("the row has the secret")
		}
	}
	for _, bad := range badTokens(now) {
		if _, _, err := st.CreateToken(ctx, bad); !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("token %+v: error %v", bad, err)
		}
	}
	if all, err := st.Tokens(ctx); err != nil || len(all) != 1 {
		t.Errorf("tokens %v, error %v", all, err)
	}
	if err := st.DeleteToken(ctx, "ci"); err != nil {
		t.Error(err)
	}
	if err := st.DeleteToken(ctx, "ci"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted again: error %v", err)
	}
	if _, err := st.Token(ctx, "ci"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("read when deleted: error %v", err)
	}
}

func badTokens(now time.Time) []store.Token {
	zone := []rr.Name{rr.MustParseName("a.example.")}
	return []store.Token{
		{Name: "", Scopes: store.MayRead},
		{Name: "a b", Scopes: store.MayRead},
		{Name: "none"},
		{Name: "unknown", Scopes: 1 << 7},
		{Name: "admin", Scopes: store.MayAdmin, Zones: zone},
		{Name: "admin", Scopes: store.MayAdmin, Guests: []string{"g"}},
		{Name: "guest", Scopes: store.MayGuests, Guests: []string{"a/b"}},
		{Name: "star", Scopes: store.MayGuests, Guests: []string{"a*b"}},
		{Name: "nameless", Scopes: store.MayGuests, Zones: []rr.Name{{}}},
		{Name: "late", Scopes: store.MayRead, Expires: now},
		{Name: "many", Scopes: store.MayRead, Zones: make([]rr.Name, 257)},
	}
}

// The audit has one entry for each request that changed something, the newest first,
// and none for one that changed nothing or failed.
func testAudit(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	begun := time.Now()
	n := 0
	request := func(operation string, do func(c context.Context) error) {
		n++
		c := store.WithAudit(ctx, store.AuditEntry{
			RequestID: fmt.Sprint("r", n), Who: "token ci", From: "192.0.2.1",
			Operation: operation, Subjects: []string{"zone a.example."},
		})
		if err := do(c); err != nil {
			t.Logf("%s: %v", operation, err)
		}
	}
	replace := func(c context.Context) error {
		_, err := st.ReplaceZone(c, store.ZoneSpec{Name: apex}, store.Sequence([]rr.Set{soa(apex, 1)}), store.ReplaceOptions{})
		return err
	}
	request("import", replace)
	request("import again", replace)
	request("no such zone", func(c context.Context) error {
		return st.DeleteZone(c, rr.MustParseName("b.example."), store.WriteOptions{})
	})
	request("token", func(c context.Context) error {
		_, _, err := st.CreateToken(c, store.Token{Name: "ci", Scopes: store.MayRead})
		return err
	})
	request("twice in one", func(c context.Context) error {
		return errors.Join(st.DeleteToken(c, "ci"), st.DeleteZone(c, apex, store.WriteOptions{}))
	})
	everything := func(*store.AuditEntry) bool { return true }
	got, err := st.Audit(ctx, 10, everything)
	if err != nil {
		t.Fatal(err)
	}
	var operations []string
	for _, e := range got {
		operations = append(operations, e.Operation+" "+e.RequestID)
	}
	if diff := cmp.Diff([]string{"twice in one r5", "token r4", "import r1"}, operations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first := got[len(got)-1].Time
	if end := time.Now(); first.Before(begun.Truncate(time.Microsecond)) || first.After(end) {
		t.Errorf("the first is of %v, which is not between %v and %v", first, begun, end)
	}
	want := store.AuditEntry{Time: first, RequestID: "r1", Who: "token ci", From: "192.0.2.1", Operation: "import", Subjects: []string{"zone a.example."}}
	if diff := cmp.Diff(want, got[len(got)-1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if two, err := st.Audit(ctx, 2, everything); err != nil || len(two) != 2 || two[1].Operation != "token" {
		t.Errorf("the newest two: %v, error %v", two, err)
	}
	if one, err := st.Audit(ctx, 10, func(e *store.AuditEntry) bool { return e.RequestID == "r4" }); err != nil || len(one) != 1 {
		t.Errorf("one of them: %v, error %v", one, err)
	}
}
