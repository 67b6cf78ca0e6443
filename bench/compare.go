package main

import (
	"context"
	"fmt"
	"io"
)

// Names of our server's rows.
const (
	oursStatic   = "Namelet"
	oursUncached = "Namelet, cache off"
	appsOn       = "Namelet guests/apps"
	appsOff      = "Namelet guests/apps, cache off"
	weightedOn   = "Namelet guests/weighted"
	weightedOff  = "Namelet guests/weighted, cache off"
	luaOwn       = "PowerDNS Lua records"
	luaShared    = "PowerDNS Lua records, shared state"
)

const cacheOff = "0"

// find gives the median CPU time of a row; it is 0 for a row that is not there.
func find(rows []*row, name string) float64 {
	for _, r := range rows {
		if r.name == name {
			return r.cpu.median()
		}
	}
	return 0
}

// static compares all servers on one zone.
func static(ctx context.Context, b *bench) error {
	rows, err := b.staticRows(ctx, modeUDP, true, ours(oursStatic, "", nil), ours(oursUncached, cacheOff, nil), nsd, knot, gdnsd, bind, powerdns, coreDNS, echo)
	if err != nil {
		return err
	}
	b.report.line("## Static zone of %d names, UDP", b.names)
	b.report.line("")
	b.report.line("%d of 100 queries are for names that are not there. The bare echo is no nameserver: it sends each query back with one", missing)
	b.report.line("record more, and so takes what the kernel takes of every server.")
	b.report.comparison(rows, true)
	b.report.verdict("Namelet against NSD, CPU", find(rows, oursStatic)/find(rows, nsd.name), 1)
	b.report.verdict("Namelet against gdnsd, CPU (the aim)", find(rows, oursStatic)/find(rows, gdnsd.name), 1)
	b.report.line("")
	return nil
}

// staticRows measures servers with the small zone.
func (b *bench) staticRows(ctx context.Context, mode string, latency bool, kinds ...kind) ([]*row, error) {
	z, err := b.namesZone(b.names)
	if err != nil {
		return nil, err
	}
	queries, err := b.queries(z.apex, b.names)
	if err != nil {
		return nil, err
	}
	servers, err := b.startAll(ctx, kinds, z)
	if err != nil {
		return nil, err
	}
	defer servers.stop()
	return b.compare(ctx, servers, workload{mode: mode, latency: latency, queries: func(*server) string { return queries }})
}

// The guests that are measured.
var (
	guestApps     = guest{name: "apps", folder: "./guests/apps", zone: "apps.example", args: []string{"--grant", "routes.internal"}}
	guestWeighted = guest{name: "weighted", folder: "./guests/weighted", zone: "weighted.example",
		args: []string{"--config", "blue.weighted.example=9", "--config", "green.weighted.example=1"}}
	guestHeavy = guest{name: "heavy", folder: "./bench/heavy", zone: "heavy.example"}
)

// guestZones are the zones that guests answer for, and the private one that guests/apps reads.
type guestZones struct{ apps, weighted, heavy, lua, routes zone }

func (b *bench) guestZones() (z guestZones, err error) {
	z.apps = zone{apex: "apps.example", ask: "n0000000.apps.example"}
	z.lua = zone{apex: "apps.example", ask: "n0000000.apps.example"}
	z.weighted = zone{apex: "weighted.example", ask: "n0000000.weighted.example"}
	z.heavy = zone{apex: "heavy.example", ask: "n0000000.heavy.example"}
	z.routes = zone{apex: "routes.internal"}
	for _, f := range []struct {
		zone  *zone
		name  string
		write func(io.Writer)
	}{
		{&z.apps, "apps", func(w io.Writer) { writeBare(w, "apps.example") }},
		{&z.weighted, "weighted", func(w io.Writer) { writeBare(w, "weighted.example") }},
		{&z.heavy, "heavy", func(w io.Writer) { writeBare(w, "heavy.example") }},
		{&z.lua, "lua", func(w io.Writer) { writeLua(w, "apps.example", b.names) }},
		{&z.routes, "routes", func(w io.Writer) { writeRoutes(w, b.names) }},
	} {
		if f.zone.file, err = b.file(f.name+".zone", f.write); err != nil {
			return z, err
		}
	}
	return z, nil
}

// guests compares computed answers, with our static figures beside them.
func guests(ctx context.Context, b *bench) error {
	z, err := b.guestZones()
	if err != nil {
		return err
	}
	names, err := b.namesZone(b.names)
	if err != nil {
		return err
	}
	var servers fleet
	defer func() { servers.stop() }()
	queries := make(map[*server]string)
	private := []zone{z.routes}
	for _, one := range []struct {
		kind kind
		zone zone
	}{
		{ours(oursStatic, "", nil), names},
		{ours(appsOn, "", private, guestApps), z.apps},
		{ours(weightedOn, "", nil, guestWeighted), z.weighted},
		{ours(oursUncached, cacheOff, nil), names},
		{ours(appsOff, cacheOff, private, guestApps), z.apps},
		{ours(weightedOff, cacheOff, nil, guestWeighted), z.weighted},
		{nsd, names},
		{bind, names},
		{powerDNS(luaOwn, "--enable-lua-records=yes", "--cache-ttl=0"), z.lua},
		{powerDNS(luaShared, "--enable-lua-records=shared", "--cache-ttl=0"), z.lua},
		{coreDNSBackend, z.apps},
		{echo, names},
	} {
		s, err := b.start(ctx, one.kind, one.zone)
		if err != nil {
			return err
		}
		servers = append(servers, s)
		if queries[s], err = b.queries(one.zone.apex, b.names); err != nil {
			return err
		}
	}
	rows, err := b.compare(ctx, servers, workload{mode: modeUDP, latency: true, queries: func(s *server) string { return queries[s] }})
	if err != nil {
		return err
	}
	b.guestReport(rows)
	return nil
}

