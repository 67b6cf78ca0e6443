package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/internal/control"
)

const (
	changesASecond = 1_000
	changesAtOnce  = 10 // of one transaction
	changeWriters  = 8
	swapEvery      = time.Second
	loadShare      = 0.7 // of what generator and server reach together
	quietTimes     = 2   // a busy p99.9 may be so many times the quiet one
)

// changes loads our server at a share of what it can, quietly and while its guest is swapped and its
// records change, by turns.
func changes(ctx context.Context, b *bench) error {
	z, err := b.guestZones()
	if err != nil {
		return err
	}
	changed := ours(appsOn, "", []zone{z.routes}, guestApps)
	changed.inMemory = true // each change waits for the disk, which is not what is measured here
	s, err := b.start(ctx, changed, z.apps)
	if err != nil {
		return err
	}
	defer s.stop()
	c := &changer{bench: b, client: control.NewClient(s.control, "")}
	defer c.client.Close()
	if err := c.prepare(ctx); err != nil {
		return err
	}
	queries, err := b.queries(z.apps.apex, b.names)
	if err != nil {
		return err
	}
	reached, err := b.reached(ctx, s, stream{Queries: queries})
	if err != nil {
		return err
	}
	var first, quiet, busy changeRow
	asked := stream{Queries: queries, Rate: loadShare * reached}
	round := func(r *changeRow, begin func(context.Context) (stop func() error)) error {
		stop := begin(ctx)
		results, err := b.load(ctx, s, b.seconds, asked)
		if err := errors.Join(stop(), err); err != nil {
			return err
		}
		r.add(results[0])
		b.note("changes: p99.9 %.0f us, %d lost, %d failed, %d changes, %d swaps so far",
			micros(results[0].P999), results[0].lost(), results[0].Failed, c.changed.Load(), c.swapped.Load())
		return nil
	}
	if err := round(&first, c.swapOnce); err != nil {
		return err
	}
	for range b.rounds {
		if err := round(&quiet, func(context.Context) func() error { return func() error { return nil } }); err != nil {
			return err
		}
		if err := round(&busy, c.begin); err != nil {
			return err
		}
	}
	b.changesReport(reached, &first, &quiet, &busy, c)
	return nil
}

// window is the queries in flight where a generator is to reach what it can.
const window = 128

// reached gives the queries a second that the generator and a server reach together.
func (b *bench) reached(ctx context.Context, s *server, asked stream) (float64, error) {
	asked.Window = window
	if _, err := b.load(ctx, s, min(warmup, b.seconds), asked); err != nil {
		return 0, err
	}
	var rates series
	for i := range b.rounds {
		asked.Seed = uint64(i + 1)
		results, err := b.load(ctx, s, b.seconds/2, asked)
		if err != nil {
			return 0, err
		}
		rates = append(rates, results[0].rate())
	}
	b.note("%s: %.0f queries a second reached", s.name, rates.median())
	return rates.median(), nil
}

// changeRow is the rounds of one state.
type changeRow struct {
	p50, p99, p999, max                  series
	sent, answered, lost, failed, unsent int64
}

func (r *changeRow) add(l streamResult) {
	r.p50, r.p99 = append(r.p50, micros(l.P50)), append(r.p99, micros(l.P99))
	r.p999, r.max = append(r.p999, micros(l.P999)), append(r.max, micros(l.Max))
	r.sent, r.answered = r.sent+l.Sent, r.answered+l.Answered
	r.lost, r.failed, r.unsent = r.lost+l.lost(), r.failed+l.Failed, r.unsent+l.Unsent
}

func (r *changeRow) cells(name string) []string {
	return []string{name, fmt.Sprint(r.sent), fmt.Sprint(r.lost), fmt.Sprint(r.failed), fmt.Sprint(r.unsent),
		r.p50.spread(0), r.p99.spread(0), r.p999.spread(0), r.max.spread(0)}
}

func (b *bench) changesReport(reached float64, first, quiet, busy *changeRow, c *changer) {
	r := &b.report
	seconds := c.running.Seconds()
	r.line("## Changes under load")
	r.line("")
	r.line("`guests/apps` is asked at %.0f queries a second, %.0f %% of the %.0f that generator and server reach together. While busy, %.0f", loadShare*reached, 100*loadShare, reached, float64(c.changed.Load())/seconds)
	r.line("RRsets that the guest reads are changed a second (%d are asked for, %d in a transaction), and the guest is", changesASecond, changesAtOnce)
	r.line("swapped for another version %d times in %.0f s. The store's file is in memory where the system has /dev/shm, so that the", c.swapped.Load(), seconds)
	r.line("disk's time to write a transaction is not part of it. The first swap, alone, is to a version that is compiled and was never asked:")
	r.line("each name is computed anew. Later ones find the answers of the version that they go back to, less those that changes have ended.")
	r.table([]string{"state", "sent", "lost", "failed", "not sent in time", "median µs", "p99 µs", "p99.9 µs", "worst µs"},
		[][]string{first.cells("first swap"), quiet.cells("quiet"), busy.cells("changes and swaps")})
	r.verdict("queries lost or failed while busy", float64(busy.lost+busy.failed), 0)
	r.verdict("busy p99.9 against quiet", busy.p999.median()/quiet.p999.median(), quietTimes)
	r.verdict("changes a second asked for against those made", changesASecond/(float64(c.changed.Load())/seconds), 1.02)
	r.line("")
}

