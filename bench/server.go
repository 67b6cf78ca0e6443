package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// server is a nameserver that runs here and answers.
type server struct {
	name    string
	process *process
	helper  *process // that it asks, or nil
	port    int      // UDP and TCP
	tlsPort int      // 0 for none
	control string   // ours: address of the control endpoint
	loaded  time.Duration
}

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) stop() {
	s.process.stop()
	if s.helper != nil {
		s.helper.stop()
	}
}

// fleet is servers that are stopped together.
type fleet []*server

func (f fleet) stop() {
	for _, s := range f {
		s.stop()
	}
}

// zone is a zone that servers load.
type zone struct {
	apex string // without the dot at the end
	file string
	ask  string // a name in it that has an A record
}

// setup is what a server is made from.
type setup struct {
	dir     string // its own
	port    int
	tlsPort int
	tls     certificate
	zones   []zone
	control string // ours: address of the control endpoint
}

// kind is a way to run a server.
type kind struct {
	name     string
	start    func(b *bench, s *setup) (*process, *process, error)
	inMemory bool // its folder is on a file system in memory
}

// start starts a server of the kind and waits until it answers for all its zones.
func (b *bench) start(ctx context.Context, k kind, zones ...zone) (*server, error) {
	parent := b.dir
	if k.inMemory {
		parent = b.memoryDir
	}
	dir, err := os.MkdirTemp(parent, "server-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	s := &setup{dir: dir, port: ports[0], tlsPort: ports[1], zones: zones}
	if s.tls, err = makeCertificate(dir); err != nil {
		return nil, err
	}
	b.note("start %s", k.name)
	begun := time.Now()
	process, helper, err := k.start(b, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name, err)
	}
	made := &server{name: k.name, process: process, helper: helper, port: s.port, tlsPort: s.tlsPort, control: s.control}
	for _, z := range zones {
		if err := made.await(ctx, z); err != nil {
			made.stop()
			return nil, err
		}
	}
	made.loaded = time.Since(begun)
	return made, nil
}

// startAll starts servers of several kinds with the same zones.
func (b *bench) startAll(ctx context.Context, kinds []kind, zones ...zone) (fleet, error) {
	var all fleet
	for _, k := range kinds {
		s, err := b.start(ctx, k, zones...)
		if err != nil {
			all.stop()
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// startPatience is how long a server may take until it answers.
const startPatience = 3 * time.Minute

// await waits until the server answers for a zone.
func (s *server) await(ctx context.Context, z zone) error {
	if z.ask == "" {
		return nil // private: nothing to ask
	}
	var last error
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); {
		if last = ask(s.address(), z.ask); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.process.ended:
			return fmt.Errorf("%s ended: %s", s.name, s.process.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer for %s: %w\n%s", s.name, z.ask, last, s.process.log)
}

// ask asks for the A records of a name and is content with one.
func ask(address, name string) error {
	query, err := packQuery(0x4e4c, name, uint16(dnsmessage.TypeA))
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	if _, err := conn.Write(query); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(buf[:n]); err != nil {
		return err
	}
	if m.RCode != dnsmessage.RCodeSuccess || len(m.Answers) == 0 {
		return fmt.Errorf("%v with %d answers", m.RCode, len(m.Answers))
	}
	return nil
}

// packQuery packs a query of class IN without EDNS, as dnsperf sends it.
func packQuery(id uint16, name string, qtype uint16) ([]byte, error) {
	qname, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id},
		Questions: []dnsmessage.Question{{Name: qname, Type: dnsmessage.Type(qtype), Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

// freePorts finds ports of 127.0.0.1 that are free for both UDP and TCP, all different.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 100 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer tcp.Close() // held until all are found, so that they differ
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			continue
		}
		udp.Close()
		if ports = append(ports, tcp.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no ports are free for both UDP and TCP")
}

// write writes a file of a server's folder and gives its path.
func (s *setup) write(name, format string, args ...any) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o644)
}

// each is a text for each zone.
func (s *setup) each(format func(zone) string) string {
	var text strings.Builder
	for _, z := range s.zones {
		text.WriteString(format(z))
	}
	return text.String()
}
