package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	goModules   = 20   // of the attachments of Go guests
	tightMemory = 0.4  // part of the memory with which not all code of the Go guests fits, but all of guests without a Go runtime
	leastMemory = 0.15 // part with which not all code of these fits
	besideNames = 1000 // that are asked for beside the crowd, and known to the cache
	besideShare = 0.5  // of the rate at which latency is taken, for static names and for hits each

	attackWindow = 128 // queries in flight where the attacker has what it can
	attackShare  = 0.5 // of what it reached then, at most, beside others
	attackEach   = 1   // and at most so many questions a second to each zone
	crowdWatch   = 500 * time.Millisecond

	crowdResident = 1 // GiB
	firstInstance = 5 // milliseconds, p99
	firstCode     = 50
)

// defaultCrowdFolder is where modules are kept from one run to the next.
func defaultCrowdFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "namelet-bench")
}

// crowd is guests, and zones with one attachment each.
type crowd struct {
	title  string
	memory int  // RESPONDER_GUEST_MEMORY
	large  bool // its code is, so that to load it again may take longer than to make an instance
	guests []crowdGuest
	zones  []crowdZone
}

// address is what a zone's guest has to answer for a label below the apex.
func (c *crowd) address(z crowdZone, label string) [4]byte {
	g := c.guests[z.guest]
	if z.first != 0 {
		return g.address(label, z.first)
	}
	return g.address(label, g.First)
}

// goCrowd has n attachments of 20 guests in Go, those of one guest in a row, and each with a configuration of its own.
func goCrowd(n, memory int, repository string) *crowd {
	c := &crowd{memory: memory, large: true, title: fmt.Sprintf("%d attachments of %d Go modules", n, goModules)}
	for i := range goModules {
		c.guests = append(c.guests, makeCrowdGuest("Go", i, repository))
	}
	for i := range n {
		guest := i * goModules / n
		c.zones = append(c.zones, crowdZone{apex: fmt.Sprintf("c%04d.crowd.example", i), guest: guest, first: byte(1 + i%223)})
	}
	return c
}

// mixedCrowd has n guests in C, Rust and AssemblyScript by turns, with a zone each.
func mixedCrowd(n, memory int, repository string) *crowd {
	c := &crowd{memory: memory, title: fmt.Sprintf("%d different modules in C, Rust and AssemblyScript", n)}
	for i := range n {
		c.guests = append(c.guests, makeCrowdGuest([]string{"C", "Rust", "AssemblyScript"}[i%3], i, repository))
		c.zones = append(c.zones, crowdZone{apex: fmt.Sprintf("c%04d.crowd.example", i), guest: i})
	}
	return c
}

