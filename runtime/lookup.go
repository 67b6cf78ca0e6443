package runtime

import (
	"encoding/binary"

	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// lookup(name_ptr, name_len, type, flags) -> handle or status
func lookup(c *call, args []uint64) {
	if c.host == nil {
		status(args, hostabi.StatusDenied)
		return
	}
	r := hostabi.LookupRequest{
		NamePtr: uint32(args[0]), NameLen: uint32(args[1]), Type: uint32(args[2]), Flags: uint32(args[3]),
	}
	if !goodRequest(r) {
		status(args, hostabi.StatusInvalid)
		return
	}
	wire := c.view(r.NamePtr, r.NameLen)
	if c.lookupsUsed >= c.limits.Lookups {
		status(args, hostabi.StatusLimit)
		return
	}
	c.charge(fuelLookup)
	name := c.keepName(wire)
	if name.IsZero() {
		status(args, hostabi.StatusInvalid)
		return
	}
	c.lookupsUsed++
	first := c.asked
	c.push(name, rr.Type(r.Type))
	c.ask(first)
	args[0] = api.EncodeI32(c.result(first))
}

// lookup_many(reqs_ptr, count) -> 0 or status
func lookupMany(c *call, args []uint64) {
	reqs, count := uint32(args[0]), uint32(args[1])
	switch {
	case c.host == nil:
		status(args, hostabi.StatusDenied)
		return
	case uint64(count) > uint64(c.limits.Lookups-c.lookupsUsed):
		status(args, hostabi.StatusLimit)
		return
	}
	c.charge(uint64(count) * fuelLookup)
	var entries [hostabi.MaxLookups]manyEntry
	if !c.readRequests(entries[:count], reqs) {
		status(args, hostabi.StatusInvalid)
		return
	}
	c.lookupsUsed += int(count)
	first := c.asked
	for i := range entries[:count] {
		c.pushRequest(&entries[i])
	}
	c.ask(first)
	for i := range entries[:count] {
		result := int32(hostabi.StatusInvalid)
		if entries[i].slot >= 0 {
			result = c.result(entries[i].slot)
		}
		hostabi.PutLookupResult(c.mem.bytes[entries[i].at:], result)
	}
	status(args, hostabi.StatusOK)
}

// manyEntry is one entry of lookup_many: where it stands, and its slot in lookups or -1.
type manyEntry struct {
	at      uint32
	request hostabi.LookupRequest
	slot    int
}

// readRequests reads the array at ptr. It is false when an entry has a size below version 1's.
func (c *call) readRequests(entries []manyEntry, ptr uint32) bool {
	at := uint64(ptr)
	for i := range entries {
		if at > uint64(len(c.mem.bytes)) {
			c.trap(FaultABI, "the entries of lookup_many leave memory")
		}
		declared := binary.LittleEndian.Uint32(c.view(uint32(at), 4))
		if declared < hostabi.LookupRequestSize {
			return false
		}
		request, size, err := hostabi.ParseLookupRequest(c.view(uint32(at), declared))
		if err != nil {
			return false
		}
		entries[i] = manyEntry{at: uint32(at), request: request}
		at += uint64(size)
	}
	return true
}

// pushRequest adds the entry to lookups; a bad name, type or flag leaves it without a slot.
func (c *call) pushRequest(e *manyEntry) {
	e.slot = -1
	if !goodRequest(e.request) {
		return
	}
	name := c.keepName(c.view(e.request.NamePtr, e.request.NameLen))
	if name.IsZero() {
		return
	}
	e.slot = c.asked
	c.push(name, rr.Type(e.request.Type))
}

// goodRequest checks what can be checked without a look at the name.
func goodRequest(r hostabi.LookupRequest) bool {
	return r.Flags&^hostabi.LookupFlagsKnown == 0 && r.NameLen >= 1 && r.NameLen <= hostabi.MaxName &&
		r.Type <= 65535 && !rr.Type(r.Type).IsMeta()
}

func (c *call) push(name rr.Name, t rr.Type) {
	c.lookups[c.asked] = Lookup{Name: name, Type: t, Status: hostabi.StatusUnavailable}
	c.asked++
}

// ask gives the lookups from first on to the host, and records them.
func (c *call) ask(first int) {
	if first == c.asked {
		return
	}
	c.host.Lookup(c.lookups[first:c.asked])
	for i := first; i < c.asked; i++ {
		c.events = append(c.events, Event{Kind: EventLookup, Arg: int64(i)})
	}
}

// result is what the guest gets for a lookup: the index as a handle, or the status.
func (c *call) result(i int) int32 {
	if s := c.lookups[i].Status; s < 0 {
		return int32(s)
	}
	return int32(i)
}

// found gives the lookup behind a handle, or nil.
func found(lookups []Lookup, handle uint32) *Lookup {
	if uint64(handle) >= uint64(len(lookups)) || lookups[handle].Status != hostabi.StatusOK {
		return nil
	}
	return &lookups[handle]
}

// rrset_info(handle, buf, cap) -> true length
func rrsetInfo(c *call, args []uint64) {
	l := c.handle(args)
	if l == nil {
		return
	}
	c.charge(uint64(len(l.Set.Data)) / fuelPerBytes)
	if out := c.fill(args, uint32(args[1]), uint32(args[2]), hostabi.RRsetInfoSize); out != nil {
		hostabi.PutRRsetInfo(out, hostabi.RRsetInfo{
			Type:     l.Type,
			Wildcard: l.Wildcard,
			TTL:      l.Set.TTL,
			Count:    uint32(len(l.Set.Data)),
			RdataLen: uint32(rdataLen(l.Set)),
		})
	}
}

// rrset_read(handle, buf, cap) -> true length
func rrsetRead(c *call, args []uint64) {
	l := c.handle(args)
	if l == nil {
		return
	}
	c.charge(uint64(len(l.Set.Data)) / fuelPerBytes)
	out := c.fill(args, uint32(args[1]), uint32(args[2]), rdataLen(l.Set))
	if out == nil {
		return
	}
	out = out[:0]
	for _, data := range l.Set.Data {
		out = hostabi.AppendRdata(out, data)
	}
}

// handle gives the lookup that the first argument names; nil when the result is a status already.
func (c *call) handle(args []uint64) *Lookup {
	if c.host == nil {
		status(args, hostabi.StatusDenied)
		return nil
	}
	l := found(c.lookups[:c.asked], uint32(args[0]))
	if l == nil {
		status(args, hostabi.StatusNoHandle)
	}
	return l
}
