package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The addresses of the configurations below deploy/loadbalancer, and who has them here. The servers see each balancer
// by an address of its own, so that one of them can be named as a proxy and the other not.
const (
	publicAddress = "198.51.100.53:53"
	balancerInner = "192.0.2.10"
	dnsdistInner  = "127.53.0.1"
	nginxInner    = "127.53.0.2"
)

// What deploy/loadbalancer/dnsdist.conf has, and what the servers have for it.
const (
	checkInterval = time.Second
	checkTimeout  = 500 * time.Millisecond
	noticed       = checkInterval + checkTimeout // at the latest it knows then how a server is
	drainTime     = noticed + time.Second
)

// balancerRig is three servers over one emulator, with load balancers before them.
type balancerRig struct {
	*replicaRig
	dnsdist, nginx string // where clients ask
	log            string // of nginx
	long           bool
	down           []downtime
	full           int // messages that the kernel dropped under load, since whoever they were for had not read what was there before
}

// downtime is when a server could not answer.
type downtime struct {
	server   string
	from, to time.Time
}

// TestLoadBalancers runs servers behind dnsdist, which checks them by DNS and names their clients by PROXY v2, and behind
// nginx, which does neither, with the configurations that are in deploy/loadbalancer. NAMELET_BALANCERS_RATE is a number
// of queries a second to each, 2,000 by default, and has a server fall silent too: `NAMELET_BALANCERS_RATE=10000 go test ./integration -run TestLoadBalancers -v -timeout 10m`.
func TestLoadBalancers(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("balancers need addresses of their own in 127.0.0.0/8")
	}
	load := replicaLoad{names: 1000, queries: 2000}
	text := os.Getenv("NAMELET_BALANCERS_RATE")
	if text != "" {
		if _, err := fmt.Sscan(text, &load.queries); err != nil || load.queries < 1 {
			t.Fatalf("NAMELET_BALANCERS_RATE: %q: want a number of queries a second", text)
		}
	}
	r := &balancerRig{long: text != "", replicaRig: newReplicaRig(t, load)}
	r.more = append(r.more, "RESPONDER_PROXY_FROM="+dnsdistInner, "RESPONDER_DRAIN="+drainTime.String())
	for range 3 {
		r.servers = append(r.servers, r.newServer())
	}
	for _, s := range r.servers {
		r.serve(s)
	}
	t.Cleanup(func() {
		for _, s := range r.servers {
			s.kill() // they would drain one after the other
		}
	})
	r.attachWhoami()
	r.startDnsdist()
	r.startNginx()

	r.expectClients()
	r.expectRefused()
	if r.long { // one at a time, so that each gets the whole rate
		r.underLoad(r.dnsdist)
		r.underLoad(r.nginx)
		return
	}
	r.underLoad(r.dnsdist, r.nginx)
}

// configure fills in a configuration of deploy/loadbalancer, and writes it to a file. Each pair of words has to be there.
func (r *balancerRig) configure(name, inner string, words ...string) string {
	r.Helper()
	config, err := os.ReadFile(filepath.Join("../deploy/loadbalancer", name))
	if err != nil {
		r.Fatal(err)
	}
	words = append(words, `"`+balancerInner+`"`, `"`+inner+`"`, "proxy_bind "+balancerInner, "proxy_bind "+inner)
	for i, s := range r.servers {
		words = append(words, fmt.Sprintf("192.0.2.%d:53", 11+i), s.dns)
	}
	file := filepath.Join(r.TempDir(), name)
	if err := os.WriteFile(file, []byte(strings.NewReplacer(words...).Replace(string(config))), 0o600); err != nil {
		r.Fatal(err)
	}
	return file
}

func (r *balancerRig) startDnsdist() {
	r.Helper()
	r.dnsdist = freePorts(r, 1)[0]
	config := r.configure("dnsdist.conf", dnsdistInner, publicAddress, r.dnsdist)
	start(r, command(r, "dnsdist", "dnsdist"), "-C", config, "--supervised", "--disable-syslog")
	awaitServer(r, r.dnsdist, appsApex+".")
	time.Sleep(noticed) // until it has checked all of them
}

