package sdk

import (
	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// Name is a DNS name. Parse the names a guest needs once, in a package variable, by MustName.
type Name = rr.Name

// Type is an RR type.
type Type = rr.Type

// Transport says how a question came.
type Transport = hostabi.Transport

// Status is the outcome of a lookup.
type Status = hostabi.Status

// The RR types that Answer has a method for.
const (
	TypeA     = rr.TypeA
	TypeAAAA  = rr.TypeAAAA
	TypeCAA   = rr.TypeCAA
	TypeCNAME = rr.TypeCNAME
	TypeHTTPS = rr.TypeHTTPS
	TypeMX    = rr.TypeMX
	TypeNS    = rr.TypeNS
	TypePTR   = rr.TypePTR
	TypeSRV   = rr.TypeSRV
	TypeSVCB  = rr.TypeSVCB
	TypeTXT   = rr.TypeTXT
)

// The outcomes of a lookup.
const (
	StatusOK          = hostabi.StatusOK
	StatusNoData      = hostabi.StatusNoData
	StatusNXDomain    = hostabi.StatusNXDomain
	StatusDelegated   = hostabi.StatusDelegated
	StatusCNAME       = hostabi.StatusCNAME
	StatusDenied      = hostabi.StatusDenied
	StatusUnavailable = hostabi.StatusUnavailable
	StatusInvalid     = hostabi.StatusInvalid
	StatusLimit       = hostabi.StatusLimit
)

// The transports.
const (
	UDP   = hostabi.TransportUDP
	TCP   = hostabi.TransportTCP
	TLS   = hostabi.TransportTLS
	HTTPS = hostabi.TransportHTTPS
)

// The log levels.
const (
	LogDebug = hostabi.LogDebug
	LogInfo  = hostabi.LogInfo
	LogWarn  = hostabi.LogWarn
	LogError = hostabi.LogError
)

// MustName parses a name in presentation form, such as "routes.internal". It panics when it is not a
// name, which shows when the guest is built into a generation.
func MustName(s string) Name { return rr.MustParseName(s) }

// ParseName parses a name in presentation form.
func ParseName(s string) (Name, error) { return rr.ParseName(s) }

// Log writes a line to the host's log, cut to 1,024 bytes. A query may write 16 lines; further ones are
// dropped, and so are those of a query answered from memory.
func Log(level hostabi.LogLevel, line string) {
	hostLog(level, line[:min(len(line), hostabi.MaxLogLine)])
}

// AddMetric adds delta to a number of the guest's own. The name is [a-z0-9_]{1,64}; it is false when it is
// not. A query answered from memory counts nothing.
func AddMetric(name string, delta int64) bool { return hostMetricAdd(name, delta) >= 0 }
