package sdktest

import (
	"net/netip"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// nativeCall answers the imports of a native guest from a runtime.Host, by the rules of SPEC.md section
// 3, and keeps what was asked.
type nativeCall struct {
	host    runtime.Host
	query   bool // a query runs: the imports that need one are not denied
	limit   int  // lookups; zero for the ABI's
	lookups []runtime.Lookup
	events  []runtime.Event
	picks   int
	lines   int
}

// logOnly is a host outside a query; the imports that would ask the rest of it are denied.
type logOnly struct{ sink }

func (logOnly) Lookup([]runtime.Lookup)      {}
func (logOnly) Client() netip.Prefix         { return netip.Prefix{} }
func (logOnly) Now() int64                   { return 0 }
func (logOnly) Pick(int, int) int            { return 0 }
func (logOnly) Transport() hostabi.Transport { return 0 }
func (logOnly) Site() string                 { return "" }

// once keeps an input, each only once.
func (c *nativeCall) once(e runtime.Event) {
	for _, have := range c.events {
		if have.Kind == e.Kind && have.Arg == e.Arg && have.V4 == e.V4 && have.V6 == e.V6 {
			return
		}
	}
	c.events = append(c.events, e)
}

func (c *nativeCall) found(handle int32) *runtime.Lookup {
	if handle < 0 || int(handle) >= len(c.lookups) || c.lookups[handle].Status != hostabi.StatusOK {
		return nil
	}
	return &c.lookups[handle]
}

func (c *nativeCall) Lookup(name rr.Name, t rr.Type) int32 {
	results := [1]int32{}
	if status := c.LookupMany([]rr.Name{name}, []rr.Type{t}, results[:]); status < 0 {
		return status
	}
	return results[0]
}

func (c *nativeCall) LookupMany(names []rr.Name, types []rr.Type, results []int32) int32 {
	limit := c.limit
	if limit <= 0 || limit > hostabi.MaxLookups {
		limit = hostabi.MaxLookups
	}
	switch {
	case !c.query:
		return int32(hostabi.StatusDenied)
	case len(c.lookups)+len(names) > limit:
		return int32(hostabi.StatusLimit)
	}
	for i, name := range names {
		if name.IsZero() || types[i].IsMeta() {
			results[i] = int32(hostabi.StatusInvalid)
			continue
		}
		wire := string(name.AppendLower(nil)) // the guest's memory is used again
		lower, _ := rr.NameFromWireString(wire)
		batch := []runtime.Lookup{{Name: lower, Type: types[i]}}
		c.host.Lookup(batch)
		handle := len(c.lookups)
		c.lookups = append(c.lookups, batch[0])
		c.events = append(c.events, runtime.Event{Kind: runtime.EventLookup, Arg: int64(handle)})
		results[i] = int32(handle)
		if batch[0].Status < 0 {
			results[i] = int32(batch[0].Status)
		}
	}
	return 0
}

func (c *nativeCall) RRsetInfo(handle int32) (hostabi.RRsetInfo, hostabi.Status) {
	l := c.found(handle)
	if l == nil {
		return hostabi.RRsetInfo{}, hostabi.StatusNoHandle
	}
	info := hostabi.RRsetInfo{Type: l.Type, Wildcard: l.Wildcard, TTL: l.Set.TTL, Count: uint32(len(l.Set.Data))}
	for _, rdata := range l.Set.Data {
		info.RdataLen += 2 + uint32(len(rdata))
	}
	return info, hostabi.StatusOK
}

func (c *nativeCall) RRsetRead(handle int32, buf []byte) int32 {
	info, status := c.RRsetInfo(handle)
	if status < 0 {
		return int32(status)
	}
	if int(info.RdataLen) <= len(buf) {
		buf = buf[:0]
		for _, rdata := range c.lookups[handle].Set.Data {
			buf = hostabi.AppendRdata(buf, rdata)
		}
	}
	return int32(info.RdataLen)
}

func (c *nativeCall) Client(v4Bits, v6Bits int) (hostabi.Client, int32) {
	switch {
	case !c.query:
		return hostabi.Client{}, int32(hostabi.StatusDenied)
	case v4Bits < 0 || v4Bits > 32 || v6Bits < 0 || v6Bits > 128:
		return hostabi.Client{}, int32(hostabi.StatusInvalid)
	}
	c.once(runtime.Event{Kind: runtime.EventClient, V4: uint8(v4Bits), V6: uint8(v6Bits)})
	known := c.host.Client()
	if !known.Addr().Is4() {
		given := netip.PrefixFrom(known.Addr(), min(v6Bits, known.Bits())).Masked()
		return hostabi.Client{Family: hostabi.FamilyIPv6, Addr: given.Addr().As16()}, int32(given.Bits())
	}
	given := netip.PrefixFrom(known.Addr(), min(v4Bits, known.Bits())).Masked()
	out := hostabi.Client{Family: hostabi.FamilyIPv4}
	addr := given.Addr().As4()
	copy(out.Addr[:], addr[:])
	return out, int32(given.Bits())
}

func (c *nativeCall) Now(grain int) int64 {
	switch {
	case !c.query:
		return int64(hostabi.StatusDenied)
	case grain < 1 || grain > 0x7fffffff:
		return int64(hostabi.StatusInvalid)
	}
	c.once(runtime.Event{Kind: runtime.EventNow, Arg: int64(grain)})
	now := c.host.Now()
	return now - now%int64(grain)
}

func (c *nativeCall) Before(unix int64) int32 {
	if !c.query {
		return int32(hostabi.StatusDenied)
	}
	c.once(runtime.Event{Kind: runtime.EventBefore, Arg: unix})
	if c.host.Now() < unix {
		return 1
	}
	return 0
}

func (c *nativeCall) Pick(n int) int32 {
	switch {
	case !c.query:
		return int32(hostabi.StatusDenied)
	case n < 1 || n > hostabi.MaxPick:
		return int32(hostabi.StatusInvalid)
	case c.picks == hostabi.MaxPicks:
		return int32(hostabi.StatusLimit)
	}
	c.events = append(c.events, runtime.Event{Kind: runtime.EventPick, Arg: int64(n)})
	c.picks++
	return int32(c.host.Pick(c.picks-1, n))
}

func (c *nativeCall) Transport() int32 {
	if !c.query {
		return int32(hostabi.StatusDenied)
	}
	c.once(runtime.Event{Kind: runtime.EventTransport})
	return int32(c.host.Transport())
}

func (c *nativeCall) Site(buf []byte) int32 {
	if !c.query {
		return int32(hostabi.StatusDenied)
	}
	c.once(runtime.Event{Kind: runtime.EventSite})
	name := c.host.Site()
	if len(name) <= len(buf) {
		copy(buf, name)
	}
	return int32(len(name))
}

func (c *nativeCall) Log(level hostabi.LogLevel, line string) int32 {
	if c.lines == hostabi.MaxLogLines {
		return int32(hostabi.StatusLimit)
	}
	c.lines++
	c.host.Log(level, []byte(line))
	return 0
}

func (c *nativeCall) MetricAdd(name string, delta int64) int32 {
	if name == "" || len(name) > hostabi.MaxMetricName {
		return int32(hostabi.StatusInvalid)
	}
	for _, b := range []byte(name) {
		if b-'a' >= 26 && b-'0' >= 10 && b != '_' {
			return int32(hostabi.StatusInvalid)
		}
	}
	c.host.MetricAdd([]byte(name), delta)
	return 0
}
