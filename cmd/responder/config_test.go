package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The page of settings has a row for every variable, with its flag and default.
func TestConfigurationPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var c config
	if err := c.load(nil); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.flags(flags)
	fields := reflect.TypeFor[config]()
	for i := range fields.NumField() {
		variable := envPrefix + fields.Field(i).Tag.Get("env")
		flag := flags.Lookup(strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, envPrefix)), "_", "-"))
		if flag == nil {
			t.Errorf("%s has no flag", variable)
			continue
		}
		row := fmt.Sprintf("| `%s` | `--%s` | ", variable, flag.Name)
		if value := fields.Field(i).Tag.Get("envDefault"); value != "" {
			row += "`" + value + "` |"
		}
		if !strings.Contains(string(page), "\n"+row) {
			t.Errorf("the page has no row %q", row)
		}
	}
}

// A flag wins over its variable, and a variable over the default.
func TestConfigurationOrder(t *testing.T) {
	var c config
	if err := c.load([]string{"RESPONDER_LISTEN=127.0.0.1:1", "RESPONDER_WORKERS=3", "RESPONDER_LOG_LEVEL=warn"}); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.flags(flags)
	if err := flags.Parse([]string{"--listen", "127.0.0.1:2"}); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:2" || c.Workers != 3 || c.LogLevel.String() != "WARN" || c.Store != "bolt:responder.db" {
		t.Errorf("got %+v", c)
	}
}

// A value outside its range is one that no command works with, and the error names
// the variable.
func TestConfigurationRanges(t *testing.T) {
	for _, environ := range []string{
		"WORKERS=-1", "WORKERS=1025", "SLOW_WORKERS=0", "CACHE_BYTES=-1",
		"UDP_SIZE=511", "UDP_SIZE=4097", "TCP_CONNECTIONS=0", "TCP_CLIENT_CONNECTIONS=-1",
		"RRL_RATE=-1", "RRL_RATE=250001", "RRL_PREFIX_RATE=250001", "RRL_SLIP=11", "RRL_EXEMPT=all",
		"ECS_FROM=192.0.2.0/33", "PROXY_FROM=proxy", "LISTEN=nowhere", "DOT_LISTEN=nowhere", "DOH_LISTEN=127.0.0.1:443",
		"METRICS_LISTEN=nowhere", "CONTROL_LISTEN=192.0.2.1", "CONTROL_PLAINTEXT=no", "CONTROL_RATE=-1", "STORE=nowhere",
		"SITE=" + strings.Repeat("s", 256), "NSID=" + strings.Repeat("n", 65),
		"VERSION_BIND=" + strings.Repeat("v", 256), "ID_SERVER=" + strings.Repeat("i", 256),
	} {
		var c config
		if err := c.load([]string{envPrefix + environ}); err != nil {
			t.Fatal(err)
		}
		variable, _, _ := strings.Cut(environ, "=")
		if err := c.check(); err == nil || !strings.Contains(err.Error(), envPrefix+variable) {
			t.Errorf("%s: got error %v, want one that names the variable", environ, err)
		}
	}
}

// What bounds transports reaches the frontend.
func TestConfigurationOfTransports(t *testing.T) {
	var c config
	if err := c.load([]string{"RESPONDER_UDP_SIZE=1400", "RESPONDER_TCP_CONNECTIONS=20000", "RESPONDER_TCP_CLIENT_CONNECTIONS=300"}); err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	f, err := c.frontend()
	if err != nil {
		t.Fatal(err)
	}
	if f.MaxUDPSize != 1400 || f.TCP.Connections != 20000 || f.TCP.ClientConnections != 300 {
		t.Errorf("got %+v", f)
	}
}
