//go:build !wasm

package sdk

import (
	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// NativeHost is what a guest compiled natively runs against: the imports of SPEC.md section 3 over
// slices in place of pointers. Results are those of the imports; buf is filled by the rule "buffer, limit".
type NativeHost interface {
	Lookup(name rr.Name, t rr.Type) int32
	LookupMany(names []rr.Name, types []rr.Type, results []int32) int32
	RRsetInfo(handle int32) (hostabi.RRsetInfo, hostabi.Status)
	RRsetRead(handle int32, buf []byte) int32
	Client(v4Bits, v6Bits int) (hostabi.Client, int32)
	Now(grain int) int64
	Before(unix int64) int32
	Pick(n int) int32
	Transport() int32
	Site(buf []byte) int32
	Log(level hostabi.LogLevel, line string) int32
	MetricAdd(name string, delta int64) int32
}

// native is the host of the call that runs; between calls there is none.
var native NativeHost

// NativeInit gives the guest of this program its configuration (SPEC.md section 4.6), as namelet_init would.
func NativeInit(h NativeHost, config []byte) hostabi.Status {
	native = h
	defer func() { native = nil }()
	return hostabi.Status(configure(config))
}

// NativeAnswer asks the guest of this program a question (SPEC.md section 4.1) against h, as namelet_answer
// would. The answer lies in memory that the next call overwrites; there is none when the status is not
// StatusOK.
func NativeAnswer(h NativeHost, question []byte) ([]byte, hostabi.Status) {
	native = h
	defer func() { native = nil }()
	n := answer(guest.in[:copy(guest.in[:], question)])
	if n < 0 {
		return nil, hostabi.Status(n)
	}
	return guest.out[:n], hostabi.StatusOK
}

// denied is what imports give while there is no query.
const denied = int32(hostabi.StatusDenied)

func hostLookup(name string, rrType, _ uint32) int32 {
	if native == nil {
		return denied
	}
	n, err := rr.NameFromWireString(name)
	if err != nil {
		return int32(hostabi.StatusInvalid)
	}
	return native.Lookup(n, rr.Type(rrType))
}

func hostLookupMany(entries []byte, count int, requests []Request) int32 {
	if native == nil {
		return denied
	}
	names, types, results := make([]rr.Name, count), make([]rr.Type, count), make([]int32, count)
	for i, r := range requests {
		names[i], types[i] = r.Name, r.Type
	}
	status := native.LookupMany(names, types, results)
	for i, r := range results {
		hostabi.PutLookupResult(entries[i*hostabi.LookupRequestSize:], r)
	}
	return status
}

func hostRRsetInfo(handle int32, buf []byte) int32 {
	if native == nil {
		return denied
	}
	info, status := native.RRsetInfo(handle)
	if status < 0 {
		return int32(status)
	}
	if len(buf) >= hostabi.RRsetInfoSize {
		hostabi.PutRRsetInfo(buf, info)
	}
	return hostabi.RRsetInfoSize
}

func hostRRsetRead(handle int32, buf []byte) int32 {
	if native == nil {
		return denied
	}
	return native.RRsetRead(handle, buf)
}

func hostClient(v4Bits, v6Bits int, buf *[hostabi.ClientSize]byte) int32 {
	if native == nil {
		return denied
	}
	c, bits := native.Client(v4Bits, v6Bits)
	hostabi.PutClient(buf[:], c)
	return bits
}

func hostNow(grain int) int64 {
	if native == nil {
		return int64(denied)
	}
	return native.Now(grain)
}

func hostBefore(unix int64) int32 {
	if native == nil {
		return denied
	}
	return native.Before(unix)
}

func hostPick(n int) int32 {
	if native == nil {
		return denied
	}
	return native.Pick(n)
}

func hostTransport() int32 {
	if native == nil {
		return denied
	}
	return native.Transport()
}

func hostSite(buf []byte) int32 {
	if native == nil {
		return denied
	}
	return native.Site(buf)
}

func hostLog(level hostabi.LogLevel, line string) int32 {
	if native == nil {
		return 0 // logged to nobody
	}
	return native.Log(level, line)
}

func hostMetricAdd(name string, delta int64) int32 {
	if native == nil {
		return 0
	}
	return native.MetricAdd(name, delta)
}
