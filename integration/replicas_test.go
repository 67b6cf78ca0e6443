package integration

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/faultproxy"
	"github.com/namelet/namelet/store/spanner"
	"github.com/namelet/namelet/store/spanner/emulator"
)

// The load of TestReplicas. NAMELET_REPLICAS_SECONDS makes it a long one, with the rates that a large
// installation has: `NAMELET_REPLICAS_SECONDS=60 go test ./integration -run TestReplicas -v -timeout 20m`.
type replicaLoad struct {
	phase         time.Duration
	names         int
	queries       int // a second, to each server
	transactions  int // a second
	atOnce        int // changes of a transaction
	commitSeconds float64
}

func loadOfReplicas(t *testing.T) replicaLoad {
	text := os.Getenv("NAMELET_REPLICAS_SECONDS")
	if text == "" {
		return replicaLoad{phase: 3 * time.Second, names: 1000, queries: 300, transactions: 4, atOnce: 10, commitSeconds: 5}
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		t.Fatalf("NAMELET_REPLICAS_SECONDS: %q: want a number of seconds", text)
	}
	return replicaLoad{phase: time.Duration(seconds) * time.Second, names: 20_000, queries: 5000, transactions: 20, atOnce: 10, commitSeconds: 1}
}

const appsApex = "apps.example"

// replicaRig is three servers over one emulator, of which each is asked all the time.
type replicaRig struct {
	*testing.T
	load     replicaLoad
	program  string
	spanner  *emulator.Server
	store    string            // as in RESPONDER_STORE
	way      *faultproxy.Proxy // to the store
	servers  []*replicaServer
	more     []string          // of the servers' configuration
	want     map[string]string // what has been acknowledged: name to address
	commits  []time.Duration
	changing context.CancelFunc
	changed  chan struct{}
}

type replicaServer struct {
	dns, control, metrics, mirror string
	process                       *os.Process
	stop                          func()
	asker                         *asker
}

// newReplicaRig makes the zone in a database of its own. There are no servers yet.
func newReplicaRig(t *testing.T, load replicaLoad) *replicaRig {
	t.Helper()
	r := &replicaRig{T: t, load: load, program: responder(t), spanner: emulator.Start(t), want: map[string]string{}}
	if r.spanner.Host == "" {
		t.Skip("a real instance is shared with others, and is not taken away")
	}
	r.store = "spanner:" + r.spanner.Database(t)
	var err error
	if r.way, err = faultproxy.New(r.spanner.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.way.Close() })
	r.importZone()
	return r
}

func TestReplicas(t *testing.T) {
	r := newReplicaRig(t, loadOfReplicas(t))
	first, second := r.spanner, emulator.Start(t)
	for range 4 {
		r.servers = append(r.servers, r.newServer())
	}
	for _, s := range r.servers {
		r.serve(s)
	}
	for _, s := range r.servers[:3] {
		s.asker = newAsker(t, s.dns, r.load, func([]byte) bool { return true })
	}

	r.change()
	time.Sleep(r.load.phase)
	r.settle()
	r.sayCommits()
	r.expectAll("with the store at hand")
	for _, s := range r.servers[:3] {
		r.expectCommitToServed(s)
	}

	r.expectNames(r.servers[3], "before it is stopped")
	r.servers[3].stop() // it has a mirror now

	r.Log("the store is frozen")
	first.Freeze(t)
	time.Sleep(r.load.phase / 2)
	begun := time.Now()
	r.serve(r.servers[3])
	r.Logf("a server started from its mirror in %v", time.Since(begun).Round(time.Millisecond))
	r.expectNames(r.servers[3], "from the mirror")
	time.Sleep(r.load.phase / 2)
	r.expectState(r.servers[0], "away", 5*time.Second)
	first.Thaw(t)
	r.catchUp()

	r.Log("the store is empty")
	if _, err := spanner.Migrate(t.Context(), strings.TrimPrefix(r.store, "spanner:"), spanner.MigrateOptions{Endpoint: second.Host, Create: true}); err != nil {
		t.Fatal(err)
	}
	r.way.Lead(second.Host)
	for _, s := range r.servers {
		r.expectState(s, "refused", 15*time.Second)
	}
	r.expectAll("with an empty store")
	r.way.Lead(first.Host)
	for _, s := range r.servers {
		r.expectState(s, "following", 15*time.Second)
	}
	r.catchUp()

	for i, s := range r.servers[:3] {
		sent, lost, failed, slowest := s.asker.end()
		r.Logf("server %d: %d queries, %d not answered, %d failed, slowest %v", i+1, sent, lost, failed, slowest.Round(time.Microsecond))
		if lost > 0 || failed > 0 {
			r.Errorf("server %d: %d of %d queries were not answered, and %d with an error; want all", i+1, lost, sent, failed)
		}
	}
}

