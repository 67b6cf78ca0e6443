package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A mistyped variable is named with the one that may be meant; what is no mistake is not.
func TestUnknownVariables(t *testing.T) {
	got := unknownVariables([]string{
		"RESPONDER_STORE=memory:", "RESPONDER_CONTROL_LISTN=x", "RESPONDER_TLSCERT=y", "RESPONDER_FROBNICATE=1", "RESPONDER_=0", "RESPONDER_EMPTY=", "responder_store=z", "HOME=/",
		"RESPONDER_SERVICE_HOST=10.0.0.1", "RESPONDER_SERVICE_PORT_DNS=53", "RESPONDER_PORT=udp://10.0.0.1:53", "RESPONDER_PORT_53_UDP_ADDR=10.0.0.1",
	})
	want := []string{`"RESPONDER_"`, `"RESPONDER_CONTROL_LISTN" (RESPONDER_CONTROL_LISTEN?)`, `"RESPONDER_FROBNICATE"`, `"RESPONDER_TLSCERT" (RESPONDER_TLS_CERT?)`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if known := unknownVariables([]string{"RESPONDER_GUEST_MAX_FUEL=1", "RESPONDER_LOG_LEVEL=info"}); known != nil {
		t.Errorf("known ones are named: %v", known)
	}
}
