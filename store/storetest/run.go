package storetest

import (
	"context"
	"testing"

	"github.com/namelet/namelet/store"
)

// Backend makes drivers.
type Backend struct {
	// New returns a driver over an empty store, which the test closes.
	New func(t *testing.T) store.Driver

	// Reopen returns a driver over the store of one that New or Reopen made and
	// that has been closed. Needed where the driver says that it is durable.
	Reopen func(t *testing.T, closed store.Driver) store.Driver
}

// suite is one test of a backend.
type suite struct {
	Backend
	durable bool
	skipped int
}

// Run runs all tests against a backend, each with a store of its own.
func Run(t *testing.T, b Backend) {
	probe := b.New(t)
	s := &suite{Backend: b, durable: probe.Capabilities().Durable}
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"driver/batch", testBatch},
		{"driver/view", testView},
		{"driver/log", testLog},
		{"zone/read back", testReadBack},
		{"zone/refusals", testRefusals},
		{"zone/settings", testSettings},
		{"zone/names", testNames},
		{"zone/set", testSetZone},
		{"change/read back", testChange},
		{"change/refusals", testChangeRefusals},
		{"change/no-op", testNoChange},
		{"change/serial", testSerial},
		{"change/serial styles", testSerialStyles},
		{"change/if version", testIfVersion},
		{"change/request id", testRequestID},
		{"change/signed", testSigned},
		{"replace/serial", testReplaceSerial},
		{"replace/by difference", testReplaceDiff},
		{"replace/whole", testReplaceWhole},
		{"replace/all or nothing", testReplaceAtomic},
		{"replace/reclaim", testReclaim},
		{"version/never restarts", testVersions},
		{"journal/replay", testReplay},
		{"journal/large entry", testLargeEntry},
		{"journal/trim", testTrim},
		{"events/none missed", testEvents},
		{"events/cursor", testCursor},
		{"events/watch", testWatch},
		{"isolation/readers", testIsolation},
		{"isolation/group", testGroup},
		{"isolation/two processes", testTwoStores},
		{"guest/versions", testGuests},
		{"guest/delete", testDeleteGuest},
		{"guest/kept", testKeptVersions},
		{"guest/many", testManyAttachments},
		{"guest/limit", testGuestLimit},
		{"attachment/rules", testAttachments},
		{"attachment/cascade", testCascade},
		{"attachment/rollout", testRollout},
		{"lease", testLease},
		{"damage/rows", testDamage},
		{"damage/verify", testVerify},
		{"backup/restore", testBackup},
		{"backup/refusals", testRestoreRefusals},
		{"durable/reopen", testReopen},
		{"durable/abandoned import", testAbandoned},
		{"replicas/read back", testReplicas},
		{"access/tokens", testTokens},
		{"access/audit", testAudit},
		{"close", testClose},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
	t.Logf("storetest: %d of %d tests skipped", s.skipped, len(tests))
}

// needDurable skips a test of what a driver does not claim.
func (s *suite) needDurable(t *testing.T) {
	if !s.durable {
		s.skipped++
		t.Skip("the driver does not keep anything over Close")
	}
}

// open makes a Store over an empty driver. The driver is given for tests that
// look under the Store, or open it again.
func (s *suite) open(t *testing.T, o store.Options) (*store.Store, store.Driver) {
	t.Helper()
	d := s.New(t)
	st, err := store.New(context.Background(), d, o)
	if err != nil {
		d.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st, d
}

func (s *suite) reopen(t *testing.T, st *store.Store, d store.Driver) (*store.Store, store.Driver) {
	t.Helper()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	d = s.Reopen(t, d)
	again, err := store.New(context.Background(), d, store.Options{})
	if err != nil {
		d.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again, d
}
