//go:build wasm

package sdk

import (
	"unsafe"

	"github.com/namelet/namelet/hostabi"
)

// The imports of SPEC.md section 3. The same directives are understood by TinyGo, with which this
// package is not tested.

//go:wasmimport namelet_v1 lookup
func importLookup(name unsafe.Pointer, nameLen, rrType, flags uint32) int32

//go:wasmimport namelet_v1 lookup_many
func importLookupMany(requests unsafe.Pointer, count uint32) int32

//go:wasmimport namelet_v1 rrset_info
func importRRsetInfo(handle int32, buf unsafe.Pointer, size uint32) int32

//go:wasmimport namelet_v1 rrset_read
func importRRsetRead(handle int32, buf unsafe.Pointer, size uint32) int32

//go:wasmimport namelet_v1 client
func importClient(v4Bits, v6Bits int32, buf unsafe.Pointer) int32

//go:wasmimport namelet_v1 now
func importNow(grain int32) int64

//go:wasmimport namelet_v1 before
func importBefore(unix int64) int32

//go:wasmimport namelet_v1 pick
func importPick(n int32) int32

//go:wasmimport namelet_v1 transport
func importTransport() int32

//go:wasmimport namelet_v1 site
func importSite(buf unsafe.Pointer, size uint32) int32

//go:wasmimport namelet_v1 log
func importLog(level int32, line unsafe.Pointer, size uint32) int32

//go:wasmimport namelet_v1 metric_add
func importMetricAdd(name unsafe.Pointer, size uint32, delta int64) int32

func hostLookup(name string, rrType, flags uint32) int32 {
	return importLookup(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), rrType, flags)
}

func hostLookupMany(entries []byte, count int, _ []Request) int32 {
	return importLookupMany(unsafe.Pointer(unsafe.SliceData(entries)), uint32(count))
}

func hostRRsetInfo(handle int32, buf []byte) int32 {
	return importRRsetInfo(handle, unsafe.Pointer(unsafe.SliceData(buf)), uint32(len(buf)))
}

func hostRRsetRead(handle int32, buf []byte) int32 {
	return importRRsetRead(handle, unsafe.Pointer(unsafe.SliceData(buf)), uint32(len(buf)))
}

func hostClient(v4Bits, v6Bits int, buf *[hostabi.ClientSize]byte) int32 {
	hostabi.PutClient(buf[:], hostabi.Client{}) // says how much room there is
	return importClient(int32(v4Bits), int32(v6Bits), unsafe.Pointer(buf))
}

func hostNow(grain int) int64 { return importNow(int32(grain)) }

func hostBefore(unix int64) int32 { return importBefore(unix) }

func hostPick(n int) int32 { return importPick(int32(n)) }

func hostTransport() int32 { return importTransport() }

func hostSite(buf []byte) int32 {
	return importSite(unsafe.Pointer(unsafe.SliceData(buf)), uint32(len(buf)))
}

func hostLog(level hostabi.LogLevel, line string) int32 {
	return importLog(int32(level), unsafe.Pointer(unsafe.StringData(line)), uint32(len(line)))
}

func hostMetricAdd(name string, delta int64) int32 {
	return importMetricAdd(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), delta)
}
