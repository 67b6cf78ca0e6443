package main

import (
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/pflag"
)

// envPrefix begins the names of all variables.
const envPrefix = "RESPONDER_"

// config is the configuration. Each field is a variable, with the prefix, and a
// flag of the same name in lower case with dashes.
type config struct {
	Listen           string     `env:"LISTEN" envDefault:"127.0.0.1:5300" help:"addresses to answer on, UDP and TCP, several by comma"`
	ControlListen    string     `env:"CONTROL_LISTEN" envDefault:"127.0.0.1:8053" help:"loopback address of the control endpoint"`
	ControlTokenFile string     `env:"CONTROL_TOKEN_FILE" help:"file with a secret that the control endpoint wants to see"`
	MetricsListen    string     `env:"METRICS_LISTEN" envDefault:"127.0.0.1:9153" help:"address of /metrics, /healthz and /readyz; none for no such"`
	Store            string     `env:"STORE" envDefault:"bolt:responder.db" help:"where zones and guests are kept: bolt:FILE or memory:"`
	Workers          int        `env:"WORKERS" help:"sockets and workers an address (default: CPUs)"`
	GuestCache       string     `env:"GUEST_CACHE" help:"folder for the machine code of guests (default: in the user's cache folder)"`
	Site             string     `env:"SITE" help:"name of this place, which guests can ask for"`
	LogLevel         slog.Level `env:"LOG_LEVEL" envDefault:"info" help:"least level of what is logged: debug, info, warn or error"`
}

// load fills the configuration from the environment. The error names the
// variable.
func (c *config) load(environ []string) error {
	options := env.Options{Prefix: envPrefix, Environment: env.ToMap(environ)}
	if err := env.ParseWithOptions(c, options); err != nil {
		return fmt.Errorf("environment: %s", strings.TrimPrefix(err.Error(), "env: "))
	}
	return nil
}

// flags defines a flag for each field, with the value from the environment as
// its default.
func (c *config) flags(set *pflag.FlagSet) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		variable := field.Tag.Get("env")
		name := strings.ReplaceAll(strings.ToLower(variable), "_", "-")
		help := field.Tag.Get("help") + " [" + envPrefix + variable + "]"
		switch at := v.Field(i).Addr().Interface().(type) {
		case *string:
			set.StringVar(at, name, *at, help)
		case *int:
			set.IntVar(at, name, *at, help)
		case *slog.Level:
			set.TextVar(at, name, *at, help)
		default:
			panic(fmt.Sprintf("configuration field %s has no kind of flag", field.Name))
		}
	}
}

// addresses splits a list of addresses by comma. The error names the one that is
// no HOST:PORT.
func addresses(variable, list string) ([]string, error) {
	var all []string
	for _, address := range strings.Split(list, ",") {
		address = strings.TrimSpace(address)
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("%s: %q is not HOST:PORT", envPrefix+variable, address)
		}
		all = append(all, address)
	}
	return all, nil
}
