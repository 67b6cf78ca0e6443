package main

import "testing"

// Who listens on all addresses is asked on a loopback one.
func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		":9153": "127.0.0.1:9153", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "[::1]:1", "192.0.2.1:1": "192.0.2.1:1", "ns1.example:1": "ns1.example:1",
	} {
		if got, err := reachable(listen); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", listen, got, err, want)
		}
	}
}