// crowds measures our server with very many guests: what they take, how long one takes that had to make room for
// others, and whether others notice when all are asked in turn.
func crowds(ctx context.Context, b *bench) error {
	repository, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(repository, "sdk", "rust", "Cargo.toml")); err != nil {
		return fmt.Errorf("guests are built in the repository's folder, and this is not it: %w", err)
	}
	b.report.line("## Very many guests")
	b.report.line("")
	b.report.line("Each zone has one attachment. The modules are made by rule and differ in code; each answer to a question by itself is held against")
	b.report.line("what its guest has to say. The server's limits of rates are off, and its store's file is in memory where the system has /dev/shm.")
	b.report.line("It is started on a store that has all of them, on one core.")
	b.report.line("")
	memory := float64(b.crowdMemory << 20)
	crowds := []*crowd{
		goCrowd(b.crowd, int(memory), repository), goCrowd(b.crowd, int(tightMemory*memory), repository),
		mixedCrowd(b.crowd, int(tightMemory*memory), repository), mixedCrowd(b.crowd, int(leastMemory*memory), repository),
	}
	for i, c := range crowds {
		if i%2 == 1 {
			c.title += ", too little memory for their code"
		}
		if err := b.measureCrowd(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

// crowdFound is what was found out about a crowd.
type crowdFound struct {
	built, filled, started, asked time.Duration
	modules                       int64 // bytes of the modules' files
	after, most                   crowdMemory
	cap                           float64 // most that the server said guests took
	last                          crowdMetrics
	problems                      []string
	probes                        *prober
	first                         firsts
	attack                        float64 // queries a second
	attacked                      streamResult
	quiet, busy                   [2]changeRow // static names, hits
}

func (b *bench) measureCrowd(ctx context.Context, c *crowd) error {
	var f crowdFound
	s, err := b.startCrowd(ctx, c, &f)
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	if err := b.askCrowd(ctx, c, s, &f); err != nil {
		return err
	}
	if err := b.attackCrowd(ctx, c, s, &f); err != nil {
		return err
	}
	if f.problems, err = s.problems(ctx); err != nil {
		return err
	}
	b.crowdReport(c, &f)
	return nil
}

// startCrowd builds the modules, fills a store with them, and starts a server on it.
func (b *bench) startCrowd(ctx context.Context, c *crowd, f *crowdFound) (*crowdServer, error) {
	begun := time.Now()
	files, err := b.crowdModules(ctx, c.guests)
	if err != nil {
		return nil, err
	}
	f.built = time.Since(begun)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		f.modules += info.Size()
	}
	b.note("crowd: %d modules, %.1f MiB, in %.0f s", len(files), float64(f.modules)/(1<<20), f.built.Seconds())
	begun = time.Now()
	s, err := b.populated(ctx, c, files)
	if err != nil {
		return nil, err
	}
	f.filled = time.Since(begun)
	b.note("crowd: %d modules pushed and %d attached in %.0f s", len(files), len(c.zones), f.filled.Seconds())
	if err := s.again(ctx, b); err != nil {
		return nil, err
	}
	f.started = s.loaded
	b.note("crowd: started in %.2f s", f.started.Seconds())
	return s, nil
}

// populated starts a server on both cores that has a crowd and the zones that are asked beside it, from the store that
// an earlier run has kept where there is one. All code is compiled then.
func (b *bench) populated(ctx context.Context, c *crowd, files []string) (*crowdServer, error) {
	z, err := b.guestZones()
	if err != nil {
		return nil, err
	}
	names, err := b.namesZone(b.names)
	if err != nil {
		return nil, err
	}
	s, err := b.crowdServer(c.memory, []zone{names, z.apps})
	if err != nil {
		return nil, err
	}
	kept, err := b.keptStore(c, files)
	if err != nil {
		return nil, err
	}
	_, absent := os.Stat(kept)
	if absent == nil {
		err = copyFile(kept, s.store())
	} else {
		err = b.fill(s.setup, s.env, []zone{z.routes}, []guest{guestApps})
	}
	if err != nil {
		return nil, err
	}
	cores := fmt.Sprintf("%d,%d", b.serverCore, b.loadCore)
	if err := s.begin(ctx, cores, b.responder); err != nil || absent == nil {
		return s, err
	}
	if err := s.inhabit(ctx, c, files); err != nil {
		s.stop()
		return nil, err
	}
	s.stop() // so that the file is whole
	if err := copyFile(s.store(), kept); err != nil {
		return nil, err
	}
	return s, s.begin(ctx, cores, b.responder)
}

// keptStore is where the store of a crowd is kept: by all that is in it.
func (b *bench) keptStore(c *crowd, files []string) (string, error) {
	apps, err := b.build(guestApps)
	if err != nil {
		return "", err
	}
	module, err := os.ReadFile(apps)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, b.names, c.zones, files, sha256.Sum256(module))
	return filepath.Join(b.crowdFolder, "store-"+hex.EncodeToString(sum.Sum(nil)[:8])+".db"), nil
}

// askedPause is how long a server has nothing to do after all was asked, before single questions are: what it had to load then is over.
const askedPause = 5 * time.Second

// askCrowd asks every zone, and then in each round once more, and those that have no instance any more.
func (b *bench) askCrowd(ctx context.Context, c *crowd, s *crowdServer, f *crowdFound) (err error) {
	if f.probes, err = newProber(c, s); err != nil {
		return err
	}
	defer f.probes.conn.Close()
	if f.asked, err = f.probes.all(); err != nil {
		return err
	}
	for range b.rounds {
		if _, err := f.probes.all(); err != nil {
			return err
		}
		if f.after, err = s.memory(); err != nil {
			return err
		}
		time.Sleep(askedPause)
		first, err := f.probes.first(ctx, s, max(1, b.crowdProbes/b.rounds))
		if err != nil {
			return err
		}
		f.first = f.first.and(first)
	}
	b.note("crowd: all asked in %.1f s, %s MiB resident, %d and %d first answers", f.asked.Seconds(), mib(f.after.resident), len(f.first.instance), len(f.first.code))
	return f.look(ctx, s)
}

