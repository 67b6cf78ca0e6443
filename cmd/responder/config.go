package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/pflag"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend"
	"github.com/namelet/namelet/internal/frontend/proxy"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/internal/signing"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// envPrefix begins the names of all variables.
const envPrefix = "RESPONDER_"

// config is the configuration. Each field is a variable, with the prefix, and a
// flag of the same name in lower case with dashes.
type config struct {
	Listen           string        `env:"LISTEN" envDefault:"127.0.0.1:5300" help:"addresses to answer on, UDP and TCP, several by comma; systemd for the sockets that it has opened"`
	DoTListen        string        `env:"DOT_LISTEN" help:"addresses to answer on over TLS, several by comma; needs --tls-cert and --tls-key"`
	DoHListen        string        `env:"DOH_LISTEN" help:"addresses to answer on over HTTPS at /dns-query, several by comma; needs --tls-cert and --tls-key"`
	TLSCert          string        `env:"TLS_CERT" help:"PEM file with the certificate chain for TLS and HTTPS; read anew when it changes"`
	TLSKey           string        `env:"TLS_KEY" help:"PEM file with the key of the certificate"`
	UDPSize          int           `env:"UDP_SIZE" envDefault:"1232" help:"largest response over UDP in octets, 512 to 4096"`
	TCPConnections   int           `env:"TCP_CONNECTIONS" envDefault:"1024" help:"open connections in all, those of TLS and HTTPS among them"`
	TCPClient        int           `env:"TCP_CLIENT_CONNECTIONS" envDefault:"128" help:"open connections of one client prefix, /24 or /56"`
	ProxyFrom        string        `env:"PROXY_FROM" help:"networks of proxies that put a PROXY header, version 2, before each packet and connection, several by comma"`
	NSID             string        `env:"NSID" help:"name of this server, for clients that ask with NSID; hostname for the host's"`
	VersionBind      string        `env:"VERSION_BIND" envDefault:"Namelet" help:"answer to version.bind and version.server in class CH; off to refuse"`
	IDServer         string        `env:"ID_SERVER" envDefault:"off" help:"answer to id.server and hostname.bind in class CH; hostname for the host's, off to refuse"`
	HealthName       string        `env:"HEALTH_NAME" envDefault:"health.server" help:"name that is answered NOERROR while the server is ready and SERVFAIL while it drains, for load balancers; off for none"`
	CookieSecretFile string        `env:"COOKIE_SECRET_FILE" help:"file with secrets for cookies, which servers behind one address share; read anew when it changes"`
	ECSFrom          string        `env:"ECS_FROM" help:"networks whose client subnet option is believed, several by comma"`
	RRLRate          int           `env:"RRL_RATE" envDefault:"200" help:"responses of one kind a second to one client prefix by UDP; 0 for no such limit"`
	RRLPrefixRate    int           `env:"RRL_PREFIX_RATE" envDefault:"1000" help:"responses of all kinds a second to one client prefix by UDP; 0 for no such limit"`
	RRLSlip          int           `env:"RRL_SLIP" envDefault:"2" help:"every n-th response beyond the limits is sent truncated; 0 for none"`
	RRLExempt        string        `env:"RRL_EXEMPT" envDefault:"127.0.0.0/8,::1/128" help:"networks without limits, several by comma; none for none"`
	ControlListen    string        `env:"CONTROL_LISTEN" envDefault:"127.0.0.1:8053" help:"address of the control endpoint; none for none"`
	ControlSocket    string        `env:"CONTROL_SOCKET" help:"unix socket of the control endpoint, for this server's user"`
	ControlTokenFile string        `env:"CONTROL_TOKEN_FILE" help:"file with the token that commands show; a server lets in whoever shows what its file has"`
	ControlTLSCert   string        `env:"CONTROL_TLS_CERT" help:"PEM file with the certificate chain of the control endpoint; read anew when it changes"`
	ControlTLSKey    string        `env:"CONTROL_TLS_KEY" help:"PEM file with the key of that certificate"`
	ControlClientCA  string        `env:"CONTROL_CLIENT_CA" help:"PEM file with authorities: a server wants a certificate of one from each client of the control endpoint"`
	ControlCA        string        `env:"CONTROL_CA" help:"PEM file with the authorities by which commands know a control endpoint, which they then call over TLS"`
	ControlCert      string        `env:"CONTROL_CERT" help:"PEM file with the certificate that commands show"`
	ControlKey       string        `env:"CONTROL_KEY" help:"PEM file with the key of that certificate"`
	ControlPlaintext string        `env:"CONTROL_PLAINTEXT" envDefault:"refuse" help:"allow for a control endpoint that other machines reach without TLS"`
	ControlRate      int           `env:"CONTROL_RATE" envDefault:"200" help:"control requests a second of one token, and of one address; 0 for no such limit"`
	MetricsListen    string        `env:"METRICS_LISTEN" envDefault:"127.0.0.1:9153" help:"address of /metrics, /livez and /readyz; none for no such"`
	Store            string        `env:"STORE" envDefault:"bolt:responder.db" help:"where zones and guests are kept: bolt:FILE, memory: or spanner:projects/P/instances/I/databases/D"`
	Mirror           string        `env:"MIRROR" help:"file in which what is served is kept for a start while the store is away; none for none (default: responder-mirror.db for a store in Spanner, else none)"`
	Workers          int           `env:"WORKERS" help:"sockets and workers an address, at most 1024; 0 for one a CPU"`
	CacheBytes       int           `env:"CACHE_BYTES" envDefault:"134217728" help:"memory for answers that are given again, in octets; 0 turns that off"`
	SlowWorkers      int           `env:"SLOW_WORKERS" envDefault:"16" help:"answers that can wait for the store or a guest's code at the same time, 1 to 1024"`
	GuestCache       string        `env:"GUEST_CACHE" help:"folder for the machine code of guests (default: in the user's cache folder)"`
	GuestKeys        string        `env:"GUEST_KEYS" help:"public keys of minisign, or files with one, several by comma: a module that is pushed, attached or loaded must be signed by one of them"`
	GuestMemory      int           `env:"GUEST_MEMORY" envDefault:"536870912" help:"memory for the instances, code and pictures of all guests, in octets; 0 for no bound"`
	MaxFuel          int           `env:"GUEST_MAX_FUEL" envDefault:"30000000" help:"most units of fuel a query that an attachment may be given"`
	MaxFuelRate      int           `env:"GUEST_MAX_FUEL_PER_SECOND" help:"most units of fuel a second that an attachment gets, also one without a limit; 0 for no such bound"`
	MaxInitFuel      int           `env:"GUEST_MAX_INIT_FUEL" envDefault:"500000000" help:"most units of fuel that the start of a guest may be given"`
	MaxPages         int           `env:"GUEST_MAX_PAGES" envDefault:"1024" help:"most pages of 64 KiB that an instance may be given, 1 to 65536"`
	MaxLookups       int           `env:"GUEST_MAX_LOOKUPS" envDefault:"64" help:"most lookups a query that an attachment may be given, 1 to 64"`
	MaxAnswerBytes   int           `env:"GUEST_MAX_ANSWER_BYTES" envDefault:"65535" help:"most octets of an answer's records that an attachment may be given, 1 to 65535"`
	MaxConcurrency   int           `env:"GUEST_MAX_CONCURRENCY" help:"most calls at the same time that an attachment gets, also one without a limit; 0 for no such bound"`
	Site             string        `env:"SITE" help:"name of this place, which guests can ask for, at most 255 bytes"`
	Drain            time.Duration `env:"DRAIN" envDefault:"0s" help:"how long a server that is told to end answers on, while it says that it is not ready"`
	Watchdog         time.Duration `env:"WATCHDOG" envDefault:"30s" help:"how long a worker may have one question in hand until /livez fails; 0s for ever"`
	SlowAnswer       time.Duration `env:"SLOW_ANSWER" envDefault:"0s" help:"answers that took so long to compute are logged, with what they depend on; 0s for none"`
	LogLevel         slog.Level    `env:"LOG_LEVEL" envDefault:"info" help:"least level of what is logged: debug, info, warn or error"`
	LogFormat        string        `env:"LOG_FORMAT" envDefault:"text" help:"form of the log: text or json"`
	QueryLog         string        `env:"QUERY_LOG" envDefault:"none" help:"queries that are logged: none, or those for names in these zones and all others, several by comma, each with =N for one of so many or =off"`
	QueryLogFile     string        `env:"QUERY_LOG_FILE" help:"file with the same, one a line, in place of --query-log; read anew when it changes"`
	QueryLogSample   int           `env:"QUERY_LOG_SAMPLE" envDefault:"1" help:"one query of so many is logged, where no =N is given"`
	Dnstap           string        `env:"DNSTAP" help:"where a stream of dnstap goes: unix:PATH, tcp:HOST:PORT or file:PATH"`
	DnstapSample     int           `env:"DNSTAP_SAMPLE" envDefault:"1" help:"one query of so many is in that stream, with its response"`
}

