package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Each peer runs as its manual says a server of one core is to run: one worker, no rate limit, no log of
// queries, no records in a response that nobody asked for, nothing read or written beside its folder.

var nsd = kind{name: "NSD", start: func(b *bench, s *setup) (*process, *process, error) {
	conf, err := s.write("nsd.conf", `server:
	ip-address: 127.0.0.1@%d
	ip-address: 127.0.0.1@%d
	tls-port: %d
	tls-service-key: "%s"
	tls-service-pem: "%s"
	server-count: 1
	tcp-count: 1000
	username: ""
	database: ""
	zonesdir: "%s"
	pidfile: "%[6]s/nsd.pid"
	xfrdfile: "%[6]s/xfrd.state"
	xfrdir: "%[6]s"
	zonelistfile: "%[6]s/zone.list"
	rrl-ratelimit: 0
	minimal-responses: yes
	zonefiles-check: no
remote-control:
	control-enable: no
%[7]s`, s.port, s.tlsPort, s.tlsPort, s.tls.key, s.tls.chain, s.dir, s.each(func(z zone) string {
		return fmt.Sprintf("zone:\n\tname: %s\n\tzonefile: %s\n", z.apex, z.file)
	}))
	if err != nil {
		return nil, nil, err
	}
	p, err := start(b.serverCore, nil, "nsd", "-d", "-c", conf)
	return p, nil, err
}}

var knot = kind{name: "Knot", start: func(b *bench, s *setup) (*process, *process, error) {
	s.tlsPort = 0 // this version has none
	conf, err := s.write("knot.conf", `server:
    listen: 127.0.0.1@%d
    rundir: %s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-reuseport: off
log:
  - target: stderr
    any: warning
database:
    storage: %[2]s
template:
  - id: default
    storage: %[2]s
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
%[3]s`, s.port, s.dir, s.each(func(z zone) string {
		return fmt.Sprintf("  - domain: %s\n    file: %s\n", z.apex, z.file)
	}))
	if err != nil {
		return nil, nil, err
	}
	p, err := start(b.serverCore, nil, "knotd", "-c", conf)
	return p, nil, err
}}

var gdnsd = kind{name: "gdnsd", start: func(b *bench, s *setup) (*process, *process, error) {
	s.tlsPort = 0
	zones := filepath.Join(s.dir, "zones")
	if err := os.Mkdir(zones, 0o755); err != nil {
		return nil, nil, err
	}
	for _, z := range s.zones {
		if err := os.Symlink(z.file, filepath.Join(zones, z.apex)); err != nil {
			return nil, nil, err
		}
	}
	_, err := s.write("config", `options => {
	listen => { 127.0.0.1:%d => { udp_threads = 1, tcp_threads = 1 } }
	run_dir = %s/run
	state_dir = %[2]s/state
}
`, s.port, s.dir)
	if err != nil {
		return nil, nil, err
	}
	p, err := start(b.serverCore, nil, "gdnsd", "-c", s.dir, "start")
	return p, nil, err
}}

var bind = kind{name: "BIND", start: func(b *bench, s *setup) (*process, *process, error) {
	conf, err := s.write("named.conf", `tls bench { key-file "%s"; cert-file "%s"; };
options {
	directory "%s";
	pid-file none;
	session-keyfile none;
	managed-keys-directory "%[3]s";
	listen-on port %[4]d { 127.0.0.1; };
	listen-on port %[5]d tls bench { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	minimal-responses yes;
	notify no;
	querylog no;
};
controls { };
logging { category default { null; }; };
%[6]s`, s.tls.key, s.tls.chain, s.dir, s.port, s.tlsPort, s.each(func(z zone) string {
		return fmt.Sprintf("zone %q { type primary; file %q; };\n", z.apex, z.file)
	}))
	if err != nil {
		return nil, nil, err
	}
	p, err := start(b.serverCore, nil, "named", "-f", "-n", "1", "-4", "-c", conf)
	return p, nil, err
}}

var powerdns = powerDNS("PowerDNS")

// powerDNS is PowerDNS with more settings. Its answers come out of its packet cache; those of a Lua
// record do not.
func powerDNS(name string, settings ...string) kind {
	return kind{name: name, start: func(b *bench, s *setup) (*process, *process, error) {
		s.tlsPort = 0
		conf, err := s.write("bind.conf", "%s", s.each(func(z zone) string {
			return fmt.Sprintf("zone %q { type master; file %q; };\n", z.apex, z.file)
		}))
		if err != nil {
			return nil, nil, err
		}
		args := append([]string{
			"--no-config", "--daemon=no", "--guardian=no", "--disable-syslog=yes", "--loglevel=3",
			"--launch=bind", "--bind-config=" + conf, "--bind-check-interval=0",
			"--local-address=127.0.0.1", fmt.Sprintf("--local-port=%d", s.port), "--socket-dir=" + s.dir,
			"--receiver-threads=1", "--distributor-threads=1", "--security-poll-suffix=",
		}, settings...)
		p, err := start(b.serverCore, nil, "pdns_server", args...)
		return p, nil, err
	}}
}

var coreDNS = kind{name: "CoreDNS", start: func(b *bench, s *setup) (*process, *process, error) {
	s.tlsPort = 0
	return s.startCoreDNS(b, func(z zone) string { return "file " + z.file })
}}

// coreDNSBackend is CoreDNS that asks a program over gRPC for each answer. The program decides as
// guests/apps does, from maps in its memory, and shares the server's core.
var coreDNSBackend = kind{name: "CoreDNS, gRPC backend", start: func(b *bench, s *setup) (*process, *process, error) {
	s.tlsPort = 0
	ports, err := freePorts(1)
	if err != nil {
		return nil, nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	helper, err := start(b.serverCore, nil, b.backend, "-listen", address, "-names", fmt.Sprint(b.names))
	if err != nil {
		return nil, nil, err
	}
	time.Sleep(500 * time.Millisecond) // until it listens; CoreDNS tries again by itself
	p, _, err := s.startCoreDNS(b, func(zone) string { return "grpc . " + address })
	if err != nil {
		helper.stop()
	}
	return p, helper, err
}}

func (s *setup) startCoreDNS(b *bench, plugin func(zone) string) (*process, *process, error) {
	conf, err := s.write("Corefile", "%s", s.each(func(z zone) string {
		return fmt.Sprintf("%s:%d {\n\tbind 127.0.0.1\n\tminimal\n\t%s\n}\n", z.apex, s.port, plugin(z))
	}))
	if err != nil {
		return nil, nil, err
	}
	p, err := start(b.serverCore, nil, b.coredns, "-conf", conf)
	return p, nil, err
}
