package memory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
	"github.com/namelet/namelet/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Backend{New: func(*testing.T) store.Driver { return memory.New() }})
}

// The log drops its oldest entries, and says so to who asks for them.
func TestLogIsBounded(t *testing.T) {
	ctx := context.Background()
	d := memory.New()
	entries := make([]store.LogEntry, 1000)
	for range memory.LogEntries/1000 + 50 {
		if err := d.Apply(ctx, &store.Batch{Log: entries}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.Changes(ctx, "5", 10); !errors.Is(err, store.ErrGone) {
		t.Errorf("entries that were dropped: got error %v, want %v", err, store.ErrGone)
	}
	head, err := d.Head(ctx)
	if err != nil || head != "150000" {
		t.Errorf("head is %s, %v", head, err)
	}
	got, next, err := d.Changes(ctx, "149990", 100)
	if err != nil || len(got) != 10 || next != head {
		t.Errorf("the last entries: %d, to %s, %v", len(got), next, err)
	}
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(*testing.B) store.Driver { return memory.New() })
}