func (b *bench) guestReport(rows []*row) {
	r := &b.report
	r.line("## Computed answers, UDP")
	r.line("")
	r.line("`guests/apps` reads a route and then its router's addresses, out of %d routes; `guests/weighted` picks one of two RRsets. Both", b.names)
	r.line("are Go. Each Lua record picks one of two addresses and reads nothing, which is less work than the guests'. The gRPC backend, a")
	r.line("process of its own on the server's core, decides as `guests/apps` does from a map in its memory. Static zones stand beside.")
	r.comparison(rows, true)
	r.verdict("cached guests/apps against NSD's static figure", find(rows, appsOn)/find(rows, nsd.name), 1)
	r.verdict("cached guests/weighted against NSD's static figure", find(rows, weightedOn)/find(rows, nsd.name), 1)
	r.verdict("cached guests/weighted against our static figure", find(rows, weightedOn)/find(rows, oursStatic), 1.15)
	r.verdict("uncached guests/apps against our static figure", find(rows, appsOff)/find(rows, oursStatic), 1.6)
	r.verdict("uncached guests/apps against BIND's static figure", find(rows, appsOff)/find(rows, bind.name), 1)
	r.verdict("uncached guests/apps against Lua records with shared state", find(rows, appsOff)/find(rows, luaShared), 1.0/5)
	r.verdict("uncached guests/apps against CoreDNS with its backend (CoreDNS alone)", find(rows, appsOff)/find(rows, coreDNSBackend.name), 1.0/15)
	r.line("- beside: the bare echo takes %.2f of Lua records with shared state, and %.2f of CoreDNS with its backend: no server that is", find(rows, echo.name)/find(rows, luaShared), find(rows, echo.name)/find(rows, coreDNSBackend.name))
	r.line("  asked by UDP can take less here")
	r.line("")
}

// overTCP compares servers over TCP.
func overTCP(ctx context.Context, b *bench) error {
	rows, err := b.staticRows(ctx, modeTCP, false, ours(oursStatic, "", nil), nsd, knot)
	if err != nil {
		return err
	}
	b.transportReport("TCP", rows)
	return nil
}

// overTLS compares servers over TLS; Debian's Knot has none.
func overTLS(ctx context.Context, b *bench) error {
	rows, err := b.staticRows(ctx, modeTLS, false, ours(oursStatic, "", nil), nsd, bind)
	if err != nil {
		return err
	}
	b.transportReport("TLS", rows)
	return nil
}

// transportReport compares ours with the better of NSD and Knot.
func (b *bench) transportReport(name string, rows []*row) {
	b.report.line("## Static zone of %d names, %s, %d connections", b.names, name, clients)
	b.report.comparison(rows, false)
	best := find(rows, nsd.name)
	if other := find(rows, knot.name); other > 0 {
		best = min(best, other)
	}
	b.report.verdict("Namelet against the better of NSD and Knot, CPU", find(rows, oursStatic)/best, 1.5)
	b.report.line("")
}

// many compares servers on a zone of very many names with what they are on the small one.
func many(ctx context.Context, b *bench) error {
	kinds := []kind{ours(oursStatic, "", nil), nsd, knot}
	small, err := b.staticRows(ctx, modeUDP, false, kinds...)
	if err != nil {
		return err
	}
	z, err := b.namesZone(b.many)
	if err != nil {
		return err
	}
	queries, err := b.queries(z.apex, b.many)
	if err != nil {
		return err
	}
	servers, err := b.startAll(ctx, kinds, z)
	if err != nil {
		return err
	}
	defer servers.stop()
	resting := make(map[string]int64) // before they are asked: what the names alone take
	for _, s := range servers {
		used, err := s.process.use()
		if err != nil {
			return err
		}
		resting[s.name] = used.memory
	}
	large, err := b.compare(ctx, servers, workload{mode: modeUDP, queries: func(*server) string { return queries }})
	if err != nil {
		return err
	}
	var cells [][]string
	for i, l := range large {
		s := small[i]
		extra := float64(b.many - b.names)
		cells = append(cells, []string{l.name, s.cpu.spread(2), l.cpu.spread(2), fmt.Sprintf("%.2f", l.cpu.median()/s.cpu.median()),
			mib(l.memory), fmt.Sprintf("%.0f", float64(l.memory-s.memory)/extra), fmt.Sprintf("%.0f", float64(resting[l.name]-s.memory)/extra),
			fmt.Sprintf("%.1f", l.loaded.Seconds()), fmt.Sprint(l.lost), fmt.Sprint(l.failed)})
	}
	b.report.line("## %d names beside %d", b.many, b.names)
	b.report.line("")
	b.report.line("Bytes a name: how much more is resident than with the small zone, over the names that are more, after the load and before it.")
	b.report.line("A name has 1.25 RRsets. Our time to load includes the import into the store.")
	b.report.table([]string{"server", "CPU µs, small", "CPU µs, large", "ratio", "memory MiB", "bytes a name", "before load", "load s", "lost", "failed"}, cells)
	b.report.verdict("Namelet, large against small, CPU", find(large, oursStatic)/find(small, oursStatic), 1.3)
	b.report.line("")
	return nil
}