// look notes what is taken now.
func (f *crowdFound) look(ctx context.Context, s *crowdServer) error {
	memory, err := s.memory()
	if err != nil {
		return err
	}
	metrics, err := s.scrape(ctx)
	if err != nil {
		return err
	}
	f.most, f.last = f.most.most(memory), metrics
	f.cap = max(f.cap, metrics.values[metricMemory])
	return nil
}

// attackCrowd asks all zones in turn for names that nobody asked for before, first as fast as they are answered and
// then by the clock, with static names and kept answers of other zones asked for beside.
func (b *bench) attackCrowd(ctx context.Context, c *crowd, s *crowdServer, f *crowdFound) error {
	below, err := b.file("crowd-"+fmt.Sprint(len(c.guests)), func(w io.Writer) {
		for _, z := range c.zones {
			fmt.Fprintln(w, z.apex)
		}
	})
	if err != nil {
		return err
	}
	var beside []stream
	for _, apex := range []string{"bench.example", "apps.example"} {
		queries, err := b.queries(apex, besideNames)
		if err != nil {
			return err
		}
		beside = append(beside, stream{Queries: queries, Rate: besideShare * b.rate})
	}
	stop := f.watch(ctx, s)
	results, err := b.load(ctx, s.server, 2*b.seconds, stream{Below: below, Window: attackWindow, Seed: 1 << 33})
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	f.attacked, f.attack = results[0], min(attackShare*results[0].rate(), attackEach*float64(len(c.zones)))
	b.note("crowd: %.0f queries a second reached by who asks all in turn", results[0].rate())
	// Kept answers have made room for those of the attacker.
	if _, err := b.load(ctx, s.server, warmup, beside...); err != nil {
		return err
	}
	for i := range b.rounds {
		quiet, err := b.load(ctx, s.server, 2*b.seconds, beside...)
		if err != nil {
			return err
		}
		attacker := stream{Below: below, Rate: f.attack, Seed: 1<<33 + 1 + uint64(i)}
		busy, err := b.load(ctx, s.server, 2*b.seconds, append(beside[:2:2], attacker)...)
		if err != nil {
			return err
		}
		for i := range beside {
			f.quiet[i].add(quiet[i])
			f.busy[i].add(busy[i])
		}
		if err := f.look(ctx, s); err != nil {
			return err
		}
		b.note("crowd: p99.9 of hits %.0f us quiet, %.0f us attacked", micros(quiet[1].P999), micros(busy[1].P999))
	}
	return nil
}

// watch looks now and then at what is taken, until the function that it gives is called; that gives the first error.
func (f *crowdFound) watch(ctx context.Context, s *crowdServer) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-time.After(crowdWatch):
			}
			if err := f.look(context.WithoutCancel(ctx), s); err != nil {
				done <- err
				return
			}
		}
	}()
	return func() error {
		cancel()
		return <-done
	}
}

