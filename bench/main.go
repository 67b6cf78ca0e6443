// Command bench measures a Namelet server beside other nameservers, on one machine and in one run: each
// server on one pinned core, what loads it on another.
//
//	bench -responder bin/responder -coredns bin/bench/coredns -backend bin/bench/backend -o docs/BENCHMARKS.md
//
// It prints Markdown tables. All it starts listens on 127.0.0.1 and is ended by it; all it writes is in
// a folder that is removed at the end. With -only some of the sections are run. The command `bench load`
// is the generator that the sections on latency, changes, floods, crowds, swaps and pushes run in a process of its own, and
// `bench modules` builds the guests of a crowd.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if run := command(os.Args[1:]); run != nil {
		if err := run(); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// command is what this program does beside a run, in a process of its own; nil where it is to run.
func command(args []string) func() error {
	if len(args) == 0 {
		return nil
	}
	switch args[0] {
	case "load":
		return func() error { return loadCommand(os.Stdin, os.Stdout) }
	case "modules":
		return func() error { return modulesCommand(os.Stdin) }
	case "echo":
		return func() error { return echoCommand(args[1:]) }
	}
	return nil
}

// options are what a run is told.
type options struct {
	responder, coredns, backend string
	out                         string
	seconds                     float64 // of one measurement
	rounds                      int
	names, many                 int     // of the small and the large zone
	distinct                    int64   // random names, each asked once
	rate                        float64 // queries a second at which latency is taken
	serverCore, loadCore        int
	crowd                       int // attachments of Go guests, and modules in other languages
	crowdMemory, crowdProbes    int // MiB; zones
	crowdFolder                 string
	only                        string
}

func parseOptions(args []string, errOut io.Writer) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.StringVar(&o.responder, "responder", "bin/responder", "the server's binary")
	f.StringVar(&o.coredns, "coredns", "bin/bench/coredns", "CoreDNS's binary")
	f.StringVar(&o.backend, "backend", "bin/bench/backend", "binary of the gRPC backend")
	f.StringVar(&o.out, "o", "", "file to write the tables to as well")
	f.Float64Var(&o.seconds, "seconds", 4, "seconds of one measurement")
	f.IntVar(&o.rounds, "rounds", 3, "rounds; in each, every server is measured once")
	f.IntVar(&o.names, "names", 10_000, "names of the zone")
	f.IntVar(&o.many, "many", 1_000_000, "names of the large zone")
	f.Int64Var(&o.distinct, "distinct", 10_000_000, "random names, each asked once, over which memory is watched")
	f.Float64Var(&o.rate, "rate", 5_000, "queries a second at which latency is taken")
	f.IntVar(&o.serverCore, "server-core", 0, "core that servers are pinned to")
	f.IntVar(&o.loadCore, "load-core", 1, "core that dnsperf and the generator are pinned to")
	f.IntVar(&o.crowd, "crowd", 1_000, "attachments of Go guests, and modules in other languages, of the section crowd")
	f.IntVar(&o.crowdMemory, "crowd-memory", 448, "RESPONDER_GUEST_MEMORY in MiB of the section crowd, enough for the code of its Go guests; three more measurements take parts of it")
	f.IntVar(&o.crowdProbes, "crowd-probes", 300, "most zones without an instance that are asked one by one in the section crowd, in all rounds")
	f.StringVar(&o.crowdFolder, "crowd-folder", defaultCrowdFolder(), "folder in which the modules of the section crowd are kept")
	f.StringVar(&o.only, "only", "", "sections to run, by comma, of "+strings.Join(sectionNames(), ",")+" (default: all but crowd, swaps and pushes)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.seconds <= 0 || o.rounds < 1 || o.names < 100 || o.many < 100 || o.distinct < 1 || o.rate <= 0 {
		return nil, errors.New("seconds, rounds, names, many, distinct and rate are to be positive, and names at least 100")
	}
	if o.crowd < goModules || o.crowdMemory < 1 || o.crowdProbes < 1 {
		return nil, fmt.Errorf("crowd is to be at least %d, crowd-memory and crowd-probes positive", goModules)
	}
	if o.serverCore == o.loadCore {
		return nil, errors.New("the server and its load need a core each")
	}
	for _, name := range o.sections() {
		if !slices.Contains(sectionNames(), name) {
			return nil, fmt.Errorf("-only: no section %q", name)
		}
	}
	return o, nil
}

func (o *options) sections() []string {
	if o.only == "" {
		return slices.DeleteFunc(sectionNames(), func(name string) bool { return name == "crowd" || name == "swaps" || name == "pushes" }) // they take too long
	}
	return strings.Split(o.only, ",")
}

// section is a part of the report.
type section struct {
	name string
	run  func(context.Context, *bench) error
}

var sections = []section{
	{"static", static},
	{"guests", guests},
	{"tcp", overTCP},
	{"tls", overTLS},
	{"many", many},
	{"startup", startup},
	{"changes", changes},
	{"flood", flood},
	{"distinct", distinct},
	{"crowd", crowds},
	{"swaps", swaps},
	{"pushes", pushes},
}

func sectionNames() []string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return names
}

// bench is a run: its options, its folder and what it has found.
type bench struct {
	*options
	dir       string
	memoryDir string // on a file system in memory, where there is one; else dir
	self      string // this program
	report    report
	note      func(format string, args ...any) // progress, not part of the report
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseOptions(args, os.Stderr)
	if err != nil {
		return err
	}
	if n := goruntime.NumCPU(); n < 2 {
		return fmt.Errorf("this machine has %d core; two are needed", n)
	}
	if err := requireTools(); err != nil {
		return err
	}
	if err := pin(o.loadCore); err != nil {
		return err
	}
	b := &bench{options: o}
	begun := time.Now()
	b.note = func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0fs  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	for _, path := range []*string{&o.responder, &o.coredns, &o.backend} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
		if _, err := os.Stat(*path); err != nil {
			return fmt.Errorf("%w (make bench-peers builds it)", err)
		}
	}
	if b.dir, err = os.MkdirTemp("", "bench-peers-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.memoryDir = b.dir
	if dir, err := os.MkdirTemp("/dev/shm", "bench-peers-"); err == nil {
		b.memoryDir = dir
		defer os.RemoveAll(dir)
	}
	// Some servers give up root and still have to read their zones.
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	b.report.machine(b)
	for _, s := range sections {
		if !slices.Contains(o.sections(), s.name) {
			continue
		}
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.report.closing(b, time.Since(begun))
	if _, err := io.WriteString(out, b.report.String()); err != nil {
		return err
	}
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(b.report.String()), 0o644)
}

// pin binds this process to a core, with the threads it has already.
func pin(core int) error {
	var set unix.CPUSet
	set.Set(core)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		var id int
		if _, err := fmt.Sscan(thread.Name(), &id); err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("core %d: %w", core, err)
		}
	}
	return nil
}

// tools are the programs that are measured and that measure, with their packages.
var tools = []struct{ command, pkg string }{
	{"nsd", "nsd"}, {"knotd", "knot"}, {"gdnsd", "gdnsd"}, {"named", "bind9"},
	{"pdns_server", "pdns-server"}, {"dnsperf", "dnsperf"}, {"taskset", "util-linux"},
}

// requireTools looks for all tools; the error names the command that installs what is missing.
func requireTools() error {
	// Debian keeps servers in /usr/sbin, which is not on everybody's PATH.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return err
	}
	var missing []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool.command); err != nil {
			missing = append(missing, tool.pkg)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not all tools are here; as root: apt-get install -y --no-install-recommends %s pdns-backend-bind", strings.Join(missing, " "))
	}
	return nil
}
