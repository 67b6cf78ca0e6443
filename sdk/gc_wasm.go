//go:build !tinygo

package sdk

import (
	"runtime"
	_ "unsafe" // for linkname

	"github.com/namelet/namelet/hostabi"
)

// The collector is off while queries are answered: one collection burns more fuel than a query has, and the
// query in which it fell due would fail. It runs when the host gives time.
//
// runtime/debug has this function, but brings os, fmt and time into every guest: a fifth of its size.
//
//go:linkname setGCPercent runtime/debug.setGCPercent
func setGCPercent(percent int32) int32

func init() { setGCPercent(-1) }

// worthwhile is how many bytes of garbage there must be for a collection when nothing presses.
const worthwhile = 1 << 20

var (
	stats runtime.MemStats
	kept  uint64 // bytes on the heap after the last collection
)

// collect frees memory when it is pressing or worth the while.
func collect(reason hostabi.IdleReason) {
	runtime.ReadMemStats(&stats)
	if reason != hostabi.IdleMemory && stats.HeapAlloc < kept+worthwhile {
		return
	}
	runtime.GC()
	runtime.ReadMemStats(&stats)
	kept = stats.HeapAlloc
}
