package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// crowdServer is our server with a crowd of guests.
type crowdServer struct {
	*server
	setup   *setup
	env     []string
	metrics string // address
}

// crowdServer makes the folder of a server, and its configuration.
func (b *bench) crowdServer(memory int, beside []zone) (*crowdServer, error) {
	dir, err := os.MkdirTemp(b.memoryDir, "server-")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s := &crowdServer{setup: &setup{dir: dir, port: ports[0], tlsPort: ports[1], zones: beside}, metrics: fmt.Sprintf("127.0.0.1:%d", ports[2])}
	if s.setup.tls, err = makeCertificate(dir); err != nil {
		return nil, err
	}
	if s.env, err = b.environment(s.setup, ""); err != nil {
		return nil, err
	}
	s.env = append(s.env,
		"RESPONDER_METRICS_LISTEN="+s.metrics, "RESPONDER_CONTROL_RATE=0",
		fmt.Sprintf("RESPONDER_GUEST_MEMORY=%d", memory),
	)
	return s, nil
}

// store is where the server's store lies.
func (s *crowdServer) store() string { return filepath.Join(s.setup.dir, "responder.db") }

// crowdPatience is how long a server may take until it is ready: it may have to compile all modules.
const crowdPatience = 10 * time.Minute

// begin starts the process and waits until it is ready.
func (s *crowdServer) begin(ctx context.Context, cores, responder string) error {
	begun := time.Now()
	p, err := startOn(cores, s.env, responder, "serve")
	if err != nil {
		return err
	}
	s.server = &server{name: "Namelet", process: p, port: s.setup.port, control: s.setup.control}
	for deadline := begun.Add(crowdPatience); ; {
		response, err := http.Get("http://" + s.metrics + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				s.loaded = time.Since(begun)
				return nil
			}
		}
		select {
		case <-ctx.Done():
			s.stop()
			return ctx.Err()
		case <-p.ended:
			return fmt.Errorf("%s ended: %s", s.name, p.log)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.stop()
			return fmt.Errorf("%s is not ready within %v: %s", s.name, crowdPatience, p.log)
		}
	}
}

// again ends the process and starts another one on the store that it leaves, on the servers' core alone.
func (s *crowdServer) again(ctx context.Context, b *bench) error {
	s.stop()
	return s.begin(ctx, strconv.Itoa(b.serverCore), b.responder)
}

// crowdZone is a zone with one attachment, at its apex.
type crowdZone struct {
	apex  string
	guest int  // of the crowd
	first byte // octet that the guest is configured with; 0 where it has no configuration
}

// crowdWriters attach at the same time.
const crowdWriters = 2

