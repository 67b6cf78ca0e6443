package replica_test

import (
	"testing"
	"time"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/store"
)

// A replica of a shared store says there how it is, not to a store that it refuses,
// and takes it back when it ends.
func TestSaysHowItIs(t *testing.T) {
	r, shared := othersStore(t)
	r.replace(apps, 1, `a 60 IN TXT "one"`+"\n")
	f := &faulty{under: shared}
	mine, err := store.New(t.Context(), f, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	end := r.follow(replica.Config{Store: mine, Self: store.Replica{ID: "me", Host: "here", Site: "site", Version: "v9"}})
	said := func() (all []store.Replica) {
		all, err := r.store.Replicas(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	r.within(3*time.Second, "a word", func() bool { return len(said()) == 1 })
	got := said()[0]
	if got.ID != "me" || got.Host != "here" || got.Site != "site" || got.Version != "v9" || got.State != "following" ||
		got.Zones != 1 || got.Names != 3 || got.Cursor == "" || got.Caught.IsZero() || got.Started.IsZero() || time.Since(got.Seen) > 5*time.Second {
		t.Errorf("got %+v", got)
	}
	end()
	if got := said(); len(got) > 0 {
		t.Errorf("after its end: got %+v", got)
	}
}
