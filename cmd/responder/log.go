package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/internal/logpipe"
)

// Forms of the log.
const (
	logText = "text"
	logJSON = "json"
)

// logger makes the log of a server.
func (c *config) logger(w io.Writer, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == logJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// checkLog refuses a form of the log that there is not.
func (c *config) checkLog() error {
	if c.LogFormat != logText && c.LogFormat != logJSON {
		return fmt.Errorf("%sLOG_FORMAT: %q: want %s or %s", envPrefix, c.LogFormat, logText, logJSON)
	}
	return nil
}

// logCounter counts the lines of the log that nobody took.
func logCounter(lines *logpipe.Pipe) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "responder_log_lines_dropped_total", Help: "Lines of the log that were dropped, since its reader was too slow or gone.",
	}, func() float64 { return float64(lines.Dropped()) })
}
