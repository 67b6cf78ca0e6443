package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/namelet/namelet/internal/frontend/tap"
	"github.com/namelet/namelet/internal/reread"
)

const (
	queryLogNone = "none"

	// maxQueryRules is how long a file of rules may be, in octets: some 100,000 zones.
	maxQueryRules = 4 << 20
)

// queryRules reads the rules of the query log that the settings have.
func (c *config) queryRules() (*tap.QueryRules, error) {
	if c.QueryLogFile != "" && c.QueryLog != queryLogNone {
		return nil, fmt.Errorf("%sQUERY_LOG and %sQUERY_LOG_FILE are both set: the file stands in place of the other", envPrefix, envPrefix)
	}
	rules, err := tap.ParseQueryRules(c.QueryLog, c.QueryLogSample)
	if err != nil {
		return nil, fmt.Errorf("%sQUERY_LOG: %w", envPrefix, err)
	}
	return rules, nil
}

// newQueryLog makes the query log, and the file where its rules come from one; both nil
// where none is wanted.
func (p *program) newQueryLog() (*tap.QueryLog, *queryLogFile, error) {
	c := &p.config
	rules, err := c.queryRules()
	if err != nil || c.QueryLog == queryLogNone && c.QueryLogFile == "" {
		return nil, nil, err
	}
	// Whoever asks for it wants it at any LOG_LEVEL.
	queries := tap.NewQueryLog(c.logger(p.errOut, slog.LevelInfo), rules)
	if c.QueryLogFile == "" {
		return queries, nil, nil
	}
	f := &queryLogFile{path: c.QueryLogFile, sample: c.QueryLogSample, log: queries}
	_, err = f.reload()
	return queries, f, err
}

// queryLogFile is the file that the rules of a query log come from, which may change
// while the server runs.
type queryLogFile struct {
	path   string
	sample int
	log    *tap.QueryLog

	mu   sync.Mutex
	text string // in use
}

// reload reads the file anew and reports whether its rules have changed. On an error
// the old ones stay.
func (f *queryLogFile) reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, err := reread.Content(f.path, maxQueryRules)
	if err != nil {
		return false, fmt.Errorf("%sQUERY_LOG_FILE: %w", envPrefix, err)
	}
	text := string(content)
	if text == f.text {
		return false, nil
	}
	rules, err := tap.ParseQueryRules(text, f.sample)
	if err != nil {
		return false, fmt.Errorf("%sQUERY_LOG_FILE: %s: %w", envPrefix, f.path, err)
	}
	f.log.SetRules(rules)
	f.text = text
	return true, nil
}

// watch follows the file, if there is one, until ctx ends.
func (f *queryLogFile) watch(ctx context.Context, log *slog.Logger) {
	if f == nil {
		return
	}
	reread.Watch(ctx, reread.Period, f.reload, func(err error) {
		if err != nil {
			log.Error("what is in the query log stays as it was", "error", err)
			return
		}
		log.Info("what is in the query log has changed", "path", f.path)
	})
}
