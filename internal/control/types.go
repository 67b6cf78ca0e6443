package control

import (
	"time"

	"github.com/namelet/namelet/internal/trial"
)

// Status says which server answers.
type Status struct {
	Store   string `json:"store"`   // as in the configuration, a file by its absolute path
	Version string `json:"version"` // of the program
	PID     int    `json:"pid"`
}

// ZoneName is the request that only names a zone.
type ZoneName struct {
	Zone string `json:"zone"`
}

// Zone is a zone as of one version.
type Zone struct {
	Name         string    `json:"name"`
	Private      bool      `json:"private"`
	Signed       bool      `json:"signed"`
	Fallback     string    `json:"fallback"`          // static, servfail or last-good: what is answered where a guest fails
	SerialStyle  string    `json:"serial_style"`      // increment, date or unix: how a change raises the serial
	MaxStale     float64   `json:"max_stale_seconds"` // how long it is served while the store is away; 0 for without end
	Residency    string    `json:"residency"`         // memory or lookup
	ClientSubnet bool      `json:"client_subnet"`     // whether client subnets (RFC 7871) are believed where the server does
	Serial       uint32    `json:"serial"`
	Version      uint64    `json:"version"`
	RRsets       uint64    `json:"rrsets"`
	Changed      time.Time `json:"changed"`
}

// ZoneImport asks for a zone to have the content that comes with the request, and
// no other.
type ZoneImport struct {
	Zone  string `json:"zone"`
	Force bool   `json:"force,omitempty"` // also where the serial is not higher
	ZoneSettings

	// Progress asks for a sequence of ImportAnswers in the place of the zone.
	Progress bool `json:"progress,omitempty"`
}

// ImportAnswer is one of a sequence of which the last has the zone or the problem.
type ImportAnswer struct {
	Progress *ImportProgress `json:"progress,omitempty"`
	Zone     *Zone           `json:"zone,omitempty"`
	Problem  *Problem        `json:"problem,omitempty"`
}

// ImportProgress is how far an import has come.
type ImportProgress struct {
	Phase ImportPhase `json:"phase"`
	Done  int         `json:"done"`  // RRsets
	Total int         `json:"total"` // RRsets
}

// ImportPhase is what an import is at.
type ImportPhase string

// The phases, in their order.
const (
	ImportSending ImportPhase = "sending" // to the server
	ImportStoring ImportPhase = "storing"
)

// RecordSet is an RRset. In a request its names are as in the zone's file: relative to
// the zone without a final dot, and @ for the zone. In a result they are absolute.
type RecordSet struct {
	Name string   `json:"name"`
	Type string   `json:"type"`
	TTL  uint32   `json:"TTL"`
	Data []string `json:"data"` // rdata in presentation form
}

// RecordQuery asks for a zone's RRsets: all, those of a name, or one.
type RecordQuery struct {
	Zone string `json:"zone"`
	Name string `json:"name,omitempty"` // as in RecordSet; empty for all
	Type string `json:"type,omitempty"` // empty for all
}

// Records are RRsets of one version of a zone, in canonical order.
type Records struct {
	Zone    string      `json:"zone"`
	Version uint64      `json:"version"`
	Sets    []RecordSet `json:"sets"`
}

// RecordSetRequest puts an RRset in the place of the one with its name and type.
type RecordSetRequest struct {
	Zone      string    `json:"zone"`
	Set       RecordSet `json:"set"`
	IfVersion uint64    `json:"if_version,omitempty"` // of the zone; 0 for any
}

// RecordDeleteRequest removes an RRset, or with an empty Type all of a name.
type RecordDeleteRequest struct {
	Zone      string `json:"zone"`
	Name      string `json:"name"` // as in RecordSet
	Type      string `json:"type,omitempty"`
	IfVersion uint64 `json:"if_version,omitempty"` // of the zone; 0 for any
}

// Change is what a change of records led to.
type Change struct {
	Zone    string `json:"zone"`
	Serial  uint32 `json:"serial"`
	Version uint64 `json:"version"`
}

