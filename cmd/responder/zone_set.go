package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
)

// settingFlags are the flags of a zone's settings.
type settingFlags struct {
	private                                               bool
	fallback, serialStyle, maxStale, residency, clientNet string
}

// settingNames are those of the flags.
var settingNames = []string{"private", "fallback", "serial-style", "max-stale", "residency", "client-subnet"}

func (s *settingFlags) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.private, "private", false, "never answer from the zone: guests look it up; --private=false takes it back")
	f.StringVar(&s.fallback, "fallback", "", "what is answered where a guest fails: static, servfail or last-good")
	f.StringVar(&s.serialStyle, "serial-style", "", "how a change of records raises the serial: increment, date (YYYYMMDDnn) or unix (seconds)")
	f.StringVar(&s.maxStale, "max-stale", "", "how long the zone is served while the store cannot be reached, such as 90s, 30m or 24h; off for without end")
	f.StringVar(&s.residency, "residency", "", "where servers have the records: memory, or lookup for a zone too large to hold")
	f.StringVar(&s.clientNet, "client-subnet", "", "whether client subnets (RFC 7871) of trusted resolvers are believed: on or off")
}

// read makes the settings of the flags that were given.
func (s *settingFlags) read(cmd *cobra.Command) (control.ZoneSettings, error) {
	settings := control.ZoneSettings{Fallback: s.fallback, SerialStyle: s.serialStyle, Residency: s.residency}
	given := cmd.Flags().Changed
	if given("private") {
		settings.Private = &s.private
	}
	for _, name := range settingNames {
		if given(name) && cmd.Flags().Lookup(name).Value.String() == "" {
			return settings, misused(cmd, fmt.Errorf("--%s wants a value", name))
		}
	}
	if given("max-stale") {
		seconds, err := parseStale(s.maxStale)
		if err != nil {
			return settings, misused(cmd, err)
		}
		settings.MaxStale = &seconds
	}
	if given("client-subnet") {
		on, err := parseOnOff(s.clientNet)
		if err != nil {
			return settings, misused(cmd, fmt.Errorf("--client-subnet %w", err))
		}
		settings.ClientSubnet = &on
	}
	if err := settings.Check(); err != nil {
		return settings, misused(cmd, err)
	}
	return settings, nil
}

func (p *program) zoneSet() *cobra.Command {
	var flags settingFlags
	var ifVersion uint64
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change how a zone is written and served, and none of its records",
		Long: `Change how a zone is written and served, and none of its records. What no flag names
stays as it is. A running server serves the zone by its new settings within a second; the
serial stays, since secondaries see no difference.

Serial styles: increment adds one. date is YYYYMMDDnn of the day in UTC (RFC 1912 section
2.2), unix the seconds since 1970. Where that would not be higher than the serial that the
zone has, as after a hundred changes in a day, both add one: a serial never goes back.`,
		Example: `  responder zone set apps.example --serial-style date
  responder zone set apps.example --max-stale 24h --client-subnet off
  responder zone set huge.example --residency lookup`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := rr.ParseName(args[0]); err != nil {
				return misused(cmd, fmt.Errorf("name %q: %w", args[0], err))
			}
			settings, err := flags.read(cmd)
			if err != nil {
				return err
			}
			if settings == (control.ZoneSettings{}) {
				return misused(cmd, fmt.Errorf("nothing to set: want one of --%s", strings.Join(settingNames, ", --")))
			}
			request := control.ZoneSet{Zone: args[0], ZoneSettings: settings, IfVersion: ifVersion}
			return p.operate(cmd.Context(), func(ops operations) error {
				zone, err := ops.SetZone(cmd.Context(), request)
				if err != nil {
					return err
				}
				return p.print(zone, func(w io.Writer) {
					fmt.Fprintf(w, "zone %s: version %d, %s\n", zone.Name, zone.Version, settingsText(zone))
				})
			})
		},
	}
	flags.define(cmd)
	cmd.Flags().Uint64Var(&ifVersion, "if-version", 0, "change nothing unless the zone has this version")
	return cmd
}

// parseStale reads a duration, or off.
func parseStale(text string) (seconds float64, err error) {
	if text == "off" || text == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("--max-stale %q: want a time such as 90s, 30m or 24h, or off", text)
	}
	return d.Seconds(), nil
}

func parseOnOff(text string) (bool, error) {
	switch text {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("%q: want on or off", text)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func staleText(seconds float64) string {
	if seconds == 0 {
		return "off"
	}
	return time.Duration(seconds * float64(time.Second)).String()
}

// settingsText lists all settings of a zone by the names of their flags.
func settingsText(z control.Zone) string {
	return fmt.Sprintf("private=%s fallback=%s serial-style=%s max-stale=%s residency=%s client-subnet=%s",
		yesNo(z.Private), z.Fallback, z.SerialStyle, staleText(z.MaxStale), z.Residency, onOff(z.ClientSubnet))
}

// unusual lists the settings that are not the default, but for private.
func unusual(z control.Zone) string {
	var all []string
	add := func(is bool, name, value string) {
		if is {
			all = append(all, name+"="+value)
		}
	}
	add(z.Fallback != "static", "fallback", z.Fallback)
	add(z.SerialStyle != "increment", "serial-style", z.SerialStyle)
	add(z.MaxStale != 0, "max-stale", staleText(z.MaxStale))
	add(z.Residency != "memory", "residency", z.Residency)
	add(!z.ClientSubnet, "client-subnet", onOff(z.ClientSubnet))
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ",")
}
