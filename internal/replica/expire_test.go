package replica_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// A zone with a bound is answered with SERVFAIL once the store has been away for
// that long, kept answers too, and no other is; after the store's return it is
// served again.
func TestMaxStale(t *testing.T) {
	bounded := store.ZoneSpec{Name: name("bounded.example")}
	bounded.MaxStale = 1500 * time.Millisecond
	m := withMirror(t, func(r *rig) {
		r.replace(apps, 1, `a 60 IN TXT "one"`+"\n"+`to 60 IN CNAME a.bounded.example.`+"\n")
		r.replace(bounded, 1, `a 60 IN TXT "bounded"`+"\n")
	})
	if got, want := m.ask("a.bounded.example"), `NOERROR "bounded"`; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	generation := m.resolver.Generation()
	m.faulty.set(fails)
	away := time.Now()
	m.within(4*time.Second, "expiry", func() bool { return m.ask("a.bounded.example")[:8] == "SERVFAIL" })
	if took := time.Since(away); took < time.Second {
		t.Errorf("expired after %v, want 1.5 s less a poll at least", took)
	}
	m.expectExpired(t)
	if m.resolver.Generation() == generation {
		t.Error("answers that were kept before are good still")
	}
	if got, want := m.ask("a.apps.example"), `NOERROR "one"`; got != want {
		t.Errorf("a zone without a bound: got %q, want %q", got, want)
	}
	if got := m.ask("to.apps.example"); got[:8] != "SERVFAIL" {
		t.Errorf("an alias into the expired zone: got %q", got)
	}
	if s := m.replica.Status(); s.Expired != 1 {
		t.Errorf("status %+v", s)
	}
	// A start does not begin the time anew.
	m.restart()
	m.expectExpired(t)
	generation = m.resolver.Generation()
	m.faulty.set(nil)
	m.within(recovery, "the store's return", m.says("a.bounded.example", `NOERROR "bounded"`))
	m.within(recovery, "following", m.inState(replica.Following))
	if m.resolver.Generation() == generation {
		t.Error("a failure that was kept is good still")
	}
	// A bound that is taken away while the store is there does not come back.
	if _, err := m.store.SetZone(t.Context(), bounded.Name, func(z *store.ZoneSpec) error { z.MaxStale = 0; return nil }, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	m.setText("b.apps.example", "after")
	m.within(time.Second, "the change of the setting", m.says("b.apps.example", `NOERROR "after"`))
	m.faulty.set(fails)
	time.Sleep(2 * time.Second)
	if got, want := m.ask("a.bounded.example"), `NOERROR "bounded"`; got != want {
		t.Errorf("without its bound: got %q, want %q", got, want)
	}
}

// expectExpired looks at what an expired zone is answered with.
func (r *rig) expectExpired(t *testing.T) {
	t.Helper()
	var resp resolve.Response
	q := authority.Question{Name: name("a.bounded.example"), Type: rr.TypeTXT}
	r.worker.Resolve(q, resolve.Client{Addr: netip.MustParseAddr("127.0.0.1"), Transport: hostabi.TransportUDP}, &resp)
	if resp.Outcome != authority.OutcomeFailed || len(resp.Errors) != 1 || resp.Errors[0].Code != resolve.ErrorInvalidData || resp.Trace.Cacheable {
		t.Errorf("got outcome %v, errors %v, cacheable %v, want a failure with error 24 that is not kept", resp.Outcome, resp.Errors, resp.Trace.Cacheable)
	}
}
