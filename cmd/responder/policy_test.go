package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/namelet/namelet/internal/frontend"
	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/rr"
)

// loopback is what is exempt by default.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestPolicy(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	health := rr.MustParseName("health.server.")
	for _, test := range []struct {
		name    string
		environ []string
		want    frontend.PolicyConfig
		err     string // part of the error
	}{
		{"default", nil, frontend.PolicyConfig{VersionBind: "Namelet", HealthName: health, Rate: rrl.Config{Rate: 200, PrefixRate: 1000, Slip: 2, Exempt: loopback}}, ""},
		{"names", []string{"RESPONDER_NSID=ns1", "RESPONDER_VERSION_BIND=off", "RESPONDER_ID_SERVER=hostname"},
			frontend.PolicyConfig{NSID: "ns1", IDServer: host, HealthName: health, Rate: rrl.Config{Rate: 200, PrefixRate: 1000, Slip: 2, Exempt: loopback}}, ""},
		{"limits", []string{"RESPONDER_RRL_RATE=5", "RESPONDER_RRL_PREFIX_RATE=0", "RESPONDER_RRL_SLIP=1", "RESPONDER_RRL_EXEMPT=none", "RESPONDER_ECS_FROM=192.0.2.1"},
			frontend.PolicyConfig{VersionBind: "Namelet", SubnetFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, Rate: rrl.Config{Rate: 5, Slip: 1}}, ""},
		{"bad network", []string{"RESPONDER_ECS_FROM=192.0.2.0/33"}, frontend.PolicyConfig{}, "RESPONDER_ECS_FROM"},
		{"bad exemption", []string{"RESPONDER_RRL_EXEMPT=all"}, frontend.PolicyConfig{}, "RESPONDER_RRL_EXEMPT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c config
			if err := c.load(test.environ); err != nil {
				t.Fatal(err)
			}
			got, err := c.policy()
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			test.want.HealthName = rr.MustParseName("health.server.") // the default
			if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCookieSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte("e5e973e5a6b2a43f48e7dc849e37bfcf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c config
	if err := c.load([]string{"RESPONDER_COOKIE_SECRET_FILE=" + path}); err != nil {
		t.Fatal(err)
	}
	jar, err := c.cookies()
	if err != nil {
		t.Fatal(err)
	}
	other, err := cookie.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	addr, now := netip.MustParseAddr("192.0.2.1"), time.Now().Unix()
	made := other.Append(nil, []byte("12345678"), cookie.Unknown, addr, now)[4:]
	if v := jar.Check(made, addr, now); v != cookie.Fresh {
		t.Errorf("the cookie of a server with the same file: got verdict %d, want %d", v, cookie.Fresh)
	}
}

func TestNoCookieSecretFile(t *testing.T) {
	var c config
	if err := c.load([]string{"RESPONDER_COOKIE_SECRET_FILE=/nonexistent"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.cookies(); err == nil || !strings.Contains(err.Error(), "RESPONDER_COOKIE_SECRET_FILE") {
		t.Errorf("got error %v, want one that names the variable", err)
	}
}