// load fills the configuration from the environment. The error names the
// variable.
func (c *config) load(environ []string) error {
	options := env.Options{Prefix: envPrefix, Environment: env.ToMap(environ)}
	err := env.ParseWithOptions(c, options)
	var bad env.ParseError
	if !errors.As(err, &bad) {
		return err
	}
	field, ok := reflect.TypeFor[config]().FieldByName(bad.Name)
	if !ok {
		return err
	}
	variable := envPrefix + field.Tag.Get("env")
	return fmt.Errorf("%s: %q: want %s", variable, options.Environment[variable], wanted[field.Type])
}

// wanted words what the text of a variable must be, by the type of its field.
var wanted = map[reflect.Type]string{
	reflect.TypeFor[int]():           "a whole number",
	reflect.TypeFor[time.Duration](): "a time such as 1500ms or 5s",
	reflect.TypeFor[slog.Level]():    "debug, info, warn or error",
}

// Bounds of settings that nothing else bounds.
const (
	maxWorkers     = 1024    // sockets and workers of one address
	maxPages       = 1 << 16 // of a memory in WebAssembly
	maxControlRate = 1 << 20
	maxTime        = time.Hour // of settings that are times
	maxConnections = 1 << 20   // each has a descriptor and, while it is used, some kilobytes
)