func (b *bench) crowdReport(c *crowd, f *crowdFound) {
	r := &b.report
	r.line("### %s", strings.ToUpper(c.title[:1])+c.title[1:])
	r.line("")
	r.line("RESPONDER_GUEST_MEMORY=%d. The modules have %s MiB. They were built in %.0f s, pushed and attached in %.0f s, less where an earlier run has kept that.", c.memory, mib(f.modules), f.built.Seconds(), f.filled.Seconds())
	r.line("The server started in %.2f s and answered for all zones, one question after the other, in %.2f s. Who asks all in turn, each time", f.started.Seconds(), f.asked.Seconds())
	r.line("for a name that nobody asked for before, gets %.0f answers a second; the attack beside others is at %.0f by the clock.", f.attacked.rate(), f.attack)
	r.line("Until then %.0f instances had been evicted and code had been loaded again %s times; %.0f questions got no call for want of memory.",
		f.last.values[metricEvictions], f.last.count(metricLoads), f.last.values[metricStarved])
	r.table([]string{"memory MiB", "resident", "of it anonymous", "files", "shared", "files in memory", "in all"}, [][]string{
		f.after.cells("all asked"), f.most.cells("most, attacked"),
	})
	r.line("Of guests the server says at most %.1f MiB, in the end %s MiB of code and %s MiB of pictures. VmHWM was %s MiB.", f.cap/(1<<20),
		f.last.mib(metricCode), f.last.mib(metricPictures), mib(f.most.peak))
	r.table([]string{"first answer after an eviction", "asked", "median ms", "p99 ms", "worst ms"}, [][]string{
		firstCells("of the instance", f.first.instance), firstCells("of instance and code", f.first.code),
	})
	r.table([]string{"beside", "sent", "lost", "failed", "not sent in time", "median µs", "p99 µs", "p99.9 µs", "worst µs"}, [][]string{
		f.quiet[0].cells("static names, quiet"), f.busy[0].cells("static names, attacked"),
		f.quiet[1].cells("hits of a guest, quiet"), f.busy[1].cells("hits of a guest, attacked"),
	})
	b.crowdVerdicts(c, f)
}

func (b *bench) crowdVerdicts(c *crowd, f *crowdFound) {
	r := &b.report
	if f.probes.wrong > 0 {
		r.line("- the first of %d wrong answers: %s", f.probes.wrong, f.probes.reason)
	}
	if len(f.problems) > 0 {
		r.line("- the first of %d problems that the server reports: %s", len(f.problems), f.problems[0])
	}
	r.verdict("wrong or missing answers to questions by themselves", float64(f.probes.wrong), 0)
	r.verdict("resident memory at its peak, GiB", float64(f.most.peak)/(1<<30), crowdResident)
	r.verdict("memory with files in memory that are not mapped, GiB", float64(f.most.total())/(1<<30), crowdResident)
	r.verdict("memory of guests against the cap", f.cap/float64(c.memory), 1)
	if c.large {
		firstVerdict(r, "first answer of an evicted instance, p99 ms", f.first.instance, firstInstance)
		firstVerdict(r, "first answer of evicted code, p99 ms", f.first.code, firstCode)
	} else {
		firstVerdict(r, "first answer of an evicted instance, with its code or without, p99 ms", f.first.all(), firstInstance)
	}
	r.verdict("static p99.9 under attack against quiet", f.busy[0].p999.median()/f.quiet[0].p999.median(), quietTimes)
	r.verdict("hits' p99.9 under attack against quiet", f.busy[1].p999.median()/f.quiet[1].p999.median(), quietTimes)
	r.verdict("static names and hits lost or failed", float64(f.busy[0].lost+f.busy[0].failed+f.busy[1].lost+f.busy[1].failed), 0)
	r.line("")
}

// firstVerdict is a verdict on the p99 of first answers, where there are any.
func firstVerdict(r *report, what string, sorted []uint32, limit float64) {
	if len(sorted) == 0 {
		r.line("- %s: none was asked (another -crowd-memory evicts more, or less)", what)
		return
	}
	r.verdict(what, millis(quantile(sorted, 0.99)), limit)
}

func firstCells(name string, sorted []uint32) []string {
	cells := []string{name, fmt.Sprint(len(sorted))}
	for _, q := range []float64{0.5, 0.99, 1} {
		cells = append(cells, fmt.Sprintf("%.2f", millis(quantile(sorted, q))))
	}
	return cells
}

func (m crowdMemory) cells(name string) []string {
	return []string{name, mib(m.resident), mib(m.anonymous), mib(m.file), mib(m.shared), mib(m.sharedFiles), mib(m.total())}
}

// mib is a metric in MiB, where there is one.
func (m crowdMetrics) mib(name string) string {
	value, ok := m.values[name]
	if !ok {
		return "(not available)"
	}
	return mib(int64(value))
}

// count is a metric that counts, where there is one.
func (m crowdMetrics) count(name string) string {
	value, ok := m.values[name]
	if !ok {
		return "(not available)"
	}
	return fmt.Sprintf("%.0f", value)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
