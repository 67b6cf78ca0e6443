package main

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const rest = " S 41 42 42 0 -1 4194560 1000 0 0 0 125 75 9 9 20 0 1 0 100 1000000 200 18446744073709551615"
	for _, name := range []string{"nsd", "a) b (c"} {
		parent, cpu, err := parseStat("42 (" + name + ")" + rest)
		if err != nil || parent != 41 || cpu != 2*time.Second {
			t.Errorf("%q: got parent %d, CPU %v, error %v; want 41, 2s", name, parent, cpu, err)
		}
	}
	for _, text := range []string{"", "42 (nsd) S 41", "42 (nsd) S x 42 42 0 -1 4194560 1000 0 0 0 125 75"} {
		if _, _, err := parseStat(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestParseRollup(t *testing.T) {
	got, err := parseRollup("55d0c0000000-7ffd0 ---p 00000000 00:00 0 [rollup]\nRss:    2048 kB\nPss:                1024 kB\nPss_Dirty: 1 kB\n")
	if err != nil || got != 1<<20 {
		t.Errorf("got %d, %v; want %d", got, err, 1<<20)
	}
	if _, err := parseRollup("Rss: 1 kB\n"); err == nil {
		t.Error("without Pss: no error")
	}
}

// What a child of a process uses counts, and stop ends both.
func TestProcess(t *testing.T) {
	const script = "sh -c 'while :; do :; done' & wait"
	p, err := start(someCore(t), nil, "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	var used usage
	for deadline := time.Now().Add(20 * time.Second); used.cpu < 5*tick && time.Now().Before(deadline); time.Sleep(tick) {
		if used, err = p.use(); err != nil {
			t.Logf("not started yet, or a child ended meanwhile: %v", err)
		}
	}
	if used.cpu < 5*tick || used.memory == 0 {
		t.Errorf("got %v and %d bytes of a spinning child", used.cpu, used.memory)
	}
	group := p.cmd.Process.Pid
	p.stop()
	for deadline := time.Now().Add(10 * time.Second); unix.Kill(-group, 0) == nil; time.Sleep(tick) {
		if time.Now().After(deadline) {
			t.Fatal("the group is alive after stop")
		}
	}
}

// someCore is a core that this process may run on.
func someCore(t *testing.T) int {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	for core := 0; ; core++ {
		if set.IsSet(core) {
			return core
		}
	}
}
