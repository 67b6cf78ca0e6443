package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTime is how long a server may take to say how it is.
const healthTime = 3 * time.Second

// maxHealth is how much of what it says is read, in octets.
const maxHealth = 4096

// healthReport is what a server says of itself.
type healthReport struct {
	Ready bool   `json:"ready"`
	Said  string `json:"said"` // by /readyz, on one line
}

func (p *program) health() *cobra.Command {
	var server string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the server here whether it is ready",
		Long: `Ask /readyz on --metrics-listen, and exit with 0 where the server is ready for queries: it has
loaded what its store holds, and is not about to end. Else say why and exit with 1. A container
can ask so, and a script.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if server == "" {
				server = p.config.MetricsListen
			}
			if server == noMetrics {
				return fmt.Errorf("%sMETRICS_LISTEN is none, so the server cannot be asked: set an address, or give --server", envPrefix)
			}
			report, err := askHealth(cmd.Context(), server)
			if err != nil {
				return fmt.Errorf("health: %s: %w", server, err)
			}
			return p.print(report, func(w io.Writer) { fmt.Fprintln(w, report.Said) })
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "HOST:PORT to ask (default: that of --metrics-listen)")
	return cmd
}

// askHealth asks a server whether it is ready. One that is not is an error.
func askHealth(ctx context.Context, listen string) (healthReport, error) {
	address, err := reachable(listen)
	if err != nil {
		return healthReport{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return healthReport{}, err
	}
	// No proxy that the environment names: the server is here.
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return healthReport{}, fmt.Errorf("no answer within %v", healthTime)
	case err != nil:
		return healthReport{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	if err != nil {
		return healthReport{}, err
	}
	said := oneLine(strings.TrimSpace(string(text)))
	if response.StatusCode != http.StatusOK {
		return healthReport{}, fmt.Errorf("%s: %s", response.Status, said)
	}
	return healthReport{Ready: true, Said: said}, nil
}
