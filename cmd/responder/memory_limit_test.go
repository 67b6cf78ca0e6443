package main

import "testing"

func TestHeapLimit(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		name          string
		limit, guests uint64
		heap          uint64
		fits          bool
	}{
		{"usual", 2048 * mib, 512 * mib, 1536 * mib / 10 * 9, true},
		{"guests without a bound", 1024 * mib, 0, 1024 * mib / 10 * 9, true},
		{"guests take all", 512 * mib, 512 * mib, leastHeap, false},
		{"guests take more", 256 * mib, 512 * mib, leastHeap, false},
		{"hardly anything is left", 580 * mib, 512 * mib, leastHeap, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			heap, fits := heapLimit(tt.limit, tt.guests)
			if heap != tt.heap || fits != tt.fits {
				t.Errorf("got %d, %v, want %d, %v", heap, fits, tt.heap, tt.fits)
			}
		})
	}
}
