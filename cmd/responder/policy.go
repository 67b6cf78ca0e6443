package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/namelet/namelet/internal/frontend"
	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/proxy"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/rr"
)

// Words that stand for something in what a server tells about itself.
const (
	tellNothing  = "off"
	tellHostname = "hostname"
)

// policy returns what the configuration says of who asks, and what they may have;
// cookies are apart.
func (c *config) policy() (p frontend.PolicyConfig, err error) {
	for _, told := range []struct {
		variable, text string
		to             *string
	}{
		{"NSID", c.NSID, &p.NSID},
		{"VERSION_BIND", c.VersionBind, &p.VersionBind},
		{"ID_SERVER", c.IDServer, &p.IDServer},
	} {
		if *told.to, err = tell(told.text); err != nil {
			return p, fmt.Errorf("%s%s: %w", envPrefix, told.variable, err)
		}
	}
	if c.HealthName != tellNothing {
		if p.HealthName, err = rr.ParseName(c.HealthName); err != nil {
			return p, fmt.Errorf("%sHEALTH_NAME: %w", envPrefix, err)
		}
	}
	if p.SubnetFrom, err = proxy.ParseSources(c.ECSFrom); err != nil {
		return p, fmt.Errorf("%sECS_FROM: %w", envPrefix, err)
	}
	p.Rate = rrl.Config{Rate: c.RRLRate, PrefixRate: c.RRLPrefixRate, Slip: c.RRLSlip}
	if c.RRLExempt != "none" {
		if p.Rate.Exempt, err = proxy.ParseSources(c.RRLExempt); err != nil {
			return p, fmt.Errorf("%sRRL_EXEMPT: %w", envPrefix, err)
		}
	}
	return p, nil
}

// cookies opens the file of secrets; nil where there is none.
func (c *config) cookies() (*cookie.Jar, error) {
	if c.CookieSecretFile == "" {
		return nil, nil
	}
	jar, err := cookie.Open(c.CookieSecretFile)
	if err != nil {
		return nil, fmt.Errorf("%sCOOKIE_SECRET_FILE: %w", envPrefix, err)
	}
	return jar, nil
}

// tell gives the text that is told, which is empty for nothing.
func tell(text string) (string, error) {
	switch text {
	case tellNothing:
		return "", nil
	case tellHostname:
		return os.Hostname()
	}
	return text, nil
}

// watchCookies follows the file of secrets, if there is one, until ctx ends.
func watchCookies(ctx context.Context, jar *cookie.Jar, log *slog.Logger) {
	if jar == nil {
		return
	}
	jar.Watch(ctx, func(err error) {
		if err != nil {
			log.Error("cookie secrets stay as they were", "error", err)
			return
		}
		log.Info("cookie secrets have changed")
	})
}
