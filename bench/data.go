package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Zones and queries are made by rule from their size alone, so that every run and every server has the
// same. NAME i is n0000000 and on; in routes.internal app NAME i is served by router i modulo routers.
const (
	routers     = 16 // keep in step with coredns/backend
	missing     = 10 // in a hundred queries, ask for a name that is not there
	smallDraws  = 100_000
	suffixTXT   = "state=active"
	seed1, seed = 0x6e616d656c657400, 3
)

func head(w io.Writer, apex string) {
	fmt.Fprintf(w, "$ORIGIN %s.\n$TTL 300\n@ SOA ns1.%[1]s. hostmaster.%[1]s. 1 3600 600 604800 60\n@ NS ns1.%[1]s.\n@ NS ns2.%[1]s.\n", apex)
	fmt.Fprintf(w, "ns1 A 192.0.2.53\nns2 A 198.51.100.53\n")
}

// writeNames writes a zone of n names with an address each, and every fourth with one of IPv6.
func writeNames(w io.Writer, apex string, n int) {
	head(w, apex)
	for i := range n {
		fmt.Fprintf(w, "n%07d A 10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
		if i%4 == 0 {
			fmt.Fprintf(w, "n%07d AAAA 2001:db8::%x:%x\n", i, i>>16, i&0xffff)
		}
	}
}

// writeRoutes writes the private zone that guests/apps reads, with n apps.
func writeRoutes(w io.Writer, n int) {
	head(w, "routes.internal")
	for i := range n {
		fmt.Fprintf(w, "n%07d TXT \"router=r%d %s\"\n", i, i%routers, suffixTXT)
	}
	for r := range routers {
		fmt.Fprintf(w, "r%d.routers A 192.0.2.%d\nr%[1]d.routers A 198.51.100.%[2]d\nr%[1]d.routers AAAA 2001:db8:%[2]x::7\n", r, r+1)
	}
}

// writeBare writes a zone that a guest answers for. The names are those that guests/weighted is configured with.
func writeBare(w io.Writer, apex string) {
	head(w, apex)
	fmt.Fprintf(w, "blue A 192.0.2.1\nblue A 192.0.2.2\ngreen A 192.0.2.3\ngreen A 192.0.2.4\n")
}

// writeLua writes a zone of n PowerDNS Lua records that pick one of two addresses.
func writeLua(w io.Writer, apex string, n int) {
	head(w, apex)
	for i := range n {
		fmt.Fprintf(w, "n%07d LUA A \"pickrandom({'192.0.2.%d','198.51.100.%[2]d'})\"\n", i, i%routers+1)
	}
}

// writeQueries writes draws queries for A records of the n names below apex in dnsperf's form; some are
// for names that are not there.
func writeQueries(w io.Writer, apex string, n, draws int) {
	random := rand.New(rand.NewPCG(seed1, seed))
	for range draws {
		letter := 'n'
		if random.IntN(100) < missing {
			letter = 'x'
		}
		fmt.Fprintf(w, "%c%07d.%s A\n", letter, random.IntN(n), apex)
	}
}

// file makes a file of the run's folder once.
func (b *bench) file(name string, write func(io.Writer)) (string, error) {
	path := filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	write(buffered)
	if err := buffered.Flush(); err != nil {
		f.Close()
		return "", err
	}
	return path, f.Close()
}

// namesZone is the zone of n names.
func (b *bench) namesZone(n int) (zone, error) {
	path, err := b.file(fmt.Sprintf("names-%d.zone", n), func(w io.Writer) { writeNames(w, "bench.example", n) })
	return zone{apex: "bench.example", file: path, ask: "n0000000.bench.example"}, err
}

// queries is a file of queries for n names below apex.
func (b *bench) queries(apex string, n int) (string, error) {
	return b.file(fmt.Sprintf("queries-%s-%d", apex, n), func(w io.Writer) { writeQueries(w, apex, n, max(n, smallDraws)) })
}
