package hostabi

// Version is the major version of the ABI that this package describes.
const Version = 1

// ImportModule is the module name of every host function of version 1. A later major version has
// another name, and so does an optional group of functions added later (SPEC.md, "Versions").
const ImportModule = "namelet_v1"

// Exports of a guest (SPEC.md, "Exports").
const (
	ExportMemory     = "memory"          // the guest's one memory
	ExportMarker     = "namelet_abi_1"   // says which major version the guest speaks; never called
	ExportBuffers    = "namelet_buffers" // gives the address of the Buffers struct; called once
	ExportInit       = "namelet_init"    // optional: takes the configuration
	ExportAnswer     = "namelet_answer"  // answers one question
	ExportIdle       = "namelet_idle"    // optional: maintenance between queries
	ExportInitialize = "_initialize"     // optional: the reactor's constructor
	ExportStart      = "_start"          // refused: a guest is a library, not a command
)

// Imports a guest may ask for (SPEC.md, "Imports").
const (
	ImportLookup     = "lookup"
	ImportLookupMany = "lookup_many"
	ImportRRsetInfo  = "rrset_info"
	ImportRRsetRead  = "rrset_read"
	ImportClient     = "client"
	ImportNow        = "now"
	ImportBefore     = "before"
	ImportPick       = "pick"
	ImportTransport  = "transport"
	ImportSite       = "site"
	ImportLog        = "log"
	ImportMetricAdd  = "metric_add"
)

// Sizes in bytes of the fixed parts of the structs as version 1 knows them. A reader refuses a
// struct that says less and skips what a struct says beyond.
const (
	BuffersSize       = 16
	QuestionSize      = 16
	AnswerSize        = 16
	RecordSize        = 16
	LookupRequestSize = 24
	RRsetInfoSize     = 24
	ClientSize        = 24
	ConfigSize        = 8
	ConfigEntrySize   = 8 // has no size field of its own: it grows with the config header
)

// Limits of version 1. Fuel, memory and the length of an answer are limits of an attachment and
// are not listed here.
const (
	MinBuffer       = 1024   // least capacity of the in and of the out buffer, in bytes
	MaxBuffer       = 65536  // the host uses at most this much of each buffer
	MaxName         = 255    // bytes of a name in wire form (RFC 1035 section 3.1)
	MaxRecords      = 256    // records of one answer
	MaxTTL          = 604800 // seconds; a greater TTL is lowered to it
	DefaultTTL      = 60     // seconds; of a record that gives no TTL and is no handle
	MaxLookups      = 64     // lookups a query; every entry of lookup_many counts
	MaxPicks        = 64     // picks a query
	MaxInputs       = 64     // different inputs a query, lookups and picks apart
	MaxPick         = 65536  // greatest n of pick
	MaxLogLine      = 1024   // bytes of one log line
	MaxLogLines     = 16     // log lines a query
	MaxMetricName   = 64     // bytes of a metric's name
	MaxSite         = 255    // bytes of the site's name
	MaxConfigKey    = 255    // bytes of a configuration key
	MaxConfigValues = 4096   // entries of a configuration
)

// Transport is the result of the transport import.
type Transport int32

// The transports a question may have come by.
const (
	TransportUDP   Transport = 1
	TransportTCP   Transport = 2
	TransportTLS   Transport = 3 // RFC 7858
	TransportHTTPS Transport = 4 // RFC 8484
)

// String gives the transport's short name, "udp" for instance.
func (t Transport) String() string {
	switch t {
	case TransportUDP:
		return "udp"
	case TransportTCP:
		return "tcp"
	case TransportTLS:
		return "tls"
	case TransportHTTPS:
		return "https"
	}
	return "invalid"
}

// ParseTransport reads a transport's short name; false for what is none.
func ParseTransport(name string) (Transport, bool) {
	for t := TransportUDP; t <= TransportHTTPS; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}

// Family is the address family of a client's prefix.
type Family uint32

// The address families.
const (
	FamilyIPv4 Family = 4
	FamilyIPv6 Family = 6
)

// LogLevel is the first argument of the log import.
type LogLevel int32

// The log levels.
const (
	LogDebug LogLevel = 0
	LogInfo  LogLevel = 1
	LogWarn  LogLevel = 2
	LogError LogLevel = 3
)

// IdleReason is the argument of namelet_idle. A guest takes a reason it does not know as IdleQuiet.
type IdleReason int32

// The reasons for a call of namelet_idle.
const (
	IdleQuiet  IdleReason = 0 // no query waits; a good time to collect garbage
	IdleMemory IdleReason = 1 // the guest's memory has grown near its limit
)

// Lookup flags. Version 1 defines none: a bit that is set gives StatusInvalid.
const LookupFlagsKnown = 0
