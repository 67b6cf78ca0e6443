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
