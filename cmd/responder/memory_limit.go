package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// leastHeap is the memory in octets without which there is no use in a server.
const leastHeap = 64 << 20

// limitMemory has the garbage collector keep below what the process's cgroup may
// take: that of a container, or of a service with MemoryMax. Where GOMEMLIMIT is set
// that counts alone.
func (c *config) limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit, err := memlimit.FromCgroup()
	if err != nil {
		log.Debug("the cgroup has no limit of memory that could be read", "err", err)
		return
	}
	heap, fits := heapLimit(limit, uint64(max(0, c.GuestMemory)))
	if !fits {
		log.Warn("the memory that the cgroup may take has no room for that of guests: set RESPONDER_GUEST_MEMORY lower, or the limit higher", "limit", limit, "guests", c.GuestMemory)
	}
	debug.SetMemoryLimit(int64(heap))
	log.Debug("memory is limited", "limit", limit, "heap", heap)
}

// heapLimit is how much of the octets of a cgroup Go's heap may take: what the memory
// of guests leaves, which is none of the heap, less a tenth for threads and the
// kernel's part. Where that does not fit it is the least that makes sense.
func heapLimit(limit, guests uint64) (heap uint64, fits bool) {
	if limit > guests {
		heap = (limit - guests) / 10 * 9
	}
	return max(heap, leastHeap), heap >= leastHeap
}