// check refuses values that no command can work with. The error names the
// variable, and is one of usage.
func (c *config) check() error {
	if err := c.checkControl(); err != nil {
		return err
	}
	if c.MetricsListen != noMetrics {
		if _, err := addresses("METRICS_LISTEN", c.MetricsListen); err != nil {
			return err
		}
	}
	if _, err := parseStore(c.Store); err != nil {
		return err
	}
	for _, check := range []func() error{c.checkNumbers, c.checkTimes, c.checkLog, c.checkTaps, c.checkTexts} {
		if err := check(); err != nil {
			return err
		}
	}
	if _, err := c.guestKeys(); err != nil {
		return err
	}
	_, err := c.frontend()
	return err
}

// guestKeys reads the keys that modules must be signed with.
func (c *config) guestKeys() (signing.Keys, error) {
	keys, err := signing.Parse(c.GuestKeys)
	if err != nil {
		return nil, fmt.Errorf("%sGUEST_KEYS: %w", envPrefix, err)
	}
	return keys, nil
}

func (c *config) checkNumbers() error {
	for _, number := range []struct {
		variable           string
		value, least, most int
	}{
		{"WORKERS", c.Workers, 0, maxWorkers},
		{"SLOW_WORKERS", c.SlowWorkers, 1, maxWorkers},
		{"GUEST_MEMORY", c.GuestMemory, 0, math.MaxInt},
		{"GUEST_MAX_FUEL", c.MaxFuel, 1, math.MaxInt},
		{"GUEST_MAX_FUEL_PER_SECOND", c.MaxFuelRate, 0, math.MaxInt},
		{"GUEST_MAX_INIT_FUEL", c.MaxInitFuel, 1, math.MaxInt},
		{"GUEST_MAX_PAGES", c.MaxPages, 1, maxPages},
		{"GUEST_MAX_LOOKUPS", c.MaxLookups, 1, hostabi.MaxLookups},
		{"GUEST_MAX_ANSWER_BYTES", c.MaxAnswerBytes, 1, runtime.DefaultAnswerBytes},
		{"GUEST_MAX_CONCURRENCY", c.MaxConcurrency, 0, math.MaxInt32},
		{"CACHE_BYTES", c.CacheBytes, 0, math.MaxInt},
		{"UDP_SIZE", c.UDPSize, frontend.LeastUDPSize, frontend.GreatestUDPSize},
		{"TCP_CONNECTIONS", c.TCPConnections, 1, maxConnections},
		{"TCP_CLIENT_CONNECTIONS", c.TCPClient, 1, maxConnections},
		{"CONTROL_RATE", c.ControlRate, 0, maxControlRate},
		{"RRL_RATE", c.RRLRate, 0, rrl.MaxRate},
		{"RRL_PREFIX_RATE", c.RRLPrefixRate, 0, rrl.MaxRate},
		{"QUERY_LOG_SAMPLE", c.QueryLogSample, 1, math.MaxInt32},
		{"DNSTAP_SAMPLE", c.DnstapSample, 1, math.MaxInt32},
		{"RRL_SLIP", c.RRLSlip, 0, rrl.MaxSlip},
	} {
		if number.value < number.least || number.value > number.most {
			return fmt.Errorf("%s%s: %d: want %d to %d", envPrefix, number.variable, number.value, number.least, number.most)
		}
	}
	return nil
}

