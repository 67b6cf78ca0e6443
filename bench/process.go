package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that was started here, with the processes it started itself.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has ended
	log   *tail
}

// tail keeps the end of what a program prints.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailBytes; extra > 0 {
		t.text = t.text[extra:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// start starts a program on one core, in a process group of its own.
func start(core int, env []string, command string, args ...string) (*process, error) {
	return startOn(strconv.Itoa(core), env, command, args...)
}

// startOn starts a program on cores, a list by comma.
func startOn(cores string, env []string, command string, args ...string) (*process, error) {
	p := &process{ended: make(chan struct{}), log: new(tail)}
	p.cmd = exec.Command("taskset", append([]string{"-c", cores, command}, args...)...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // how it ended shows where its answers are missed
		close(p.ended)
	}()
	return p, nil
}

// stopPatience is how long a program may take to end before it is killed.
const stopPatience = 10 * time.Second

// stop ends the process and its group.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // the group is ours, whoever is left in it
	<-p.ended
}

// runTool runs a program to its end on one core and gives what it printed.
func runTool(ctx context.Context, core int, env []string, stdin []byte, command string, args ...string) (string, error) {
	return runOn(ctx, strconv.Itoa(core), env, stdin, command, args...)
}

// runOn runs a program to its end on cores, a list by comma.
func runOn(ctx context.Context, cores string, env []string, stdin []byte, command string, args ...string) (string, error) {
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", cores, command}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(command), strings.Join(args, " "), err, out.String(), errOut.String())
	}
	return out.String(), nil
}

// usage is what a process and its descendants have used.
type usage struct {
	cpu    time.Duration // in user and kernel mode, since their start
	memory int64         // bytes resident; what several share is counted once
}

// use reads the usage of a process and its descendants.
func (p *process) use() (usage, error) {
	ids, err := family(p.cmd.Process.Pid)
	if err != nil {
		return usage{}, err
	}
	var all usage
	for _, id := range ids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		if err != nil {
			return usage{}, err
		}
		_, cpu, err := parseStat(string(stat))
		if err != nil {
			return usage{}, err
		}
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", id))
		if err != nil {
			return usage{}, err
		}
		memory, err := parseRollup(string(rollup))
		if err != nil {
			return usage{}, err
		}
		all.cpu += cpu
		all.memory += memory
	}
	return all, nil
}

// family gives a process and its descendants.
func family(root int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // no process
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		parent, _, err := parseStat(string(stat))
		if err != nil {
			return nil, err
		}
		children[parent] = append(children[parent], id)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// tick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 for every program on Linux.
const tick = 10 * time.Millisecond

// parseStat reads the parent and the CPU time out of /proc/PID/stat. The program's name, in parentheses,
// may hold spaces and parentheses.
func parseStat(stat string) (parent int, cpu time.Duration, err error) {
	const ppid, utime, stime = 1, 11, 12 // after the name
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= stime {
		return 0, 0, fmt.Errorf("stat has %d fields after the name", len(fields))
	}
	var n [3]int64
	for i, field := range []int{ppid, utime, stime} {
		if n[i], err = strconv.ParseInt(fields[field], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("stat: %w", err)
		}
	}
	return int(n[0]), time.Duration(n[1]+n[2]) * tick, nil
}

// parseRollup reads the proportional resident bytes out of /proc/PID/smaps_rollup.
func parseRollup(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("smaps_rollup has no Pss")
}
