package runtime

import (
	"context"
	"net/netip"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime/internal/meter"
)

// Fuel that the host burns for its work, beside meter.HostCall for each crossing. The unit is that of
// docs/FUEL.md: at most 10 ns.
const (
	fuelLookup = 200 // a walk through a zone in memory, and what is kept of it
	fuelInput  = 20
	fuelLog    = 200

	fuelPerBytes  = meter.HostBytesPerUnit
	eventsPerUnit = 4 // events of the trace looked at for one unit
)

// A hostFunc is one import. args holds the parameters, and on return the result in its first entry.
type hostFunc func(c *call, args []uint64)

// hostFuncs are the imports of module namelet_v1, by name. Their meaning is that of SPEC.md section 3.
var hostFuncs = map[string]hostFunc{
	hostabi.ImportLookup:     lookup,
	hostabi.ImportLookupMany: lookupMany,
	hostabi.ImportRRsetInfo:  rrsetInfo,
	hostabi.ImportRRsetRead:  rrsetRead,
	hostabi.ImportClient:     client,
	hostabi.ImportNow:        now,
	hostabi.ImportBefore:     before,
	hostabi.ImportPick:       pick,
	hostabi.ImportTransport:  transport,
	hostabi.ImportSite:       site,
	hostabi.ImportLog:        logLine,
	hostabi.ImportMetricAdd:  metricAdd,
}