func (c *config) checkTimes() error {
	for _, setting := range []struct {
		variable string
		value    time.Duration
	}{{"DRAIN", c.Drain}, {"WATCHDOG", c.Watchdog}, {"SLOW_ANSWER", c.SlowAnswer}} {
		if setting.value < 0 || setting.value > maxTime {
			return fmt.Errorf("%s%s: %v: want 0s to %v", envPrefix, setting.variable, setting.value, maxTime)
		}
	}
	return nil
}

// guestLimits are the most that an attachment may be given.
func (c *config) guestLimits() store.Limits {
	return store.Limits{
		Fuel:          uint64(c.MaxFuel),
		FuelPerSecond: uint64(c.MaxFuelRate),
		InitFuel:      uint64(c.MaxInitFuel),
		MemoryPages:   uint32(c.MaxPages),
		Lookups:       uint32(c.MaxLookups),
		AnswerBytes:   uint32(c.MaxAnswerBytes),
		Concurrency:   uint32(c.MaxConcurrency),
	}
}

func (c *config) checkTexts() error {
	for _, text := range []struct {
		variable, value string
		most            int
	}{
		{"SITE", c.Site, hostabi.MaxSite},
		{"NSID", c.NSID, frontend.MaxNSID},
		{"VERSION_BIND", c.VersionBind, frontend.MaxChaos},
		{"ID_SERVER", c.IDServer, frontend.MaxChaos},
	} {
		if len(text.value) > text.most {
			return fmt.Errorf("%s%s: the name has %d bytes, want at most %d", envPrefix, text.variable, len(text.value), text.most)
		}
	}
	return nil
}

// listenSystemd is the LISTEN that means the sockets which systemd has opened.
const listenSystemd = "systemd"

// noMetrics is the METRICS_LISTEN that means none.
const noMetrics = "none"

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
		case *time.Duration:
			set.DurationVar(at, name, *at, help)
		case *slog.Level:
			set.Var(levelFlag{at}, name, help)
		default:
			panic(fmt.Sprintf("configuration field %s has no kind of flag", field.Name))
		}
	}
}

// levelFlag is the flag of a level, in lower case as it is written.
type levelFlag struct{ level *slog.Level }

// String implements pflag.Value.
func (f levelFlag) String() string { return strings.ToLower(f.level.String()) }

// Set implements pflag.Value.
func (f levelFlag) Set(text string) error {
	if f.level.UnmarshalText([]byte(text)) != nil {
		return fmt.Errorf("want %s", wanted[reflect.TypeFor[slog.Level]()])
	}
	return nil
}

// Type implements pflag.Value: what the help calls the value.
func (levelFlag) Type() string { return "level" }

// addresses splits a list of addresses by comma; the empty text is none. The error
// names the one that is no HOST:PORT.
func addresses(variable, list string) ([]string, error) {
	var all []string
	if list == "" {
		return nil, nil
	}
	for _, address := range strings.Split(list, ",") {
		address = strings.TrimSpace(address)
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not HOST:PORT", envPrefix+variable, address)
		}
		all = append(all, address)
	}
	return all, nil
}

// frontend returns what the configuration says of transports and clients, without
// the secrets for cookies. It opens no file, so every command can check it.
func (c *config) frontend() (f frontend.Config, err error) {
	if c.Listen == "" {
		return f, fmt.Errorf("%sLISTEN: no address", envPrefix)
	}
	f.Slow.Workers, f.CacheBytes, f.MaxUDPSize, f.SlowAnswer = c.SlowWorkers, c.CacheBytes, c.UDPSize, c.SlowAnswer
	f.TCP.Connections, f.TCP.ClientConnections = c.TCPConnections, c.TCPClient
	if c.Listen != listenSystemd {
		if f.Listen, err = addresses("LISTEN", c.Listen); err != nil {
			return f, err
		}
	}
	if f.TLS.Listen, err = addresses("DOT_LISTEN", c.DoTListen); err != nil {
		return f, err
	}
	if f.TLS.HTTPSListen, err = addresses("DOH_LISTEN", c.DoHListen); err != nil {
		return f, err
	}
	if c.DoTListen+c.DoHListen != "" && (c.TLSCert == "" || c.TLSKey == "") {
		return f, fmt.Errorf("%sDOT_LISTEN and %sDOH_LISTEN need %sTLS_CERT and %sTLS_KEY", envPrefix, envPrefix, envPrefix, envPrefix)
	}
	f.TLS.CertFile, f.TLS.KeyFile = c.TLSCert, c.TLSKey
	if f.ProxyFrom, err = proxy.ParseSources(c.ProxyFrom); err != nil {
		return f, fmt.Errorf("%sPROXY_FROM: %w", envPrefix, err)
	}
	f.Policy, err = c.policy()
	return f, err
}