// inhabit pushes a crowd's modules and gives each its zones, through the control endpoint.
func (s *crowdServer) inhabit(ctx context.Context, c *crowd, files []string) error {
	client := control.NewClient(s.control, "")
	defer client.Close()
	for i, g := range c.guests {
		module, err := os.ReadFile(files[i])
		if err != nil {
			return err
		}
		if _, err := client.PushGuest(ctx, control.GuestPush{Guest: g.name()}, module); err != nil {
			return fmt.Errorf("%s: %w", g.name(), err)
		}
	}
	failed := make([]error, crowdWriters)
	var group sync.WaitGroup
	for w := range crowdWriters {
		group.Go(func() {
			for i := w; i < len(c.zones) && failed[w] == nil; i += crowdWriters {
				failed[w] = attachCrowd(ctx, client, c, c.zones[i])
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// attachCrowd makes one zone and attaches its guest.
func attachCrowd(ctx context.Context, client *control.Client, c *crowd, z crowdZone) error {
	var text strings.Builder
	head(&text, z.apex)
	sets, err := zonefile.Parse(strings.NewReader(text.String()), zonefile.Options{Origin: rr.MustParseName(z.apex)})
	if err != nil {
		return err
	}
	if _, err := client.ImportZone(ctx, control.ZoneImport{Zone: z.apex}, sets); err != nil {
		return fmt.Errorf("%s: %w", z.apex, err)
	}
	attachment := control.Attachment{At: z.apex, Scope: "subtree", Guest: c.guests[z.guest].name()}
	if z.first != 0 {
		attachment.Values = map[string]string{"first": strconv.Itoa(int(z.first))}
	}
	if _, err := client.Attach(ctx, attachment); err != nil {
		return fmt.Errorf("%s: %w", z.apex, err)
	}
	return nil
}

// problems are what the server could not do, a line each.
func (s *crowdServer) problems(ctx context.Context) ([]string, error) {
	client := control.NewClient(s.control, "")
	defer client.Close()
	all, err := client.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for what, why := range all.Problems {
		lines = append(lines, what+": "+why)
	}
	slices.Sort(lines)
	return lines, nil
}

// crowdMetrics is what /metrics says of guests.
type crowdMetrics struct {
	values    map[string]float64 // the sum of each metric over its labels
	instances map[string]float64 // of the attachments, by the zone
}

// The metrics that are read.
const (
	metricMemory    = "responder_guest_memory_bytes"
	metricCode      = "responder_guest_code_bytes"
	metricPictures  = "responder_guest_pictures_bytes"
	metricLoads     = "responder_guest_code_load_seconds_count"
	metricInstances = "responder_guest_instances"
	metricEvictions = "responder_guest_evictions_total"
	metricStarved   = "responder_guest_starved_total"
)

// scrape reads the server's metrics.
func (s *crowdServer) scrape(ctx context.Context) (crowdMetrics, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.metrics+"/metrics", nil)
	if err != nil {
		return crowdMetrics{}, err
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return crowdMetrics{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return crowdMetrics{}, fmt.Errorf("metrics: %s", response.Status)
	}
	return parseMetrics(response.Body)
}

// parseMetrics reads the text format of Prometheus as far as it is needed here.
func parseMetrics(text io.Reader) (crowdMetrics, error) {
	m := crowdMetrics{values: make(map[string]float64), instances: make(map[string]float64)}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "responder_") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		if space < 0 {
			return m, fmt.Errorf("metrics: %q is no sample", line)
		}
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return m, fmt.Errorf("metrics: %q: %w", line, err)
		}
		name, labels, _ := strings.Cut(line[:space], "{")
		m.values[name] += value
		if name == metricInstances {
			_, rest, _ := strings.Cut(labels, `zone="`)
			zone, _, _ := strings.Cut(rest, `"`)
			m.instances[strings.TrimSuffix(zone, ".")] += value
		}
	}
	return m, lines.Err()
}

// crowdMemory is what a process takes, in bytes.
type crowdMemory struct {
	resident, peak  int64 // as the kernel counts them: VmRSS and VmHWM
	anonymous, file int64
	shared          int64 // RssShmem: what of shared memory is mapped
	sharedFiles     int64 // what the process's files in memory take, mapped or not
}

// total is what would be free again without the process: what is resident of its own, and its files in memory.
func (m crowdMemory) total() int64 { return m.anonymous + m.file + max(m.shared, m.sharedFiles) }

// most is of each figure the greater one.
func (m crowdMemory) most(o crowdMemory) crowdMemory {
	return crowdMemory{
		max(m.resident, o.resident), max(m.peak, o.peak), max(m.anonymous, o.anonymous), max(m.file, o.file),
		max(m.shared, o.shared), max(m.sharedFiles, o.sharedFiles),
	}
}

// memory reads what the server's process takes.
func (s *crowdServer) memory() (crowdMemory, error) {
	proc := fmt.Sprintf("/proc/%d", s.process.cmd.Process.Pid)
	text, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return crowdMemory{}, err
	}
	m, err := parseMemory(string(text))
	if err != nil {
		return m, err
	}
	m.sharedFiles, err = filesInMemory(filepath.Join(proc, "fd"))
	return m, err
}

// parseMemory reads /proc/PID/status.
func parseMemory(status string) (m crowdMemory, err error) {
	fields := map[string]*int64{
		"VmRSS": &m.resident, "VmHWM": &m.peak, "RssAnon": &m.anonymous, "RssFile": &m.file, "RssShmem": &m.shared,
	}
	found := 0
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		at, ok := fields[key]
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		if err != nil {
			return m, fmt.Errorf("status: %s: %w", key, err)
		}
		*at = kib << 10
		found++
	}
	if found != len(fields) {
		return m, fmt.Errorf("status: %d of %d figures found", found, len(fields))
	}
	return m, nil
}

// filesInMemory sums what the files in memory take that a process has open, each once. What is only mapped, with its
// descriptor closed, is not among them: RssShmem has as much of it as is resident.
func filesInMemory(descriptors string) (int64, error) {
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		return 0, err
	}
	seen := make(map[uint64]bool)
	var sum int64
	for _, entry := range entries {
		path := filepath.Join(descriptors, entry.Name())
		target, err := os.Readlink(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // closed meanwhile
		}
		if err != nil {
			return 0, err
		}
		if !strings.HasPrefix(target, "/memfd:") {
			continue
		}
		var stat syscall.Stat_t
		if err := syscall.Stat(path, &stat); errors.Is(err, syscall.ENOENT) {
			continue
		} else if err != nil {
			return 0, err
		}
		if !seen[stat.Ino] {
			seen[stat.Ino] = true
			sum += stat.Blocks * 512 // stat counts in these, whatever the blocks of a file system are
		}
	}
	return sum, nil
}
