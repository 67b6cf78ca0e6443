package replica_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// A signed zone that comes again with a small difference is followed by the
// journal, signatures and all.
func TestFollowsSignedZone(t *testing.T) {
	spec := store.ZoneSpec{Name: name("signed.example")}
	first := signedZone(t, "1", "192.0.2.1", "SSSS")
	r := start(t, func(r *rig) {
		if _, err := r.store.ReplaceZone(t.Context(), spec, all(first), store.ReplaceOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	second := signedZone(t, "2", "192.0.2.2", "TTTT")
	if _, err := r.store.ReplaceZone(t.Context(), spec, all(second), store.ReplaceOptions{}); err != nil {
		t.Fatal(err)
	}
	served := func() *authority.Snapshot { return r.resolver.Routing().Zones().Get(spec.Name).Snapshot }
	for deadline := time.Now().Add(time.Second); served().Serial() != 2 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	want, err := authority.Build(spec.Name, served().Version(), slices.Values(second))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(want), lines(served())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !served().Signed() {
		t.Error("the zone is not served as a signed one")
	}
}

func lines(s *authority.Snapshot) (all []string) {
	for set := range s.All() {
		for _, data := range set.Data {
			all = append(all, set.String()+" "+zonefile.FormatRdata(set.Type, data))
		}
	}
	return all
}

// signedZone is a zone with the records that a signer adds; nobody checks what
// the signatures say.
func signedZone(t *testing.T, serial, address, signature string) []rr.Set {
	const rrsig = " 8 2 60 20300101000000 20200101000000 1 signed.example. "
	text := "@ 60 IN SOA ns host " + serial + " 2 3 4 60\n@ 60 IN NS ns\n@ 60 IN DNSKEY 256 3 8 AAAA\n@ 60 IN NSEC ns NS SOA RRSIG NSEC DNSKEY\n"
	for _, covered := range []string{"SOA", "NS", "DNSKEY", "NSEC"} {
		text += "@ 60 IN RRSIG " + covered + rrsig + signature + "\n"
	}
	text += "ns 60 IN A " + address + "\nns 60 IN NSEC @ A RRSIG NSEC\n" +
		"ns 60 IN RRSIG A" + rrsig + signature + "\nns 60 IN RRSIG NSEC" + rrsig + "SAME\n"
	return parseZone(t, "signed.example", text)
}
