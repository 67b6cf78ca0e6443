package runtime

import (
	"net/netip"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// Host is what a guest's imports are answered from, for one query. Its methods are called from
// within the guest's call, on the same goroutine; they must not call the instance, and must not keep
// what they are given. A host does not remember for the guest: the same input asked twice is asked
// of the host once, or gives the same value because the host's value does not change.
type Host interface {
	Sink

	// Lookup answers a batch: one lookup, or all of a lookup_many. It fills Status, and what goes
	// with it, of each entry; Name and Type are given. Names are valid, in lower case, and alias
	// memory of the instance: they are good until the instance's next call. Sets given must stay as
	// they are until then.
	Lookup(batch []Lookup)

	// Client is the client's address, as many bits of it as are known: all of a packet's source, or
	// the source prefix of a client subnet option (RFC 7871). It must be valid, and not IPv4 in IPv6.
	Client() netip.Prefix

	// Now is the time of the query in seconds since 1970. It does not change within a query.
	Now() int64

	// Pick draws from 0 to n-1, n from 1 to 65536. k counts the picks of the query from 0.
	Pick(k, n int) int

	// Transport says how the question came.
	Transport() hostabi.Transport

	// Site is the name of the place where the host runs, at most 255 bytes.
	Site() string
}

// Sink takes what a guest says beside its answers. The slices are good during the call only.
type Sink interface {
	// Log takes one line of valid UTF-8, at most 1,024 bytes.
	Log(level hostabi.LogLevel, line []byte)
	// MetricAdd adds delta to the number of that name, [a-z0-9_]{1,64}.
	MetricAdd(name []byte, delta int64)
}

// Lookup is one RRset that a guest asked for, and what the host gave.
type Lookup struct {
	Name rr.Name // lower case; aliases the instance's memory until its next call
	Type rr.Type

	Status   hostabi.Status // StatusOK when found
	Set      rr.Set         // for StatusOK
	Wildcard bool           // for StatusOK: synthesised from a wildcard (RFC 4592)
	Zone     rr.Name        // the zone that was searched; the zero Name where none was
}

// discard is the Sink of those who want nothing.
type discard struct{}

func (discard) Log(hostabi.LogLevel, []byte) {}
func (discard) MetricAdd([]byte, int64)      {}
