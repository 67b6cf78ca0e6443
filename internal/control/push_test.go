package control_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/trial"
)

// TestPushSent holds that a client tells of the whole body, scenarios and module, and that the problem has the report.
func TestPushSent(t *testing.T) {
	client, _ := newClient(t, control.Endpoint{}, "")
	module := make([]byte, 100_000)
	said, all := 0, 0
	q := control.GuestPush{
		Guest:     "g",
		Scenarios: []trial.Scenario{{Name: "s"}},
		Sent:      func(done, total int) { said, all = done, total },
	}
	_, err := client.PushGuest(t.Context(), q, module)
	var failed *control.Error
	if !errors.As(err, &failed) || failed.Code != control.CodeModule || failed.Report == nil || failed.Report.Size != len(module) || !failed.Report.Failed() {
		t.Errorf("got %v, with %+v", err, failed)
	}
	if said != all || all <= len(module) {
		t.Errorf("%d of %d bytes are told of", said, all)
	}
}

// TestPushTold holds that what fails in the middle of a sequence is the same error as without one, with the report.
func TestPushTold(t *testing.T) {
	client, _ := newClient(t, control.Endpoint{}, "")
	var phases []control.PushPhase
	_, err := client.PushGuest(t.Context(), control.GuestPush{Guest: "g", Told: func(p control.PushPhase) { phases = append(phases, p) }}, make([]byte, 100))
	_, plain := client.PushGuest(t.Context(), control.GuestPush{Guest: "g"}, make([]byte, 100))
	var failed *control.Error
	if !errors.As(err, &failed) || failed.Code != control.CodeModule || failed.Report == nil || plain == nil || err.Error() != plain.Error() {
		t.Errorf("got %v, want %v", err, plain)
	}
	if !slices.Equal(phases, []control.PushPhase{control.PushWaiting, control.PushInspecting}) {
		t.Errorf("got phases %v", phases)
	}
}
