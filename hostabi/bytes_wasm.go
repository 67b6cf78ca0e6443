package hostabi

import "unsafe"

// On wasm, which is little-endian and takes any address, the Go compiler does not join single-byte
// stores as it does elsewhere, so each number is moved as one here. The last byte's bounds check is
// the whole's.

func u16(b []byte) uint16 {
	_ = b[1]
	return *(*uint16)(unsafe.Pointer(&b[0]))
}

func u32(b []byte) uint32 {
	_ = b[3]
	return *(*uint32)(unsafe.Pointer(&b[0]))
}

func put16(b []byte, v uint16) {
	_ = b[1]
	*(*uint16)(unsafe.Pointer(&b[0])) = v
}

func put32(b []byte, v uint32) {
	_ = b[3]
	*(*uint32)(unsafe.Pointer(&b[0])) = v
}
