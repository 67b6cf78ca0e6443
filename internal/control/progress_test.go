package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/control"
)

// A large import through a server tells how far it is, in the order of its phases,
// and comes to what one in this process comes to.
func TestImportProgress(t *testing.T) {
	var text strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&text, "h%d 60 A 192.0.2.1\n", i)
	}
	const zone = "large.example."
	sets := zoneSets(t, zone, text.String())
	client, _ := newClient(t, control.Endpoint{}, "")
	var came []control.ImportProgress
	z, err := client.ImportZoneWatched(t.Context(), control.ZoneImport{Zone: zone}, sets, func(p control.ImportProgress) { came = append(came, p) })
	if err != nil || z.RRsets != uint64(len(sets)) {
		t.Fatalf("zone %+v, %v", z, err)
	}
	done := map[control.ImportPhase]int{}
	for i, p := range came {
		if p.Done <= done[p.Phase] || p.Done > p.Total || p.Total != len(sets) || i > 0 && came[i-1].Phase > p.Phase {
			t.Fatalf("step %d is %+v after %v", i, p, done)
		}
		done[p.Phase] = p.Done
	}
	if len(came) == 0 || came[0].Phase != control.ImportSending {
		t.Errorf("no progress in sending %d sets: %v", len(sets), came)
	}
	// The server speaks every 200 ms only, and may be done before.
	local := newService(t)
	stored := 0
	begun := time.Now()
	if _, err := local.ImportZoneWatched(t.Context(), control.ZoneImport{Zone: zone}, sets, func(p control.ImportProgress) { stored = p.Done }); err != nil || stored != len(sets) {
		t.Errorf("%d of %d sets were said to be stored in %v, %v", stored, len(sets), time.Since(begun), err)
	}
}
