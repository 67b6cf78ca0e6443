package frontend

import (
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// run runs a client and returns what it prints.
func run(t *testing.T, debianPackage, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: apt-get install %s", err, debianPackage)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// kdig, of Knot DNS, asks by every transport.
func TestKdig(t *testing.T) {
	config := Config{TLS: TLSConfig{}}
	certificate(t, &config.TLS)
	config.TLS.Listen, config.TLS.HTTPSListen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	s := serve(t, config, example(t))
	trust := []string{"+tls-ca=" + config.TLS.CertFile, "+tls-hostname=" + serverName}
	for _, test := range []struct {
		name string
		addr netip.AddrPort
		args []string
		want []string
	}{
		{"UDP", s.Addrs()[0], nil, []string{"(UDP)"}},
		{"TCP", s.Addrs()[0], []string{"+tcp"}, []string{"(TCP)"}},
		{"TLS", s.TLSAddrs()[0], append(trust, "+tls"), []string{"TLS session (TLS1.3)", "status: NOERROR"}},
		{"TLS, padded", s.TLSAddrs()[0], append(trust, "+tls", "+padding=128"), []string{"PADDING", "Received 468 B"}},
		{"HTTPS by POST", s.HTTPSAddrs()[0], append(trust, "+https"), []string{"HTTP/2-POST", "status: NOERROR"}},
		{"HTTPS by GET", s.HTTPSAddrs()[0], append(trust, "+https", "+https-get"), []string{"HTTP/2-GET", "status: NOERROR"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"@127.0.0.1", "-p", strconv.Itoa(int(test.addr.Port())), "+retry=0"}, test.args...)
			out := run(t, "knot-dnsutils", "kdig", append(args, "www.example", "A")...)
			for _, want := range append(test.want, "www.example.        \t60\tIN\tA\t127.0.0.1") {
				if !strings.Contains(out, want) {
					t.Errorf("want %q in\n%s", want, out)
				}
			}
		})
	}
}

// curl speaks HTTP/2 and 1.1 by itself, and reads the JSON form.
func TestCurl(t *testing.T) {
	config := Config{TLS: TLSConfig{}}
	certificate(t, &config.TLS)
	config.TLS.HTTPSListen = []string{"127.0.0.1:0"}
	s := serve(t, config, example(t))
	for _, version := range []string{"--http2", "--http1.1"} {
		out := run(t, "curl", "curl", "-sS", version, "--cacert", config.TLS.CertFile, "-w", "%{http_code} %{content_type}",
			dohURL(s, "name=www.example&type="+strconv.Itoa(int(dns.TypeA))))
		want := `{"Status":0,"TC":false,"RD":false,"RA":false,"AD":false,"CD":false,"AA":true,"Question":[{"name":"www.example.","type":1}],` +
			`"Answer":[{"name":"www.example.","type":1,"TTL":60,"data":"127.0.0.1"}]}` + "\n200 application/dns-json"
		if out != want {
			t.Errorf("%s: got %s, want %s", version, out, want)
		}
	}
	out := run(t, "curl", "curl", "-sS", "-X", "DELETE", "--cacert", config.TLS.CertFile, "-o", "/dev/null", "-w", "%{http_code}", dohURL(s, "name=a"))
	if out != "405" {
		t.Errorf("DELETE: got %s, want 405", out)
	}
}
