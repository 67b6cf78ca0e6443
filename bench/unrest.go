package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/internal/control"
)

// swaps loads our server at a share of what it can, quietly and while its guest is swapped each second between two
// versions that answer differently, and holds each answer against theirs.
func swaps(ctx context.Context, b *bench) error {
	u, err := b.unrest(ctx)
	if err != nil {
		return err
	}
	defer u.close()
	first, err := u.answersOf(ctx, 1)
	if err != nil {
		return err
	}
	second, err := u.answersOf(ctx, 2)
	if err != nil {
		return err
	}
	if err := differ(first, second); err != nil {
		return err
	}
	u.asked.Answers = []string{first, second}
	u.attached.Version = 2
	return u.compare(ctx, "Swaps under load", "the guest is swapped once a second, by the API, between two versions that are both compiled",
		func(context.Context) []chore { return []chore{{swapEvery, u.swap}} },
		func() string { return fmt.Sprintf("%d swaps", u.swapped.Load()) })
}

// pushes does that while modules are pushed without a pause: ones of Go, each new, and hostile ones.
func pushes(ctx context.Context, b *bench) error {
	u, err := b.unrest(ctx)
	if err != nil {
		return err
	}
	defer u.close()
	first, err := u.answersOf(ctx, 1)
	if err != nil {
		return err
	}
	u.asked.Answers = []string{first}
	p := &pusher{unrest: u}
	if err := p.load(); err != nil {
		return err
	}
	return u.compare(ctx, "Pushes under load", "modules are pushed without a pause: one after the other of Go with 2 MiB, each new, and beside them hostile ones",
		func(context.Context) []chore {
			return []chore{{time.Millisecond, p.fresh}, {time.Millisecond, p.hostile}}
		},
		func() string {
			return fmt.Sprintf("%d modules of Go became versions, %d hostile ones were refused and %d taken", p.taken.Load(), p.refused.Load(), p.harmless.Load())
		})
}

// unrest is a server whose guest has two versions.
type unrest struct {
	*changer
	server  *server
	module  []byte
	queries string
	asked   stream
}

// The name under which the second version finds its routers, as long as the first one's.
const (
	firstRouters  = "routers.routes.internal"
	secondRouters = "zouters.routes.internal"
)