// GuestPush is the request that comes with a guest's module.
type GuestPush struct {
	Guest     string `json:"guest"`
	Signature string `json:"signature,omitempty"` // of the module, in the text form of minisign

	// Scenarios are tried with the module. On the wire they are the first ScenarioBytes of the body, as a JSON
	// array, and the module comes behind them.
	Scenarios     []trial.Scenario `json:"-"`
	ScenarioBytes int              `json:"scenario_bytes,omitempty"`

	// Progress asks for a sequence of PushAnswers in the place of the version.
	Progress bool `json:"progress,omitempty"`

	// Sent is told by a Client how many bytes of the body's total are on their way, and Told what comes after that;
	// nil for nobody. One goroutine at a time calls them.
	Sent func(done, total int) `json:"-"`
	Told func(PushPhase)       `json:"-"`
}

// PushAnswer is one of a sequence of which the last has the version or the problem.
type PushAnswer struct {
	Phase   PushPhase     `json:"phase,omitempty"`
	Version *GuestVersion `json:"version,omitempty"`
	Problem *Problem      `json:"problem,omitempty"`
}

// PushPhase is what a push is at, once the module has come.
type PushPhase string

// The phases, in their order; those between are of the trial.
const (
	PushWaiting    PushPhase = "waiting" // for other trials
	PushInspecting           = PushPhase(trial.PhaseInspecting)
	PushCompiling            = PushPhase(trial.PhaseCompiling)
	PushAsking               = PushPhase(trial.PhaseAsking)
	PushStoring    PushPhase = "storing"
)

// GuestReport is what the trial of a module found out.
type GuestReport = trial.Report

// GuestVersion is a module under a guest's name.
type GuestVersion struct {
	Guest   string    `json:"guest"`
	Version uint64    `json:"version"` // from 1, in the order of pushes
	Digest  string    `json:"digest"`  // SHA-256 of the module in hexadecimal
	Size    int       `json:"size"`    // of the module in bytes
	Created time.Time `json:"created"`
	Key     string    `json:"key,omitempty"` // identifier of the key that signed it

	Report *GuestReport `json:"report,omitempty"` // of the trial before it became a version; nil for one of an older release
}

// GuestVersionName names a version of a guest.
type GuestVersionName struct {
	Guest   string `json:"guest"`
	Version uint64 `json:"version"`
}

// Attachment says that a guest answers for a zone, or for a part of it.
type Attachment struct {
	Zone     string            `json:"zone,omitempty"` // apex; empty in a request for the closest zone around At
	At       string            `json:"at"`             // a name in the zone
	Scope    string            `json:"scope"`          // subtree: At and all below it; name: At alone
	Guest    string            `json:"guest"`
	Version  uint64            `json:"version"` // 0 in a request for the newest
	Grants   []string          `json:"grants"`  // apexes of zones that the guest may look into
	Values   map[string]string `json:"config"`
	Fuel     uint64            `json:"fuel,omitempty"`     // units a query; 0 for the default
	Memory   uint32            `json:"memory,omitempty"`   // pages of 64 KiB; 0 for the default
	Lookups  uint32            `json:"lookups,omitempty"`  // a query; 0 for the default
	Reset    bool              `json:"reset,omitempty"`    // every answer from a fresh picture of the started guest
	Fallback string            `json:"fallback,omitempty"` // static, servfail or last-good; empty for the zone's

	Previous  string     `json:"previous,omitempty"`  // GUEST@VERSION that was attached before; not of a request
	Candidate *Candidate `json:"candidate,omitempty"` // on trial; not of a request
	Watched   *Watched   `json:"watched,omitempty"`   // the version is watched since it was put in force at once; not of a request
	Undone    *Undone    `json:"undone,omitempty"`    // the last rollback, until the next activation; not of a request

	InitFuel    uint64 `json:"init_fuel,omitempty"`    // units of the start; 0 for the default
	AnswerBytes uint32 `json:"answer_bytes,omitempty"` // of an answer's records, uncompressed; 0 for the default
	Concurrency uint32 `json:"concurrency,omitempty"`  // calls at the same time on each server; 0 for no limit

	FuelPerSecond uint64 `json:"fuel_per_second,omitempty"` // units that all its queries may burn in a second on each server; 0 for no limit
}

// AttachmentPoint names an attachment.
type AttachmentPoint struct {
	Zone  string `json:"zone,omitempty"` // empty for the closest zone around At
	At    string `json:"at"`
	Scope string `json:"scope"` // subtree or name
}

// Scopes of an attachment.
const (
	ScopeSubtree = "subtree"
	ScopeName    = "name"
)
