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
	for i, age := range []time.Duration{0, auditKeep - time.Hour, auditKeep + time.Hour, 2 * auditKeep} {
		ctx := store.WithAudit(t.Context(), store.AuditEntry{Time: now.Add(-age), RequestID: fmt.Sprint(i), Operation: "o"})
		if _, _, err := st.CreateToken(ctx, store.Token{Name: fmt.Sprint("t", i), Scopes: store.MayRead}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.TrimAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := st.Audit(t.Context(), 10, func(*store.AuditEntry) bool { return true })
	if err != nil || len(left) != 2 || left[0].RequestID != "0" || left[1].RequestID != "1" {
		t.Errorf("left %+v, error %v", left, err)
	}
}
