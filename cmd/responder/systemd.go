package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// openedBefore returns the sockets that whoever started the process has opened for it
// (sd_listen_fds), where the settings want them.
func (c *config) openedBefore() ([]*os.File, error) {
	if c.Listen != listenSystemd {
		return nil, nil
	}
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, fmt.Errorf("%sLISTEN: no sockets came with the start: enable namelet.socket, or name addresses", envPrefix)
	}
	return files, nil
}

// tellManager tells the service manager that started the process, if one did and
// wants to hear (sd_notify). A manager that cannot be told changes nothing.
func (s *server) tellManager(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("the service manager is not told", "state", state, "error", err)
	}
}

// pingManager tells the service manager that the process is of use, as often as it
// wants to hear, until ctx ends. A process that is of none says nothing, and is started
// anew.
func (s *server) pingManager(ctx context.Context) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the service manager is not told that the server lives: WATCHDOG_USEC and WATCHDOG_PID do not read", "error", err)
	}
	if err != nil || every == 0 {
		return
	}
	ticker := time.NewTicker(every / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if s.health.dead() == "" {
				s.tellManager(daemon.SdNotifyWatchdog)
			}
		}
	}
}
