package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestSeries(t *testing.T) {
	for _, c := range []struct {
		s      series
		median float64
		text   string
	}{
		{nil, 0, ""},
		{series{2}, 2, "2.00"},
		{series{3, 1, 2}, 2, "2.00 [1.00–3.00]"},
		{series{4, 1, 2, 3}, 2.5, "2.50 [1.00–4.00]"},
	} {
		if got := c.s.median(); got != c.median {
			t.Errorf("%v: got median %v, want %v", c.s, got, c.median)
		}
		if got := c.s.spread(2); got != c.text {
			t.Errorf("%v: got %q, want %q", c.s, got, c.text)
		}
	}
}

func TestComparison(t *testing.T) {
	var r report
	r.comparison([]*row{{name: "A", cpu: series{1.5}, helperCPU: series{2}, rate: series{1000}, octets: series{61}, memory: 3 << 20, lost: 4, failed: 5}}, false)
	r.verdict("within", 1, 1)
	r.verdict("beyond", 1.01, 1)
	const want = `
| server | CPU µs a query | queries a second | octets | memory MiB | lost | failed |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| A | 1.50, backend 2.00 | 1000 | 61 | 3.0 | 4 | 5 |

- within: 1.00, at most 1.00: yes
- beyond: 1.01, at most 1.00: **no**
`
	if got := r.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestVersionLine(t *testing.T) {
	for _, c := range []struct{ text, mark, want string }{
		{"NSD version 4.6.1\nWritten by NLnet Labs.\n", "version", "NSD version 4.6.1"},
		{"Nov 23 21:08:48 PowerDNS Authoritative Server 4.7.3 (C) 2001-2022 PowerDNS.COM BV\n", "Server ", "PowerDNS Authoritative Server 4.7.3"},
		{"no such option\n", "version", "unknown"},
	} {
		if got := versionLine(c.text, c.mark); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, args := range []string{"-only nothing", "-seconds 0", "-rounds 0", "-server-core 1 -load-core 1", "extra", "-names 1", "-crowd 19", "-crowd-memory 0"} {
		if _, err := parseOptions(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	o, err := parseOptions(strings.Fields("-only static,flood"), io.Discard)
	if err != nil || len(o.sections()) != 2 {
		t.Errorf("got %+v, %v", o, err)
	}
	if o, err := parseOptions(nil, io.Discard); err != nil || len(o.sections()) != len(sections)-3 || slices.Contains(o.sections(), "crowd") {
		t.Errorf("without -only: got %+v, %v", o, err)
	}
}