// changer changes records and swaps a guest through a server's control endpoint.
type changer struct {
	bench    *bench
	client   *control.Client
	attached control.Attachment
	changed  atomic.Int64
	swapped  atomic.Int64
	running  time.Duration
}

// prepare pushes a second version of the guest and attaches it once, so that both are compiled.
func (c *changer) prepare(ctx context.Context) error {
	file, err := c.bench.build(guestApps)
	if err != nil {
		return err
	}
	module, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := c.client.PushGuest(ctx, control.GuestPush{Guest: guestApps.name}, secondVersion(module)); err != nil {
		return err
	}
	attachments, err := c.client.Attachments(ctx)
	if err != nil {
		return err
	}
	if len(attachments) != 1 {
		return fmt.Errorf("%d attachments", len(attachments))
	}
	c.attached = attachments[0]
	for range 2 {
		if err := c.swap(ctx); err != nil {
			return err
		}
	}
	return nil
}

// swapOnce attaches the other version in the middle of a round, and gives what waits for that.
func (c *changer) swapOnce(ctx context.Context) (stop func() error) {
	done := make(chan error, 1)
	time.AfterFunc(time.Duration(c.bench.seconds/2*float64(time.Second)), func() {
		done <- c.swap(ctx)
		c.swapped.Store(0) // it is not one of those that are made each second
	})
	return func() error { return <-done }
}

// secondVersion is the module with a custom section more, which does nothing: another version of the same guest.
func secondVersion(module []byte) []byte {
	const custom = 0
	return append(slices.Clone(module), custom, 2, 1, 'v')
}

// swap attaches the other version.
func (c *changer) swap(ctx context.Context) error {
	c.attached.Version = 3 - c.attached.Version
	_, err := c.client.Attach(ctx, c.attached)
	if err == nil {
		c.swapped.Add(1)
	}
	return err
}

// begin changes and swaps until the function that it gives is called; that gives the first error.
func (c *changer) begin(ctx context.Context) func() error {
	var chores []chore
	for w := range changeWriters {
		n := w
		chores = append(chores, chore{changeWriters * changesAtOnce * time.Second / changesASecond, func(ctx context.Context) error {
			n += changeWriters * changesAtOnce
			return c.change(ctx, n)
		}})
	}
	begun := time.Now()
	stop := repeat(ctx, append(chores, chore{swapEvery, c.swap})...)
	return func() error {
		err := stop()
		c.running += time.Since(begun)
		return err
	}
}

// chore is what is done again and again beside a load.
type chore struct {
	every time.Duration
	act   func(context.Context) error
}

// repeat does chores until the function that it gives is called; that gives the first error.
func repeat(ctx context.Context, chores ...chore) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	failed := make(chan error, len(chores))
	for _, c := range chores {
		group.Go(func() {
			ticks := time.NewTicker(c.every)
			defer ticks.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticks.C:
				}
				// One that was begun is finished, so that it is counted for what it is.
				if err := c.act(context.WithoutCancel(ctx)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	return func() error {
		cancel()
		group.Wait()
		select {
		case err := <-failed:
			return fmt.Errorf("beside the load: %w", err)
		default:
			return nil
		}
	}
}

// change moves some apps to other routers, in one transaction.
func (c *changer) change(ctx context.Context, n int) error {
	request := control.RecordApply{Zone: "routes.internal"}
	for i := range changesAtOnce {
		n := n + i*changeWriters
		app, router := n%c.bench.names, (n+n/c.bench.names)%routers
		request.Changes = append(request.Changes, control.RecordChange{Set: &control.RecordSet{
			Name: fmt.Sprintf("n%07d", app), Type: "TXT", TTL: 300,
			Data: []string{fmt.Sprintf("\"router=r%d %s\"", router, suffixTXT)},
		}})
	}
	_, err := c.client.ApplyRecords(ctx, request)
	if err == nil {
		c.changed.Add(changesAtOnce)
	}
	return err
}
