package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// What is too old goes, the rest stays.
func TestTrimAudit(t *testing.T) {
	const auditKeep = 400 * 24 * time.Hour
	now := time.UnixMilli(2_000_000_000_000)
	st, err := store.New(t.Context(), memory.New(), store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	end := now
	for i, age := range []time.Duration{2 * auditKeep, auditKeep + time.Hour, auditKeep - time.Hour, 0} {
		now = end.Add(-age)
		ctx := store.WithAudit(t.Context(), store.AuditEntry{RequestID: fmt.Sprint(i), Operation: "o"})
		if _, _, err := st.CreateToken(ctx, store.Token{Name: fmt.Sprint("t", i), Scopes: store.MayRead}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.TrimAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := st.Audit(t.Context(), 10, func(*store.AuditEntry) bool { return true })
	if err != nil || len(left) != 2 || left[0].RequestID != "3" || left[1].RequestID != "2" {
		t.Errorf("left %+v, error %v", left, err)
	}
}

// The entries of one moment are in the order of their commits, also when the clock is
// set back, and the newest are shown whatever the limit.
func TestAuditOrder(t *testing.T) {
	now := time.UnixMilli(2_000_000_000_000)
	st, err := store.New(t.Context(), memory.New(), store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	const n = 50
	for i := range n {
		if i == n/2 {
			now = now.Add(-time.Second)
		}
		ctx := store.WithAudit(t.Context(), store.AuditEntry{RequestID: fmt.Sprint(i), Operation: "o"})
		if _, _, err := st.CreateToken(ctx, store.Token{Name: fmt.Sprint("t", i), Scopes: store.MayRead}); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1, 7, n, 2 * n} {
		got, err := st.Audit(t.Context(), limit, func(*store.AuditEntry) bool { return true })
		if err != nil || len(got) != min(limit, n) {
			t.Fatalf("limit %d: %d entries, error %v", limit, len(got), err)
		}
		for i, e := range got {
			if want := fmt.Sprint(n - 1 - i); e.RequestID != want {
				t.Errorf("limit %d: entry %d is of request %s, want %s", limit, i, e.RequestID, want)
			}
		}
	}
}

// Who changes something often drives out its own entries, and not those of others.
func TestTrimAuditOfOne(t *testing.T) {
	st, err := store.New(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	change := func(who string, i int) {
		ctx := store.WithAudit(t.Context(), store.AuditEntry{RequestID: fmt.Sprint(who, i), Who: who, Operation: "o"})
		if _, _, err := st.CreateToken(ctx, store.Token{Name: fmt.Sprint(who, i), Scopes: store.MayRead}); err != nil {
			t.Fatal(err)
		}
	}
	change("quiet", 0)
	for i := range 400 {
		change("busy", i)
	}
	kept := func() map[string]int {
		got, err := st.Audit(t.Context(), 1000, func(*store.AuditEntry) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]int{}
		for _, e := range got {
			of[e.Who]++
		}
		return of
	}
	for _, most := range []int{10, 2} {
		if err := st.TrimAuditTo(t.Context(), most, 100); err != nil {
			t.Fatal(err)
		}
		if of := kept(); of["quiet"] != 1 || of["busy"] == 0 || of["busy"] > 16*most {
			t.Errorf("at most %d of one in a shard: %v are left", most, of)
		}
	}
	if err := st.TrimAuditTo(t.Context(), 2, 1); err != nil {
		t.Fatal(err)
	}
	if of := kept(); of["busy"] == 0 || of["quiet"]+of["busy"] > 16 {
		t.Errorf("at most one in a shard: %v are left", of)
	}
}