func (b *bench) unrest(ctx context.Context) (*unrest, error) {
	z, err := b.guestZones()
	if err != nil {
		return nil, err
	}
	k := ours(appsOn, "", []zone{z.routes}, guestApps)
	k.inMemory = true
	u := &unrest{}
	if u.server, err = b.start(ctx, k, z.apps); err != nil {
		return nil, err
	}
	u.changer = &changer{bench: b, client: control.NewClient(u.server.control, "")}
	if err := u.fill(ctx); err != nil {
		return nil, errors.Join(err, u.close())
	}
	if u.queries, err = b.queries(z.apps.apex, b.names); err != nil {
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}

func (u *unrest) close() error {
	u.server.stop()
	return u.client.Close()
}

// fill makes the second version and what it looks up.
func (u *unrest) fill(ctx context.Context) error {
	file, err := u.bench.build(guestApps)
	if err != nil {
		return err
	}
	if u.module, err = os.ReadFile(file); err != nil {
		return err
	}
	if !bytes.Contains(u.module, []byte(firstRouters)) {
		return fmt.Errorf("%s does not name %s", file, firstRouters)
	}
	if _, err := u.client.PushGuest(ctx, control.GuestPush{Guest: guestApps.name}, bytes.ReplaceAll(u.module, []byte(firstRouters), []byte(secondRouters))); err != nil {
		return err
	}
	q := control.RecordApply{Zone: "routes.internal"}
	for r := range routers {
		name, _, _ := strings.Cut(secondRouters, ".")
		q.Changes = append(q.Changes, control.RecordChange{Set: &control.RecordSet{
			Name: fmt.Sprintf("r%d.%s", r, name), Type: "A", TTL: 300, Data: []string{fmt.Sprintf("203.0.113.%d", r+1)},
		}})
	}
	if _, err := u.client.ApplyRecords(ctx, q); err != nil {
		return err
	}
	attachments, err := u.client.Attachments(ctx)
	if err != nil {
		return err
	}
	if len(attachments) != 1 {
		return fmt.Errorf("%d attachments", len(attachments))
	}
	u.attached = attachments[0]
	return nil
}

// answersOf puts a version in force and keeps what it answers.
func (u *unrest) answersOf(ctx context.Context, version uint64) (string, error) {
	u.attached.Version = version
	if _, err := u.client.Attach(ctx, u.attached); err != nil {
		return "", err
	}
	time.Sleep(2 * time.Second) // it is in force within one
	return u.bench.fingerprints(u.server, u.queries, fmt.Sprintf("answers-%d", version))
}

// differ refuses versions of which a mix would not be seen.
func differ(first, second string) error {
	a, err := os.ReadFile(first)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(second)
	if err != nil {
		return err
	}
	same := 0
	others := strings.Fields(string(b))
	for i, f := range strings.Fields(string(a)) {
		if f == others[i] {
			same++
		}
	}
	if same > len(others)/2 {
		return fmt.Errorf("both versions answer %d of %d queries alike", same, len(others))
	}
	return nil
}

// compare loads the server quietly and with chores, by turns.
func (u *unrest) compare(ctx context.Context, title, what string, chores func(context.Context) []chore, count func() string) error {
	b := u.bench
	all := u.asked
	all.Queries = u.queries
	reached, err := b.reached(ctx, u.server, all)
	if err != nil {
		return err
	}
	all.Rate = loadShare * reached
	var quiet, busy changeRow
	var memory []string
	wrong := int64(0)
	for range b.rounds {
		for _, r := range []*changeRow{&quiet, &busy} {
			var todo []chore
			if r == &busy {
				todo = chores(ctx)
			}
			var used []int64
			resident := func(context.Context) error {
				n, err := u.server.resident()
				used = append(used, n)
				return err
			}
			todo = append(todo, chore{time.Duration(b.seconds / 4 * float64(time.Second)), resident})
			if err := resident(ctx); err != nil {
				return err
			}
			stop := repeat(ctx, todo...)
			results, err := b.load(ctx, u.server, b.seconds, all)
			if err := errors.Join(stop(), err, resident(ctx)); err != nil {
				return err
			}
			r.add(results[0])
			wrong += results[0].Wrong
			b.note("%s: p99.9 %.0f us, %d lost, %d wrong, %d failed", title, micros(results[0].P999), results[0].lost(), results[0].Wrong, results[0].Failed)
			if r == &busy {
				memory = append(memory, mebibytes(used))
			}
		}
	}
	r := &b.report
	r.line("## %s", title)
	r.line("")
	r.line("`guests/apps` is asked at %.0f queries a second, %.0f %% of the %.0f that generator and server reach together. While busy, %s.", all.Rate, 100*loadShare, reached, what)
	r.line("In all: %s. Each answer is held against what was answered before. Resident memory of the server in each busy round, in MiB: %s.", count(), strings.Join(memory, "; "))
	r.table([]string{"state", "sent", "lost", "failed", "not sent in time", "median µs", "p99 µs", "p99.9 µs", "worst µs"},
		[][]string{quiet.cells("quiet"), busy.cells("busy")})
	r.verdict("answers that are wrong, and queries lost or failed while busy", float64(wrong+busy.lost+busy.failed), 0)
	r.verdict("busy p99.9 against quiet", busy.p999.median()/quiet.p999.median(), quietTimes)
	r.line("")
	return nil
}

// resident is the memory of the server alone, in bytes, read so that it is not held up.
func (s *server) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.process.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm: %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// mebibytes words some numbers of bytes, in their order.
func mebibytes(all []int64) string {
	var words []string
	for _, n := range all {
		words = append(words, mib(n))
	}
	return strings.Join(words, ", ")
}

// pusher pushes modules.
type pusher struct {
	*unrest
	bad                      [][]byte
	next                     int
	taken, refused, harmless atomic.Int64
}

// freshBytes is how large a fresh module is made.
const freshBytes = 2 << 20

// load reads the hostile guests.
func (p *pusher) load() error {
	files, err := filepath.Glob("guests/hostile/*.wat")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("there are no guests in guests/hostile: run this in the repository")
	}
	for _, file := range files {
		out := filepath.Join(p.bench.dir, "hostile.wasm")
		if text, err := exec.Command("wat2wasm", "--enable-all", "--no-check", "-o", out, file).CombinedOutput(); err != nil {
			return fmt.Errorf("wat2wasm %s: %w: %s", file, err, text)
		}
		module, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		p.bad = append(p.bad, module)
	}
	return nil
}

// fresh pushes a module that no other is like.
func (p *pusher) fresh(ctx context.Context) error {
	section := append([]byte{5}, "fresh"...)
	section = append(section, make([]byte, max(freshBytes-len(p.module), 16))...)
	rand.Read(section[6:])
	module := append(bytes.Clone(p.module), 0) // a custom section
	module = append(binary.AppendUvarint(module, uint64(len(section))), section...)
	_, err := p.client.PushGuest(ctx, control.GuestPush{Guest: "fresh"}, module)
	if err == nil {
		p.taken.Add(1)
	}
	return err
}

// hostile pushes the next of the hostile ones.
func (p *pusher) hostile(ctx context.Context) error {
	p.next++
	_, err := p.client.PushGuest(ctx, control.GuestPush{Guest: "hostile"}, p.bad[p.next%len(p.bad)])
	switch {
	case err == nil:
		p.harmless.Add(1) // it would do its harm elsewhere
	case errors.Is(err, &control.Error{Code: control.CodeModule}):
		p.refused.Add(1)
	default:
		return err
	}
	return nil
}