// defineImports puts module namelet_v1 into r.
func defineImports(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(hostabi.ImportModule)
	for _, f := range hostabi.Imports {
		b.NewFunctionBuilder().
			WithGoModuleFunction(enter(hostFuncs[f.Name]), engineTypes(f.Signature.Params), engineTypes(f.Signature.Results)).
			Export(f.Name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// enter makes a host function of f: it finds the call and charges for the crossing.
func enter(f hostFunc) api.GoModuleFunc {
	return func(ctx context.Context, _ api.Module, args []uint64) {
		c := callOf(ctx)
		c.charge(meter.HostCall)
		f(c, args)
	}
}

func engineTypes(types []hostabi.ValueType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = api.ValueType(t)
	}
	return out
}

func status(args []uint64, s hostabi.Status) { args[0] = api.EncodeI32(int32(s)) }

// fill is "buffer, limit": it gives the n bytes at ptr to write to, or nil when they do not fit. The
// result of the import is n either way.
func (c *call) fill(args []uint64, ptr, capacity uint32, n int) []byte {
	args[0] = api.EncodeI32(int32(n))
	if capacity == 0 || uint64(n) > uint64(capacity) {
		return nil
	}
	c.charge(uint64(n) / fuelPerBytes)
	return c.view(ptr, uint32(n))
}

// client(v4_bits, v6_bits, buf) -> prefix length
func client(c *call, args []uint64) {
	v4, v6, buf := uint32(args[0]), uint32(args[1]), uint32(args[2])
	switch {
	case c.host == nil:
		status(args, hostabi.StatusDenied)
		return
	case v4 > 32 || v6 > 128:
		status(args, hostabi.StatusInvalid)
		return
	}
	if _, ok := hostabi.ClientRoom(c.view(buf, 4)); !ok {
		status(args, hostabi.StatusInvalid)
		return
	}
	out := c.view(buf, hostabi.ClientSize)
	known := c.host.Client()
	addr, asked, view := known.Addr(), int(v6), hostabi.Client{Family: hostabi.FamilyIPv6}
	if addr.Is4() {
		asked, view.Family = int(v4), hostabi.FamilyIPv4
	}
	given := netip.PrefixFrom(addr, min(asked, known.Bits())).Masked()
	if !c.record(Event{Kind: EventClient, V4: uint8(v4), V6: uint8(v6), Prefix: given}) {
		status(args, hostabi.StatusLimit)
		return
	}
	putAddr(&view, given.Addr())
	hostabi.PutClient(out, view)
	args[0] = api.EncodeI32(int32(given.Bits()))
}

func putAddr(view *hostabi.Client, addr netip.Addr) {
	if addr.Is4() {
		b := addr.As4()
		copy(view.Addr[:], b[:])
		return
	}
	view.Addr = addr.As16()
}

// now(grain_seconds) -> i64
func now(c *call, args []uint64) {
	grain := int64(int32(args[0]))
	switch {
	case c.host == nil:
		args[0] = api.EncodeI64(int64(hostabi.StatusDenied))
		return
	case grain < 1:
		args[0] = api.EncodeI64(int64(hostabi.StatusInvalid))
		return
	}
	t := c.host.Now()
	t -= t % grain
	if !c.record(Event{Kind: EventNow, Arg: grain, Value: t}) {
		t = int64(hostabi.StatusLimit)
	}
	args[0] = api.EncodeI64(t)
}

// before(unix_seconds) -> 1 or 0
func before(c *call, args []uint64) {
	if c.host == nil {
		status(args, hostabi.StatusDenied)
		return
	}
	moment, result := int64(args[0]), int64(0)
	if c.host.Now() < moment {
		result = 1
	}
	if !c.record(Event{Kind: EventBefore, Arg: moment, Value: result}) {
		result = int64(hostabi.StatusLimit)
	}
	args[0] = api.EncodeI32(int32(result))
}

// pick(n) -> 0..n-1
func pick(c *call, args []uint64) {
	n := uint32(args[0])
	switch {
	case c.host == nil:
		status(args, hostabi.StatusDenied)
	case n < 1 || n > hostabi.MaxPick:
		status(args, hostabi.StatusInvalid)
	case c.picks == hostabi.MaxPicks:
		status(args, hostabi.StatusLimit)
	default:
		c.charge(fuelInput)
		drawn := c.host.Pick(c.picks, int(n))
		c.picks++
		c.events = append(c.events, Event{Kind: EventPick, Arg: int64(n), Value: int64(drawn)})
		args[0] = api.EncodeI32(int32(drawn))
	}
}

// transport() -> 1..4
func transport(c *call, args []uint64) {
	if c.host == nil {
		status(args, hostabi.StatusDenied)
		return
	}
	t := c.host.Transport()
	if !c.record(Event{Kind: EventTransport, Value: int64(t)}) {
		status(args, hostabi.StatusLimit)
		return
	}
	args[0] = api.EncodeI32(int32(t))
}

// site(buf, cap) -> true length
func site(c *call, args []uint64) {
	if c.host == nil {
		status(args, hostabi.StatusDenied)
		return
	}
	if !c.record(Event{Kind: EventSite}) {
		status(args, hostabi.StatusLimit)
		return
	}
	name := c.host.Site()
	if out := c.fill(args, uint32(args[0]), uint32(args[1]), len(name)); out != nil {
		copy(out, name)
	}
}

// log(level, ptr, len) -> 0
func logLine(c *call, args []uint64) {
	level, ptr, n := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if level > uint32(hostabi.LogError) || n > hostabi.MaxLogLine {
		status(args, hostabi.StatusInvalid)
		return
	}
	c.charge(fuelLog + uint64(n)/fuelPerBytes)
	line := c.view(ptr, n)
	switch {
	case !utf8.Valid(line):
		status(args, hostabi.StatusInvalid)
	case c.logLines == hostabi.MaxLogLines:
		status(args, hostabi.StatusLimit)
	default:
		c.logLines++
		c.sink.Log(hostabi.LogLevel(level), line)
		status(args, hostabi.StatusOK)
	}
}

// metric_add(ptr, len, delta) -> 0
func metricAdd(c *call, args []uint64) {
	ptr, n, delta := uint32(args[0]), uint32(args[1]), int64(args[2])
	if n < 1 || n > hostabi.MaxMetricName {
		status(args, hostabi.StatusInvalid)
		return
	}
	c.charge(fuelLog)
	name := c.view(ptr, n)
	for _, b := range name {
		if !metricByte(b) {
			status(args, hostabi.StatusInvalid)
			return
		}
	}
	c.sink.MetricAdd(name, delta)
	status(args, hostabi.StatusOK)
}

func metricByte(b byte) bool {
	return b-'a' < 26 || b-'0' < 10 || b == '_'
}

// rdataLen is the length that rrset_read gives for set.
func rdataLen(set rr.Set) int {
	n := 0
	for _, data := range set.Data {
		n += 2 + len(data)
	}
	return n
}
