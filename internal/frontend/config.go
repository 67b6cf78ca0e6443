package frontend

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	goruntime "runtime"
	"time"

	"github.com/namelet/namelet/internal/frontend/tap"
)

// Config says where to listen and how much to take on. The zero value of a
// field means its default.
type Config struct {
	// Listen holds addresses as HOST:PORT, each for UDP and TCP. An empty host
	// is every address of both families, 0.0.0.0 and [::] those of one. Port 0
	// lets the system choose one port for both.
	Listen []string

	// Sockets were opened by who started the process, and stand in the place of Listen:
	// for each address one of TCP, and one or more of UDP. Listen of the Server takes
	// them over.
	Sockets []*os.File

	// Workers is how many UDP sockets share each address, one goroutine and one
	// Worker to each. Default: the number of CPUs.
	Workers int

	// MaxUDPSize is the largest UDP response in octets, 512 to 4096. Default:
	// 1232, which is not fragmented on any path that IPv6 allows.
	MaxUDPSize int

	// CacheBytes is the memory for answers that are given again, in octets, over
	// all workers. 0 turns that off.
	CacheBytes int

	TCP    TCPConfig
	Slow   SlowConfig
	Policy PolicyConfig
	TLS    TLSConfig

	// ProxyFrom are the networks of proxies. What comes from there begins with a
	// header of the PROXY protocol, version 2, that names the client, and is not
	// answered without one; what comes from elsewhere is not answered with one.
	ProxyFrom []netip.Prefix

	// SlowAnswer is from which time on an answer that was computed is logged as slow,
	// with what it depended on; the wait for a slow worker counts. 0 for never.
	SlowAnswer time.Duration

	// Stuck is how long a worker may have one question in hand before it is logged,
	// with its stack, and counts as stuck. Default: 5 s, more than any takes that gets
	// on.
	Stuck time.Duration

	// Tap is shown all queries and what they are answered with; nil for none.
	Tap tap.Tap

	// Logger gets what an operator should see. Default: slog.Default.
	Logger *slog.Logger
}

// TCPConfig bounds what TCP clients can take, those of TLS and HTTPS among them.
// The zero value of a field means its default.
type TCPConfig struct {
	Workers           int           // Workers that all connections share. Default: the number of CPUs
	Connections       int           // open connections in all; more are closed on arrival. Default: 1024
	ClientConnections int           // open connections of one client prefix, /24 or /56. Default: 128
	InFlight          int           // queries of one connection that are not answered yet. Default: 16
	Idle              time.Duration // how long a connection may be silent between queries. Default: 15 s
	Message           time.Duration // how long a query may take to arrive once it has begun. Default: 5 s
	Write             time.Duration // how long a client may take to accept a response. Default: 5 s
}

// SlowConfig bounds what may wait for the store, of all transports. The zero value
// of a field means its default.
type SlowConfig struct {
	Workers int // answers that can wait at the same time. Default: 16
	Queue   int // questions that can wait for a worker; then the oldest is shed. Default: 1024
}

// Bounds of Config.MaxUDPSize.
const (
	LeastUDPSize    = 512  // RFC 1035 section 4.2.1
	GreatestUDPSize = 4096 // beyond it lie fragments only
)

const (
	defaultMaxUDPSize = 1232

	// maxQuery is the longest query taken, in octets. One question, OPT with
	// padding and a signature fit many times over.
	maxQuery = 4096
)

// errConfig is the error of a Config with a value outside its range.
var errConfig = errors.New("frontend: bad configuration")

// withDefaults returns c with its zero fields filled in. The error wraps
// errConfig and names the field.
func (c Config) withDefaults() (Config, error) {
	cpus := goruntime.GOMAXPROCS(0)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	err := errors.Join(
		fill("workers", &c.Workers, cpus),
		fill("largest UDP size", &c.MaxUDPSize, defaultMaxUDPSize),
		fill("stuck time", &c.Stuck, stuckTime),
		fill("TCP workers", &c.TCP.Workers, cpus),
		fill("slow workers", &c.Slow.Workers, 16),
		fill("slow queue", &c.Slow.Queue, 1024),
		fill("TCP connections", &c.TCP.Connections, 1024),
		fill("TCP connections of a client", &c.TCP.ClientConnections, 128),
		fill("TCP queries in flight", &c.TCP.InFlight, 16),
		fill("TCP idle time", &c.TCP.Idle, 15*time.Second),
		fill("TCP message time", &c.TCP.Message, 5*time.Second),
		fill("TCP write time", &c.TCP.Write, 5*time.Second),
	)
	if err != nil {
		return c, err
	}
	if c.MaxUDPSize < LeastUDPSize || c.MaxUDPSize > GreatestUDPSize {
		return c, fmt.Errorf("%w: largest UDP size is %d, want %d to %d", errConfig, c.MaxUDPSize, LeastUDPSize, GreatestUDPSize)
	}
	if c.CacheBytes < 0 {
		return c, fmt.Errorf("%w: cache is negative", errConfig)
	}
	if len(c.Listen)+len(c.Sockets) == 0 {
		return c, fmt.Errorf("%w: no address to listen on", errConfig)
	}
	return c, nil
}

func fill[T int | time.Duration](what string, field *T, value T) error {
	if *field < 0 {
		return fmt.Errorf("%w: %s is negative", errConfig, what)
	}
	if *field == 0 {
		*field = value
	}
	return nil
}
