package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namelet/namelet/sdk/sdktest"
)

// One guest of each language is built as for a crowd, and has to answer as the crowd's prober wants it.
func TestCrowdGuests(t *testing.T) {
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	request := modulesRequest{Work: t.TempDir()}
	for i, language := range []string{"Go", "C", "Rust", "AssemblyScript"} {
		request.Guests = append(request.Guests, makeCrowdGuest(language, 7+i, repository))
		request.Files = append(request.Files, filepath.Join(request.Work, language+".wasm"))
	}
	t.Setenv("CARGO_TARGET_DIR", filepath.Join(request.Work, "target"))
	if err := request.build(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, g := range request.Guests {
		t.Run(g.Language, func(t *testing.T) {
			module, err := os.ReadFile(request.Files[i])
			if err != nil {
				t.Fatal(err)
			}
			var zone strings.Builder
			head(&zone, "c.example")
			setup, first := sdktest.Setup{Zones: []sdktest.Zone{{Apex: "c.example", Text: zone.String()}}}, g.First
			if g.Language == "Go" {
				first = 77
				setup.Config = map[string]string{"first": "77"}
			}
			var cases []sdktest.Case
			for _, label := range []string{"probe-1", "special-7-0", g.Special[0].Label, "a"} {
				want := g.address(label, first)
				cases = append(cases, sdktest.Case{
					Ask:   label + ".c.example A",
					Want:  fmt.Sprintf("%s.c.example. 60 A %d.%d.%d.%d", label, want[0], want[1], want[2], want[3]),
					Reads: "nothing",
				})
			}
			cases = append(cases, sdktest.Case{Ask: "probe-1.c.example AAAA", Want: "NODATA"})
			sdktest.Run(t, sdktest.Module(module), setup, cases)
		})
	}
}

func TestCrowds(t *testing.T) {
	sources := make(map[string]bool)
	for _, c := range []*crowd{goCrowd(40, 1<<20, "/r"), mixedCrowd(31, 1<<20, "/r")} {
		asked := make(map[int]int)
		for _, z := range c.zones {
			asked[z.guest]++
		}
		if len(asked) != len(c.guests) {
			t.Errorf("%s: %d of %d guests have a zone", c.title, len(asked), len(c.guests))
		}
		for _, g := range c.guests {
			files, err := g.sources()
			if err != nil {
				t.Fatal(err)
			}
			for path, text := range files {
				if path != "Cargo.toml" && sources[string(text)] {
					t.Errorf("%s: the source is that of another guest", g.name())
				}
				sources[string(text)] = true
			}
		}
	}
}

func TestParseMetrics(t *testing.T) {
	m, err := parseMetrics(strings.NewReader(`# HELP responder_guest_instances x
responder_guest_instances{at="a.example.",guest="g@1",scope="subtree",zone="a.example."} 2
responder_guest_instances{at="b.example.",guest="g@1",scope="subtree",zone="b.example."} 0
responder_guest_memory_bytes 1.5e+06
go_goroutines 7
`))
	if err != nil {
		t.Fatal(err)
	}
	n, known := m.instances["b.example"]
	if m.instances["a.example"] != 2 || n != 0 || !known || m.values[metricInstances] != 2 || m.values[metricMemory] != 1.5e6 {
		t.Errorf("got %+v", m)
	}
	if got := m.count(metricLoads); got != "(not available)" {
		t.Errorf("a metric that is not there: got %q", got)
	}
	if _, err := parseMetrics(strings.NewReader("responder_guest_instances x\n")); err == nil {
		t.Error("a sample that is no number was taken")
	}
}

func TestParseMemory(t *testing.T) {
	const status = "Name:\tresponder\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\nRssAnon:\t     500 kB\nRssFile:\t     300 kB\nRssShmem:\t     200 kB\n"
	got, err := parseMemory(status)
	if err != nil {
		t.Fatal(err)
	}
	want := crowdMemory{resident: 1000 << 10, peak: 2000 << 10, anonymous: 500 << 10, file: 300 << 10, shared: 200 << 10}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got.sharedFiles = 700 << 10
	if got.total() != 1500<<10 {
		t.Errorf("in all: got %d KiB, want 1500", got.total()>>10)
	}
	if _, err := parseMemory("VmRSS:\t1 kB\n"); err == nil {
		t.Error("a status without most figures was taken")
	}
}

// A file in memory counts with what was written to it, once for two descriptors. A program that has no others is
// looked at.
func TestFilesInMemory(t *testing.T) {
	fd, err := unix.MemfdCreate("bench", 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "bench")
	defer file.Close()
	const size = 1 << 20
	if _, err := file.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	cmd.ExtraFiles = []*os.File{file, file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	got, err := filesInMemory(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if got != size {
		t.Errorf("got %d bytes, want %d", got, size)
	}
}
