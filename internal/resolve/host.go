package resolve

import (
	"errors"
	"net/netip"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// host answers the imports of one guest call. A Worker has one, set anew for
// every call: it pins the query's routing, so that a guest reads the same
// snapshots that the rest of the answer is made from.
type host struct {
	worker     *Worker
	routing    *Routing
	attachment *Attachment
	slot       *slot // of the attachment
	client     Client
	direct     bool            // the zone's guests see who sent the question
	deps       *authority.Deps // of the answer being made
	missed     bool            // a zone that was looked up in has no data at hand
	moved      bool            // one changed while it was read
	now        int64           // seconds since 1970, one value for the whole query; 0 until a guest asks
	picked     int             // picks of earlier guests of the query
	picks      int             // picks of this one
}

var _ runtime.Host = (*host)(nil)

// Lookup reads the RRsets of a batch from the zones that the attachment may
// read.
func (h *host) Lookup(batch []runtime.Lookup) {
	h.fetch(batch)
	for i := range batch {
		l := &batch[i]
		zone := h.readable(l.Name)
		if zone == nil {
			l.Status = hostabi.StatusDenied
			continue
		}
		l.Zone = zone.Apex
		snapshot := h.snapshot(zone, l.Name)
		if snapshot == nil {
			l.Status = hostabi.StatusUnavailable
			h.missed = true
			continue
		}
		var read authority.ReadStatus
		read, l.Set, l.Wildcard = snapshot.Read(l.Name, l.Type, h.deps)
		l.Status = status(read)
	}
}

// fetch reads what a batch needs of zones that are not held, at once for each zone.
func (h *host) fetch(batch []runtime.Lookup) {
	for i := range batch {
		zone := h.readable(batch[i].Name)
		if zone == nil || zone.Source == nil || h.snapshot(zone, batch[i].Name) != nil {
			continue
		}
		var names []rr.Name
		for k := i; k < len(batch); k++ {
			if h.readable(batch[k].Name) == zone {
				names = append(names, batch[k].Name)
			}
		}
		_, err := h.worker.read(zone, authority.Question{}, names)
		h.moved = h.moved || errors.Is(err, errMoved)
	}
}

// snapshot returns what a name is looked up in; nil where that is not at hand.
func (h *host) snapshot(zone *authority.Zone, name rr.Name) *authority.Snapshot {
	if zone.Source == nil {
		return zone.Snapshot
	}
	if p := h.worker.pin(zone); p.snapshot != nil && p.snapshot.Has(name) {
		return p.snapshot
	}
	return nil
}

// readable returns the zone that name is looked up in: of the attachment's own
// and the granted ones that enclose it, the one with the longest apex; nil where
// none does, or none is there.
func (h *host) readable(name rr.Name) *authority.Zone {
	if !h.slot.found {
		h.slot.findZones(h.routing)
		h.worker.reading = append(h.worker.reading, h.slot)
	}
	longest := 0
	var found *authority.Zone
	for i := range h.slot.zones {
		z := &h.slot.zones[i]
		if z.apex.Len() > longest && name.IsSubdomainOf(z.apex) {
			longest, found = z.apex.Len(), z.zone
		}
	}
	return found
}

// status words what a snapshot says in the terms of the ABI.
func status(s authority.ReadStatus) hostabi.Status {
	switch s {
	case authority.ReadFound:
		return hostabi.StatusOK
	case authority.ReadNoData:
		return hostabi.StatusNoData
	case authority.ReadNXDomain:
		return hostabi.StatusNXDomain
	case authority.ReadDelegated:
		return hostabi.StatusDelegated
	case authority.ReadCNAME:
		return hostabi.StatusCNAME
	}
	return hostabi.StatusUnavailable
}

// Client gives what is known of the client's address, and counts in the zone.
func (h *host) Client() netip.Prefix {
	if h.direct {
		return h.client.Source()
	}
	return h.client.Known()
}

func (h *host) Now() int64 {
	if h.now == 0 {
		h.now = h.worker.resolver.config.Now().Unix()
	}
	return h.now
}

// Pick counts on from the picks of earlier guests on the query's CNAME path, so
// that the draws of one query are independent of one another.
func (h *host) Pick(k, n int) int {
	h.picks = k + 1
	return h.worker.draw(h.picked+k, n)
}

func (h *host) Transport() hostabi.Transport { return h.client.Transport }

func (h *host) Site() string { return h.worker.resolver.config.Site }

func (h *host) Log(level hostabi.LogLevel, line []byte) {
	h.worker.resolver.logLine(h.attachment, level, line)
}

func (h *host) MetricAdd(name []byte, delta int64) { h.attachment.Metrics.add(name, delta) }
