package control_test

import (
	"errors"
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
