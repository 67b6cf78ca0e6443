//go:build wasm

package sdk

import (
	"unsafe"

	"github.com/namelet/namelet/hostabi"
)

// buffers is the struct that namelet_buffers points to.
var buffers [hostabi.BuffersSize]byte

//go:wasmexport namelet_abi_1
func exportMarker() {}

//go:wasmexport namelet_buffers
func exportBuffers() unsafe.Pointer {
	hostabi.PutBuffers(buffers[:], hostabi.Buffers{
		InPtr: address(&guest.in), InCap: bufferSize,
		OutPtr: address(&guest.out), OutCap: bufferSize,
	})
	return unsafe.Pointer(&buffers)
}

func address(b *[bufferSize]byte) uint32 { return uint32(uintptr(unsafe.Pointer(b))) }

//go:wasmexport namelet_init
func exportInit(size int32) int32 { return configure(input(size)) }

//go:wasmexport namelet_answer
func exportAnswer(size int32) int32 { return answer(input(size)) }

// input is what the host wrote; a length beyond the buffer, which no host gives, is cut.
func input(size int32) []byte { return guest.in[:min(uint32(size), bufferSize)] }

// exportIdle collects garbage while nobody waits.
//
//go:wasmexport namelet_idle
func exportIdle(reason int32) { collect(hostabi.IdleReason(reason)) }