// environment is the configuration of a server, and of commands.
func (r *replicaRig) environment(s *replicaServer) []string {
	env := append(os.Environ(), "SPANNER_EMULATOR_HOST="+r.way.Addr(), "RESPONDER_STORE="+r.store)
	if s != nil {
		env = append(env, "RESPONDER_LISTEN="+s.dns, "RESPONDER_CONTROL_LISTEN="+s.control, "RESPONDER_METRICS_LISTEN="+s.metrics,
			"RESPONDER_MIRROR="+s.mirror, "RESPONDER_RRL_RATE=0", "RESPONDER_RRL_PREFIX_RATE=0")
	}
	return append(env, r.more...)
}

func (r *replicaRig) importZone() {
	r.Helper()
	file := filepath.Join(r.TempDir(), "zone")
	var b strings.Builder
	fmt.Fprintf(&b, "@ 300 SOA ns1 host 1 3600 600 86400 60\n@ 300 NS ns1\nns1 300 A 192.0.2.53\n")
	for i := range r.load.names {
		address := fmt.Sprintf("10.0.%d.%d", i>>8, i&255)
		fmt.Fprintf(&b, "n%d 60 A %s\n", i, address)
		r.want[fmt.Sprintf("n%d", i)] = address
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		r.Fatal(err)
	}
	r.run(nil, "zone", "import", "--origin", appsApex, file)
}

// run runs a command on one server, or on the store where that is nil, and returns what it said.
func (r *replicaRig) run(s *replicaServer, args ...string) string {
	r.Helper()
	cmd := exec.Command(r.program, args...)
	cmd.Env = r.environment(s)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r *replicaRig) newServer() *replicaServer {
	ports := freePorts(r, 3)
	return &replicaServer{dns: ports[0], control: ports[1], metrics: ports[2], mirror: filepath.Join(r.TempDir(), "mirror.db")}
}

func (r *replicaRig) serve(s *replicaServer) {
	r.Helper()
	cmd := exec.Command(r.program, "serve")
	cmd.Env = r.environment(s)
	s.stop = startCommand(r, cmd)
	s.process = cmd.Process
	awaitServer(r, s.dns, appsApex+".")
}

// change has records changed until settle, through the first server.
func (r *replicaRig) change() {
	ctx, cancel := context.WithCancel(context.Background())
	r.changing, r.changed = cancel, make(chan struct{})
	client := control.NewClient(r.servers[0].control, "")
	go func() {
		defer close(r.changed)
		defer client.Close()
		ticks := time.NewTicker(time.Second / time.Duration(r.load.transactions))
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				r.commit(client)
			}
		}
	}()
}

