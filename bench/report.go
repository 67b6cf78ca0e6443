package main

import (
	"fmt"
	"os"
	"os/exec"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// report is the Markdown that a run makes.
type report struct{ strings.Builder }

func (r *report) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

// table writes a table; the first column is text, the others are numbers.
func (r *report) table(head []string, rows [][]string) {
	r.line("")
	r.line("| %s |", strings.Join(head, " | "))
	r.line("| ---%s |", strings.Repeat(" | ---:", len(head)-1))
	for _, row := range rows {
		r.line("| %s |", strings.Join(row, " | "))
	}
	r.line("")
}

// verdict writes whether a figure is within what is asked of it.
func (r *report) verdict(what string, got, limit float64) {
	word := "**no**"
	if got <= limit {
		word = "yes"
	}
	r.line("- %s: %.2f, at most %.2f: %s", what, got, limit, word)
}

func (r *report) machine(b *bench) {
	r.line("# Benchmarks")
	r.line("")
	r.line("Made by `make bench-peers`: every server in the same run, one after the other in each of %d rounds of %.0f s, on one", b.rounds, b.seconds)
	r.line("pinned core, with what loads it on another core. Figures are medians, with the least and the greatest round in brackets.")
	r.line("CPU time is user and system time of the server's processes in `/proc/PID/stat` over the answers that came. Memory is")
	r.line("resident, what processes share counted once. The rate is what dnsperf and the server reach together with %d queries in", outstanding)
	r.line("flight, so it is dnsperf's own limit for the fast ones: compare CPU time. Latency is taken at %.0f queries a second by the", b.rate)
	r.line("clock, from before the send call to the kernel's time stamp on the response; where a server cannot answer that many, it is the")
	r.line("length of its queue. Octets are those of a mean response. Lost queries got no response, failed ones an RCODE other than NOERROR")
	r.line("and NXDOMAIN. Ratios carry to other machines, absolute figures do not.")
	r.line("")
	r.line("- Machine: %s, %d cores, %s", cpuModel(), goruntime.NumCPU(), memorySize())
	r.line("- Kernel: %s; load average before the run %s", kernel(), loadAverage())
	r.line("- Date: %s%s", time.Now().UTC().Format(time.DateOnly), revision())
	r.line("- Servers: %s", strings.Join(versions(b), "; "))
	r.line("")
}

func (r *report) closing(b *bench, took time.Duration) {
	r.line("The run took %.0f s: `bench -seconds %g -rounds %d -names %d -many %d -distinct %d -rate %g`.",
		took.Seconds(), b.seconds, b.rounds, b.names, b.many, b.distinct, b.rate)
	if slices.Contains(b.sections(), "crowd") {
		r.line("With -only %s -crowd %d -crowd-memory %d -crowd-probes %d.", strings.Join(b.sections(), ","), b.crowd, b.crowdMemory, b.crowdProbes)
	}
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	var family, model string
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name":
			return strings.TrimSpace(value) + cpuFamily(string(text))
		case "cpu family":
			family = strings.TrimSpace(value)
		case "model":
			model = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%s family %s model %s", goruntime.GOARCH, family, model)
}

// cpuFamily adds the family, since virtual machines often have no more than the maker's name.
func cpuFamily(text string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "cpu family"); ok {
			return " (family " + strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(rest), ":")) + ")"
		}
	}
	return ""
}

func memorySize() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.0f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30))
}

// loadAverage is that of the last minute: the figures are good for little where it is not close to 0.
func loadAverage() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.2f", float64(info.Loads[0])/(1<<16))
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err.Error()
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

// revision names the commit that is measured, where there is a repository to ask.
func revision() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return ", at commit " + strings.TrimSpace(string(out))
}

// versions asks each program for its version.
func versions(b *bench) []string {
	commands := [][]string{
		{b.responder, "version"}, {"nsd", "-v"}, {"knotd", "-V"}, {"gdnsd", "-h"}, {"named", "-v"},
		{"pdns_server", "--version"}, {b.coredns, "-version"}, {"dnsperf", "-h"},
	}
	marks := []string{"", "version", "version", "version", "BIND", "Server ", "CoreDNS", "Version"}
	var all []string
	for i, command := range commands {
		out, _ := exec.Command(command[0], command[1:]...).CombinedOutput() // some end with 1 after saying it
		all = append(all, versionLine(string(out), marks[i]))
	}
	all[len(all)-1] = "dnsperf " + all[len(all)-1]
	return all
}

// versionLine finds the line with the mark; the log prefix before a name is left out.
func versionLine(text, mark string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && strings.Contains(line, mark) {
			if i := strings.Index(line, "PowerDNS"); i > 0 {
				line = line[i:]
			}
			line, _, _ = strings.Cut(line, " (C)")
			return line
		}
	}
	return "unknown"
}

// comparison writes a table with a line for each server.
func (r *report) comparison(rows []*row, latency bool) {
	head := []string{"server", "CPU µs a query", "queries a second"}
	if latency {
		head = append(head, "median µs", "p99 µs", "p99.9 µs")
	}
	head = append(head, "octets", "memory MiB", "lost", "failed")
	var cells [][]string
	for _, row := range rows {
		cpu := row.cpu.spread(2)
		if len(row.helperCPU) > 0 {
			cpu += fmt.Sprintf(", backend %.2f", row.helperCPU.median())
		}
		line := []string{row.name, cpu, row.rate.spread(0)}
		if latency {
			line = append(line, row.p50.spread(0), row.p99.spread(0), row.p999.spread(0))
		}
		cells = append(cells, append(line, fmt.Sprintf("%.0f", row.octets.median()), mib(row.memory), fmt.Sprint(row.lost), fmt.Sprint(row.failed)))
	}
	r.table(head, cells)
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/(1<<20)) }
