package replica_test

import (
	"net/netip"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/sdk/sdktest"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// appsRig serves guests/apps as its README has it, with its own zones, and a
// static zone whose answer for the same name is the one that the guest decides.
func appsRig(t testing.TB) *rig {
	return start(t, func(r *rig) {
		for _, z := range []store.ZoneSpec{{Name: name("apps.example")}, {Name: name("routes.internal"), Private: true}} {
			path := "../../guests/apps/testdata/" + z.Name.String() + "zone"
			sets, err := zonefile.ParseFile(path, z.Name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.store.ReplaceZone(t.Context(), z, all(sets), store.ReplaceOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		r.replace(store.ZoneSpec{Name: name("apps.static")}, 1, "shop 60 IN A 192.0.2.7\n")
		if _, err := r.store.PutGuest(t.Context(), "apps", sdktest.BuildGo(t, "../../guests/apps")); err != nil {
			t.Fatal(err)
		}
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "apps", Grants: []rr.Name{name("routes.internal")}})
	})
}

var cases = []struct{ name, qname string }{
	{"static", "shop.apps.static"},
	{"guest", "shop.apps.example"},
}

// BenchmarkResolve compares an answer that guests/apps decides, two lookups among
// it, with a static one.
func BenchmarkResolve(b *testing.B) {
	r := appsRig(b)
	client := resolve.Client{Addr: netip.MustParseAddr("192.0.2.200"), Transport: hostabi.TransportUDP}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			q := authority.Question{Name: name(c.qname), Type: rr.TypeA}
			var resp resolve.Response
			b.ReportAllocs()
			for b.Loop() {
				r.worker.Resolve(q, client, &resp)
			}
			if len(resp.Answer.Answer) == 0 || len(resp.Errors) > 0 {
				b.Fatalf("no answer: %+v", resp)
			}
		})
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	r := appsRig(t)
	client := resolve.Client{Addr: netip.MustParseAddr("192.0.2.200"), Transport: hostabi.TransportUDP}
	for _, c := range cases {
		q := authority.Question{Name: name(c.qname), Type: rr.TypeA}
		var resp resolve.Response
		if n := testing.AllocsPerRun(100, func() { r.worker.Resolve(q, client, &resp) }); n != 0 {
			t.Errorf("%s: got %v allocations a question, want 0", c.name, n)
		}
		if len(resp.Answer.Answer) == 0 || len(resp.Errors) > 0 {
			t.Errorf("%s: no answer: %+v", c.name, resp)
		}
	}
}

// A Go guest that allocates a lot collects its garbage in the time it is given
// between questions: no query pays for it.
func TestAllocatingGuestIsGivenTime(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, "a 60 IN TXT \"static\"\n")
		if _, err := r.store.PutGuest(t.Context(), "garbage", sdktest.BuildGo(t, "testdata/garbage")); err != nil {
			t.Fatal(err)
		}
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "garbage"})
	})
	for i := range 3000 {
		if got, want := r.ask("a.apps.example"), `NOERROR "fresh"`; got != want {
			t.Fatalf("question %d: got %q, want %q", i, got, want)
		}
		r.worker.Idle()
	}
	if faults := r.attachment().Stats.Totals().Faults; faults["fuel"]+faults["memory"]+faults["trap"] != 0 {
		t.Errorf("faults: %v", faults)
	}
}
