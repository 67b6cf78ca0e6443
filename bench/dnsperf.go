package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// perfResult is what dnsperf says of a run.
type perfResult struct {
	sent, completed, lost int64
	seconds               float64
	rate                  float64          // queries a second
	octets                float64          // of a response, the mean
	codes                 map[string]int64 // responses by RCODE
}

var (
	perfCounts = regexp.MustCompile(`(?m)^\s*Queries (sent|completed|lost):\s+(\d+)`)
	perfTime   = regexp.MustCompile(`(?m)^\s*Run time \(s\):\s+([\d.]+)`)
	perfRate   = regexp.MustCompile(`(?m)^\s*Queries per second:\s+([\d.]+)`)
	perfSize   = regexp.MustCompile(`(?m)^\s*Average packet size:.*response ([\d.]+)`)
	perfCodes  = regexp.MustCompile(`(?m)^\s*Response codes:\s+(.*)$`)
	perfCode   = regexp.MustCompile(`([A-Z0-9]+) (\d+) \(`)
)

// parsePerf reads what dnsperf prints at its end.
func parsePerf(text string) (perfResult, error) {
	r := perfResult{codes: make(map[string]int64)}
	counts := map[string]*int64{"sent": &r.sent, "completed": &r.completed, "lost": &r.lost}
	found := perfCounts.FindAllStringSubmatch(text, -1)
	if len(found) != len(counts) {
		return r, fmt.Errorf("dnsperf: %d of %d counts found", len(found), len(counts))
	}
	var err error
	for _, m := range found {
		if *counts[m[1]], err = strconv.ParseInt(m[2], 10, 64); err != nil {
			return r, fmt.Errorf("dnsperf: queries %s: %w", m[1], err)
		}
	}
	for _, field := range []struct {
		pattern *regexp.Regexp
		value   *float64
	}{{perfTime, &r.seconds}, {perfRate, &r.rate}, {perfSize, &r.octets}} {
		m := field.pattern.FindStringSubmatch(text)
		if m == nil {
			return r, fmt.Errorf("dnsperf: nothing matches %v", field.pattern)
		}
		if *field.value, err = strconv.ParseFloat(m[1], 64); err != nil {
			return r, fmt.Errorf("dnsperf: %w", err)
		}
	}
	if m := perfCodes.FindStringSubmatch(text); m != nil {
		for _, code := range perfCode.FindAllStringSubmatch(m[1], -1) {
			if r.codes[code[1]], err = strconv.ParseInt(code[2], 10, 64); err != nil {
				return r, fmt.Errorf("dnsperf: %w", err)
			}
		}
	}
	return r, nil
}

// failures counts the responses that say neither that a name is there nor that it is not.
func (r perfResult) failures() (n int64) {
	for code, count := range r.codes {
		if code != "NOERROR" && code != "NXDOMAIN" {
			n += count
		}
	}
	return n
}

// Transports of dnsperf.
const (
	modeUDP = "udp"
	modeTCP = "tcp"
	modeTLS = "dot"
)

// clients and outstanding are the sockets that dnsperf uses and the queries it has in flight over all of them.
const (
	clients     = 10
	outstanding = 200
)

// perf loads a server with dnsperf, as fast as both go, for some seconds.
func (b *bench) perf(ctx context.Context, s *server, mode, queries string, seconds float64) (perfResult, error) {
	port := s.port
	if mode == modeTLS {
		port = s.tlsPort
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second))+30*time.Second)
	defer cancel()
	// dnsperf counts whole seconds.
	limit := max(1, int(seconds+0.5))
	text, err := runTool(ctx, b.loadCore, nil, nil, "dnsperf", "-m", mode, "-f", "inet", "-s", "127.0.0.1", "-p", strconv.Itoa(port),
		"-d", queries, "-l", strconv.Itoa(limit), "-c", strconv.Itoa(clients), "-q", strconv.Itoa(outstanding), "-T", "1", "-t", "2")
	if err != nil {
		return perfResult{}, err
	}
	r, err := parsePerf(text)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.name, err)
	}
	if r.completed == 0 {
		return r, fmt.Errorf("%s answered none of %d queries over %s; %s", s.name, r.sent, mode, strings.TrimSpace(s.process.log.String()))
	}
	return r, nil
}