func (r *balancerRig) startNginx() {
	r.Helper()
	program := command(r, "nginx", "nginx libnginx-mod-stream")
	const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
	if _, err := os.Stat(module); err != nil {
		r.Fatalf("%v: apt-get install -y --no-install-recommends libnginx-mod-stream", err)
	}
	r.nginx = freePorts(r, 1)[0]
	dir := r.TempDir()
	r.log = filepath.Join(dir, "queries.log")
	config := r.configure("nginx.conf", nginxInner, publicAddress, r.nginx, "/run/nginx.pid", filepath.Join(dir, "pid"),
		"/var/log/nginx/error.log", filepath.Join(dir, "error.log"), "/var/log/nginx/queries.log", r.log)
	start(r, program, "-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log"), "-g", "daemon off;")
	awaitServer(r, r.nginx, appsApex+".")
}

// attachWhoami has the servers tell clients where they seem to be.
func (r *balancerRig) attachWhoami() {
	r.Helper()
	wasm := filepath.Join(r.TempDir(), "whoami.wasm")
	for _, args := range [][]string{{"build", "../guests/whoami", "-o", wasm}, {"push", "whoami", wasm}, {"attach", "whoami." + appsApex, "whoami"}} {
		r.run(r.servers[0], append([]string{"guest"}, args...)...)
	}
	for _, s := range r.servers {
		deadline := time.Now().Add(10 * time.Second)
		for seenAs(s.dns, "udp", "127.0.0.1") != "127.0.0.0/24" {
			if time.Now().After(deadline) {
				r.Fatalf("server %s does not tell who asks: %s", s.dns, seenAs(s.dns, "udp", "127.0.0.1"))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// seenAs asks from an address where a client seems to be.
func seenAs(server, network, from string) string {
	client := dns.Client{Net: network, Timeout: 2 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
	if network == "tcp" {
		client.Dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion("whoami."+appsApex+".", dns.TypeTXT), server)
	switch {
	case err != nil:
		return err.Error()
	case len(reply.Answer) != 1:
		return dns.RcodeToString[reply.Rcode]
	}
	return strings.Join(reply.Answer[0].(*dns.TXT).Txt, " ")
}

// expectClients wants clients known by their own addresses behind dnsdist, and by that of nginx behind it.
func (r *balancerRig) expectClients() {
	r.Helper()
	for i := range 30 { // so that each server is asked
		for _, network := range []string{"udp", "tcp"} {
			from := fmt.Sprintf("127.%d.7.9", 60+i)
			if got, want := seenAs(r.dnsdist, network, from), fmt.Sprintf("127.%d.7.0/24", 60+i); got != want {
				r.Errorf("%s through dnsdist by %s: seen as %s, want %s", from, network, got, want)
			}
			if got, want := seenAs(r.nginx, network, from), "127.53.0.0/24"; got != want {
				r.Errorf("%s through nginx by %s: seen as %s, want that of nginx, %s", from, network, got, want)
			}
		}
	}
}

// expectRefused wants no answer where a header comes from who is no named proxy, or none comes from one who is.
func (r *balancerRig) expectRefused() {
	r.Helper()
	query, err := new(dns.Msg).SetQuestion("n1."+appsApex+".", dns.TypeA).Pack()
	if err != nil {
		r.Fatal(err)
	}
	header := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x12\x00\x0c"), 198, 51, 100, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 53)
	proxied := append(header, query...)
	server := r.servers[0].dns
	const never = 300 * time.Millisecond
	if n := answerTo(r, server, dnsdistInner, proxied, 5*time.Second); n == 0 {
		r.Errorf("a header from a named proxy gets no answer")
	}
	const ignored = `responder_messages_ignored_total{reason="proxy",transport="udp"}`
	before := r.metric(r.servers[0], ignored)
	for _, from := range []string{nginxInner, "127.0.0.1"} {
		if n := answerTo(r, server, from, proxied, never); n != 0 {
			r.Errorf("a header from %s, which is no named proxy, gets %d octets", from, n)
		}
	}
	if n := answerTo(r, server, dnsdistInner, query, never); n != 0 {
		r.Errorf("a query without a header from a named proxy gets %d octets", n)
	}
	grown := func() float64 { return r.metric(r.servers[0], ignored) - before }
	for deadline := time.Now().Add(5 * time.Second); grown() < 3 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	if got := grown(); got != 3 {
		r.Errorf("%s grew by %g, want 3", ignored, got)
	}
}

// answerTo sends a datagram, and returns how many octets come back within some time.
func answerTo(t testing.TB, server, from string, datagram []byte, within time.Duration) int {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(datagram); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	n, _ := conn.Read(make([]byte, 1500))
	return n
}

// underLoad restarts all servers one after the other, then kills one, while balancers are asked by the clock.
func (r *balancerRig) underLoad(balancers ...string) {
	r.Helper()
	begun, full := time.Now(), fullQueues(r)
	askers := map[string]*asker{}
	for _, balancer := range balancers {
		askers[balancer] = newAsker(r.T, balancer, r.load, func([]byte) bool { return true })
	}
	time.Sleep(time.Second)
	for _, s := range r.servers {
		r.restart(s, s.stop, drainTime)
	}
	r.expectAsked()
	killed := time.Now()
	victim := r.servers[0]
	r.restart(victim, func() {
		victim.kill()
		time.Sleep(noticed)
	}, 0)
	dead := []time.Time{killed}
	if r.long {
		dead = append(dead, time.Now())
		silent := r.servers[1]
		r.restart(silent, func() {
			if err := silent.process.Signal(syscall.SIGSTOP); err != nil { // as a host without power: no port says that it is closed
				r.Fatal(err)
			}
			time.Sleep(noticed)
			silent.kill()
		}, 0)
	}
	var ends sync.WaitGroup
	for _, a := range askers {
		ends.Go(a.finish)
	}
	ends.Wait()
	if !r.long { // which shares its machine with other tests: what the kernel has no room for says nothing of anybody
		r.full = fullQueues(r) - full
	}
	if a := askers[r.dnsdist]; a != nil {
		r.expectLosses(a, dead...)
	}
	if a := askers[r.nginx]; a != nil {
		r.expectLogged(a, begun)
	}
}

// fullQueues is how many datagrams the kernel has dropped on this machine for want of room in a socket's queue.
func fullQueues(t testing.TB) (count int) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		values, ok := strings.CutPrefix(line, "Udp: ")
		switch i := slices.Index(names, "RcvbufErrors"); {
		case !ok:
		case names == nil:
			names = strings.Fields(values)
		case i < 0:
			t.Fatalf("/proc/net/snmp has no RcvbufErrors: %s", names)
		default:
			_, err = fmt.Sscan(strings.Fields(values)[i], &count)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// expectAsked wants each server to be asked again, now that all were restarted.
func (r *balancerRig) expectAsked() {
	r.Helper()
	want := float64(r.load.queries) / 10
	for _, s := range r.servers {
		deadline := time.Now().Add(5 * time.Second)
		for answered := r.answered(s); answered < want; answered = r.answered(s) {
			if time.Now().After(deadline) {
				r.Fatalf("server %s answered %g queries since it was started, want %g: the balancers do not ask it", s.dns, answered, want)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// answered is how many queries a server has answered with NOERROR since it was started.
func (r *balancerRig) answered(s *replicaServer) (count float64) {
	r.Helper()
	for series, value := range r.metrics(s) {
		if strings.HasPrefix(series, "responder_queries_total{") && strings.Contains(series, `rcode="NOERROR"`) {
			count += value
		}
	}
	return count
}

// restart ends a server, which answers on for some time, and starts it again, and waits until balancers know.
func (r *balancerRig) restart(s *replicaServer, end func(), drain time.Duration) {
	r.Helper()
	from := time.Now().Add(drain)
	end()
	ended := time.Now()
	r.serve(s)
	r.Logf("server %s ended in %v, and served again %v later", s.dns, ended.Sub(from.Add(-drain)).Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
	r.down = append(r.down, downtime{s.dns, from, time.Now()})
	time.Sleep(noticed + checkInterval/5)
}

// expectLosses wants every query answered that went through dnsdist, but those that it sent to a server that had just
// been killed, or did not say anything more, until its next check had failed.
func (r *balancerRig) expectLosses(a *asker, dead ...time.Time) {
	r.Helper()
	sent, lost, failed, slowest := a.result()
	r.Logf("dnsdist: %d queries, slowest %v, %d lost", sent, slowest.Round(time.Microsecond), lost)
	way := max(slowest, 10*time.Millisecond) // so long a query may have been on its way when the server died, or a check late
	for _, death := range dead {
		count, last := 0, time.Duration(0)
		a.lost = slices.DeleteFunc(a.lost, func(at int64) bool {
			after := time.Unix(0, at).Sub(death)
			if after < -way || after > noticed+way {
				return false
			}
			count, last = count+1, max(last, after)
			return true
		})
		r.Logf("dnsdist: a dead server cost %d queries, the last was sent %v after its death", count, last.Round(time.Millisecond))
	}
	if len(a.lost) > r.full || failed > 0 {
		for _, at := range a.lost[:min(len(a.lost), 20)] {
			r.Logf("lost: a query of %s", time.Unix(0, at).Format("15:04:05.000"))
		}
		r.Errorf("dnsdist: %d of %d queries were lost beside those of dead servers, and %d failed; want none, but %d for full queues", len(a.lost), sent, failed, r.full)
	}
}

// expectLogged wants every query answered that nginx sent to a server that was not down.
func (r *balancerRig) expectLogged(a *asker, begun time.Time) {
	r.Helper()
	sent, lost, failed, slowest := a.result()
	log, err := os.Open(r.log)
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	answered, unanswered, unheeded := 0, 0, 0
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var at float64
		var server, status string
		var out, in int
		line := strings.ReplaceAll(lines.Text(), ", ", ",") // several servers were tried
		if _, err := fmt.Sscan(line, &at, &server, &out, &in, &status); err != nil {
			r.Fatalf("%s: %q: %v", r.log, line, err)
		}
		ended := time.UnixMilli(int64(at * 1000))
		switch {
		case ended.Before(begun):
		case in > 0:
			answered++
		default:
			unanswered++
			if !r.wasDown(server, ended, slowest) {
				unheeded++
				r.Logf("nginx: a query to server %s, which was up, was not answered: %s", server, line)
			}
		}
	}
	r.Logf("nginx: %d queries, slowest %v; %d not answered, %d of which met a server that was up", sent, slowest.Round(time.Microsecond), unanswered, unheeded)
	dropped := lost - unanswered // between the client and nginx, either way
	if dropped < 0 || answered < sent-lost || dropped+unheeded > r.full || failed > 0 {
		r.Errorf("nginx: of %d queries %d were answered, of which %d reached the client, which saw %d failed; want all, but %d for full queues",
			sent, answered, sent-lost, failed, r.full)
	}
}

// wasDown reports whether a server was down when nginx gave up a query, or up to a second before, which it waits. How late
// it can be is what the slowest answer took.
func (r *balancerRig) wasDown(server string, at time.Time, late time.Duration) bool {
	for _, d := range r.down {
		if d.server == server && at.After(d.from.Add(-5*time.Millisecond)) && at.Before(d.to.Add(time.Second+late)) {
			return true
		}
	}
	return false
}
