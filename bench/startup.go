package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	mirrorTimes  = 1.5 // of NSD's time to load may a start from the mirror take
	mirrorSettle = 3 * time.Second
	mirrorWait   = 2 * time.Minute
)

// startup compares how long servers take from their start to their first answer with a zone of very many
// names, and what memory they have then. Ours is started from its store, and from its mirror.
func startup(ctx context.Context, b *bench) error {
	z, err := b.namesZone(b.many)
	if err != nil {
		return err
	}
	files, err := os.MkdirTemp(b.dir, "startup-")
	if err != nil {
		return err
	}
	store, mirror := "RESPONDER_STORE=bolt:"+filepath.Join(files, "responder.db"), filepath.Join(files, "mirror.db")
	begun := time.Now()
	if _, err := runTool(ctx, b.loadCore, []string{store}, nil, b.responder, "zone", "import", "--origin", z.apex, z.file); err != nil {
		return err
	}
	imported := time.Since(begun)
	fromStore, fromMirror := startedFrom("Namelet, from its store", store), startedFrom("Namelet, from its mirror", store, "RESPONDER_MIRROR="+mirror)
	if err := b.makeMirror(ctx, fromMirror, z, mirror); err != nil {
		return err
	}
	kinds := []kind{nsd, knot, fromStore, fromMirror}
	loads, memory := make([]series, len(kinds)), make([]series, len(kinds))
	for range b.rounds {
		for i, k := range kinds {
			s, err := b.start(ctx, k, z)
			if err != nil {
				return err
			}
			used, err := s.process.use()
			s.stop()
			if err != nil {
				return err
			}
			loads[i], memory[i] = append(loads[i], s.loaded.Seconds()), append(memory[i], float64(used.memory)/(1<<20))
			b.note("%s: %.2f s", k.name, s.loaded.Seconds())
		}
	}
	b.report.line("## Start with %d names", b.many)
	b.report.line("")
	b.report.line("From the start of the process to the first answer, and what is resident then. The import of the zone file into our store, once,")
	b.report.line("took %.1f s. The files were read before, and lie in the system's cache.", imported.Seconds())
	var cells [][]string
	for i, k := range kinds {
		cells = append(cells, []string{k.name, loads[i].spread(2), memory[i].spread(0)})
	}
	b.report.table([]string{"server", "seconds", "memory MiB"}, cells)
	b.report.verdict("start from the mirror against NSD's", loads[3].median()/loads[0].median(), mirrorTimes)
	b.report.line("")
	return nil
}

// startedFrom is our server over a store that has been filled.
func startedFrom(name string, more ...string) kind {
	return kind{name: name, start: func(b *bench, s *setup) (*process, *process, error) {
		env, err := b.environment(s, "")
		if err != nil {
			return nil, nil, err
		}
		p, err := start(b.serverCore, append(env, more...), b.responder, "serve")
		return p, nil, err
	}}
}

// makeMirror runs a server until its mirror does not grow any more.
func (b *bench) makeMirror(ctx context.Context, k kind, z zone, mirror string) error {
	s, err := b.start(ctx, k, z)
	if err != nil {
		return err
	}
	defer s.stop()
	last, since := int64(-1), time.Now()
	for deadline := time.Now().Add(mirrorWait); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		info, err := os.Stat(mirror)
		if err != nil {
			continue // it is to come
		}
		if info.Size() != last {
			last, since = info.Size(), time.Now()
		}
		if last > 0 && time.Since(since) > mirrorSettle {
			return nil
		}
	}
	return fmt.Errorf("no mirror in %s after %v; %s", mirror, mirrorWait, s.process.log)
}
