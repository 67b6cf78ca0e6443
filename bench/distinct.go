package main

import (
	"context"
	"fmt"
)

const (
	distinctChunk  = 20 // seconds of load between two looks at the memory
	distinctLooks  = 8  // rows of the table, about
	distinctMargin = 64 << 20

	defaultCacheBytes = 128 << 20 // RESPONDER_CACHE_BYTES
)

// distinct asks our server for random names, each once, far more than it can keep, of a static zone and of a
// guest by turns, and watches its memory.
func distinct(ctx context.Context, b *bench) error {
	z, err := b.guestZones()
	if err != nil {
		return err
	}
	names, err := b.namesZone(b.names)
	if err != nil {
		return err
	}
	s, err := b.start(ctx, ours("Namelet", "", []zone{z.routes}, guestApps), names, z.apps)
	if err != nil {
		return err
	}
	defer s.stop()
	before, err := s.process.use()
	if err != nil {
		return err
	}
	var looks []distinctLook
	var asked, lost int64
	for chunk := uint64(0); asked < b.distinct; chunk++ {
		below := []string{names.apex, z.apps.apex}[chunk%2]
		results, err := b.load(ctx, s, min(distinctChunk, 2*b.seconds), stream{Random: below, Window: window, Seed: 1<<32 + chunk})
		if err != nil {
			return err
		}
		used, err := s.process.use()
		if err != nil {
			return err
		}
		asked, lost = asked+results[0].Sent, lost+results[0].lost()
		looks = append(looks, distinctLook{asked, used.memory})
		b.note("distinct: %d names asked, %s MiB", asked, mib(used.memory))
	}
	b.distinctReport(before.memory, looks, lost)
	return nil
}

// distinctLook is what was resident after so many names.
type distinctLook struct{ asked, memory int64 }

func (b *bench) distinctReport(before int64, looks []distinctLook, lost int64) {
	r := &b.report
	r.line("## Random names, each asked once")
	r.line("")
	r.line("%d names that are asked for once and never again, by turns below a static zone (NXDOMAIN) and below `guests/apps` (which asks", looks[len(looks)-1].asked)
	r.line("for a route that is not there). Before them %s MiB were resident; %d of them got no response.", mib(before), lost)
	var cells [][]string
	var most int64
	step := max(1, len(looks)/distinctLooks)
	for i, look := range looks {
		most = max(most, look.memory)
		if i%step == step-1 || i == len(looks)-1 {
			cells = append(cells, []string{fmt.Sprint(look.asked), mib(look.memory)})
		}
	}
	r.table([]string{"names so far", "memory MiB"}, cells)
	// What is kept may fill its bound of 128 MiB; the margin is the collector's.
	bound := before + defaultCacheBytes + distinctMargin
	r.verdict("most memory against the bound: what was resident before, the cache's bytes and 64 MiB", float64(most)/float64(bound), 1)
	r.line("")
}
