// Package reread follows what comes from a file that may change while a server runs.
//
// [Content] reads a file, [Watch] has it read again from time to time. Neither keeps
// anything.
package reread

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Period is how often a file is looked at.
const Period = 10 * time.Second

// Content returns what a file holds, at most so many octets.
func Content(path string, most int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe is opened, too, without a wait for a writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, fmt.Errorf("%s: is not a file", path))
	}
	content, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > most {
		return nil, fmt.Errorf("%s: longer than %d octets", path, most)
	}
	return content, nil
}

// Watch calls reload after each period until ctx ends, and tells report what came of
// it: nil where something has changed, or an error, once for as long as it stays the
// same.
func Watch(ctx context.Context, period time.Duration, reload func() (changed bool, err error), report func(error)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := reload()
		switch {
		case err != nil && err.Error() != last:
			last = err.Error()
			report(err)
		case err == nil:
			last = ""
			if changed {
				report(nil)
			}
		}
	}
}