// commit changes some names in one transaction.
func (r *replicaRig) commit(client *control.Client) {
	request := control.RecordApply{Zone: appsApex}
	addresses := map[string]string{}
	for len(addresses) < r.load.atOnce {
		name := fmt.Sprintf("n%d", rand.IntN(r.load.names))
		addresses[name] = fmt.Sprintf("10.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), rand.IntN(250))
	}
	for name, address := range addresses {
		request.Changes = append(request.Changes, control.RecordChange{Set: &control.RecordSet{Name: name, Type: "A", TTL: 60, Data: []string{address}}})
	}
	begun := time.Now()
	if _, err := client.ApplyRecords(context.Background(), request); err != nil {
		r.Errorf("a change was refused: %v", err)
		return
	}
	r.commits = append(r.commits, time.Since(begun))
	for name, address := range addresses {
		r.want[name] = address
	}
}

// settle ends the changes.
func (r *replicaRig) settle() {
	r.changing()
	<-r.changed
}

// sayCommits logs how long transactions took: that is the emulator, mostly.
func (r *replicaRig) sayCommits() {
	slices.Sort(r.commits)
	n := len(r.commits)
	if n == 0 {
		r.Fatal("nothing was changed")
	}
	r.Logf("%d transactions of %d changes, median %v, p99 %v", n, r.load.atOnce,
		r.commits[n/2].Round(time.Microsecond), r.commits[n*99/100].Round(time.Microsecond))
}

// expectAll waits two seconds at most for every server to have what was acknowledged.
func (r *replicaRig) expectAll(when string) {
	r.Helper()
	for _, s := range r.servers[:3] {
		r.expectNames(s, when)
	}
}

func (r *replicaRig) expectNames(s *replicaServer, when string) {
	r.Helper()
	deadline := time.Now().Add(2 * time.Second)
	client := dns.Client{Timeout: time.Second}
	conn, err := client.Dial(s.dns)
	if err != nil {
		r.Fatal(err)
	}
	defer conn.Close()
	for name, want := range r.want {
		for {
			got := addressOf(&client, conn, name)
			if got == want {
				break
			}
			if time.Now().After(deadline) {
				r.Fatalf("%s: server %s says %s for %s, want %s", when, s.dns, got, name, want)
			}
			time.Sleep(5 * time.Millisecond)
		}
		deadline = deadline.Add(10 * time.Millisecond) // the asking itself takes time
	}
}

func addressOf(client *dns.Client, conn *dns.Conn, name string) string {
	reply, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(name+"."+appsApex+".", dns.TypeA), conn)
	switch {
	case err != nil:
		return err.Error()
	case len(reply.Answer) != 1:
		return dns.RcodeToString[reply.Rcode]
	}
	return reply.Answer[0].(*dns.A).A.String()
}

