package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// Whoever reads the log and stalls holds up neither answers, nor health, nor the end.
func TestLogThatNobodyReads(t *testing.T) {
	t.Parallel()
	environ, addresses := memoryServer(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("responder", "serve", "--query-log", "all", "--slow-answer", "1ns", "--cache-bytes", "0")
	cmd.Env, cmd.Stderr = append(os.Environ(), environ...), w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer func() { _ = cmd.Process.Kill() }()
	if err := awaitReady(addresses["RESPONDER_METRICS_LISTEN"]); err != nil {
		t.Fatal(err)
	}
	conn, err := dns.Dial("tcp", addresses["RESPONDER_LISTEN"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := &dns.Client{Net: "tcp"}
	for i := range 2000 { // with a line each, of which a pipe has room for some hundred
		if _, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion("www.example.", dns.TypeA), conn); err != nil {
			t.Fatalf("query %d: %v", i, err)
		}
	}
	if err := awaitReady(addresses["RESPONDER_METRICS_LISTEN"]); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