// catchUp changes a name, again and again until the store takes it, and wants it served everywhere within
// two seconds from now.
func (r *replicaRig) catchUp() {
	r.Helper()
	begun := time.Now()
	client := control.NewClient(r.servers[0].control, "")
	defer client.Close()
	address := fmt.Sprintf("192.0.2.%d", 1+rand.IntN(250))
	for {
		_, err := client.ApplyRecords(r.Context(), control.RecordApply{Zone: appsApex, Changes: []control.RecordChange{
			{Set: &control.RecordSet{Name: "n0", Type: "A", TTL: 60, Data: []string{address}}}}})
		if err == nil {
			break
		}
		if time.Since(begun) > 10*time.Second {
			r.Fatalf("the store is back and takes nothing: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.want["n0"] = address
	written := time.Since(begun)
	var query dns.Client
	for _, s := range r.servers {
		conn, err := query.Dial(s.dns)
		if err != nil {
			r.Fatal(err)
		}
		for addressOf(&query, conn, "n0") != address {
			if time.Since(begun) > 2*time.Second+r.slack() {
				r.Errorf("server %s is not in step %v after the store's return", s.dns, time.Since(begun).Round(time.Millisecond))
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		conn.Close()
	}
	r.Logf("the store took a change %v after its return, and all servers had it after %v", written.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
}

// slack is what a short run, which shares its machine with other tests, is granted more.
func (r *replicaRig) slack() time.Duration {
	if r.load.commitSeconds > 1 {
		return 5 * time.Second
	}
	return 0
}

// expectState waits for a server to be in a state.
func (r *replicaRig) expectState(s *replicaServer, state string, bound time.Duration) {
	r.Helper()
	begun := time.Now()
	for r.metric(s, fmt.Sprintf("responder_replica_state{state=%q}", state)) != 1 {
		if time.Since(begun) > bound {
			r.Fatalf("server %s is not in state %q after %v", s.dns, state, bound)
		}
		time.Sleep(10 * time.Millisecond)
	}
	response, err := http.Get("http://" + s.metrics + "/readyz")
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	said, _ := bufio.NewReader(response.Body).ReadString('\n')
	r.Logf("state %s after %v; /readyz says %d %s", state, time.Since(begun).Round(time.Millisecond), response.StatusCode, strings.TrimSpace(said))
	if response.StatusCode != http.StatusOK {
		r.Errorf("server %s is not ready while %s", s.dns, state)
	}
}

// expectCommitToServed holds the 99th percentile against the bound, by the histogram.
func (r *replicaRig) expectCommitToServed(s *replicaServer) {
	r.Helper()
	const name = "responder_replica_commit_to_served_seconds"
	all := r.metrics(s)
	count := all[name+"_count"]
	if count == 0 {
		r.Fatalf("server %s has no %s", s.dns, name)
	}
	p99 := -1.0
	for key, value := range all {
		text, ok := strings.CutPrefix(strings.TrimSuffix(key, `"}`), name+`_bucket{le="`)
		if !ok || text == "+Inf" || value < 0.99*count {
			continue
		}
		bound, err := strconv.ParseFloat(text, 64)
		if err != nil {
			r.Fatal(err)
		}
		if p99 < 0 || bound < p99 {
			p99 = bound
		}
	}
	r.Logf("server %s: %.0f commits served, mean %.3f s, 99 of 100 within %.3f s", s.dns, count, all[name+"_sum"]/count, p99)
	if p99 < 0 || p99 > r.load.commitSeconds {
		r.Errorf("server %s: 99 of 100 commits were served within %.3f s (-1: none of the bounds), want %.0f", s.dns, p99, r.load.commitSeconds)
	}
}

func (r *replicaRig) metric(s *replicaServer, name string) float64 { return r.metrics(s)[name] }

// metrics reads all metrics of a server.
func (r *replicaRig) metrics(s *replicaServer) map[string]float64 {
	r.Helper()
	response, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); ok && err == nil && name != "#" {
			all[name] = value
		}
	}
	return all
}

// asker asks one server for known names by the clock.
type asker struct {
	conn    *net.UDPConn
	pending [1 << 16]atomic.Int64 // when each ID was sent, in Unix nanoseconds; 0 for answered
	sent    int
	lost    []int64 // when those were sent that got no answer
	failed  atomic.Int64
	slowest atomic.Int64
	right   func(response []byte) bool // beside that it is one record
	quit    chan struct{}
	done    sync.WaitGroup
}

func newAsker(t *testing.T, address string, load replicaLoad, right func(response []byte) bool) *asker {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	a := &asker{right: right, quit: make(chan struct{})}
	if a.conn, err = net.DialUDP("udp", nil, to); err != nil {
		t.Fatal(err)
	}
	_ = a.conn.SetReadBuffer(4 << 20)
	a.done.Go(func() { a.send(load) })
	go a.receive()
	return a
}

func (a *asker) send(load replicaLoad) {
	const (
		step  = 2 * time.Millisecond
		burst = 50 * time.Millisecond // of queries are sent at once when this thread had to wait; what is due beside is left out
	)
	skipped := 0
	ticks := time.NewTicker(step)
	defer ticks.Stop()
	id := uint16(0)
	begun := time.Now()
	for {
		select {
		case <-a.quit:
			return
		case <-ticks.C:
		}
		due := int(time.Since(begun).Seconds()*float64(load.queries)) - skipped
		if over := due - a.sent - max(1, int(burst.Seconds()*float64(load.queries))); over > 0 {
			skipped, due = skipped+over, due-over
		}
		for ; a.sent < due; a.sent++ {
			query := new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.%s.", rand.IntN(load.names), appsApex), dns.TypeA)
			query.Id = id
			wire, err := query.Pack()
			if err != nil {
				panic(err)
			}
			if at := a.pending[id].Swap(time.Now().UnixNano()); at != 0 {
				a.lost = append(a.lost, at)
			}
			id++
			if _, err := a.conn.Write(wire); err != nil {
				a.failed.Add(1)
			}
		}
	}
}

func (a *asker) receive() {
	var buf [1500]byte
	for {
		n, err := a.conn.Read(buf[:])
		if err != nil {
			return
		}
		if n < 12 {
			continue
		}
		at := a.pending[uint16(buf[0])<<8|uint16(buf[1])].Swap(0)
		if took := time.Now().UnixNano() - at; at != 0 && took > a.slowest.Load() {
			a.slowest.Store(took)
		}
		if buf[3]&15 != dns.RcodeSuccess || buf[7] != 1 || !a.right(buf[:n]) {
			a.failed.Add(1)
		}
	}
}

// end asks no more, and gives what became of the queries.
func (a *asker) end() (sent, lost int, failed int64, slowest time.Duration) {
	a.finish()
	return a.result()
}

// finish asks no more, and waits for answers that are late.
func (a *asker) finish() {
	close(a.quit)
	a.done.Wait()
	time.Sleep(2 * time.Second)
	for i := range a.pending {
		if at := a.pending[i].Load(); at != 0 {
			a.lost = append(a.lost, at)
		}
	}
	a.conn.Close()
}

// result is what became of the queries, after finish.
func (a *asker) result() (sent, lost int, failed int64, slowest time.Duration) {
	return a.sent, len(a.lost), a.failed.Load(), time.Duration(a.slowest.Load())
}
