package main

import (
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize = 32
	maxQuery  = 300
	maxAnswer = 1500
	// controlSize holds one time stamp with its header.
	controlSize = 64
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// batch is the memory of sendmmsg and recvmmsg calls.
type batch struct {
	out, in         [batchSize]mmsghdr
	outVec, inVec   [batchSize]unix.Iovec
	queries         [batchSize][maxQuery]byte
	answers         [batchSize][maxAnswer]byte
	controls        [batchSize][controlSize]byte
	controlOverhead int
}

func newBatch() *batch {
	b := new(batch)
	for i := range batchSize {
		b.outVec[i].Base, b.out[i].header.Iov = &b.queries[i][0], &b.outVec[i]
		b.out[i].header.SetIovlen(1)
		b.inVec[i].Base, b.in[i].header.Iov = &b.answers[i][0], &b.inVec[i]
		b.inVec[i].SetLen(maxAnswer)
		b.in[i].header.SetIovlen(1)
		b.in[i].header.Control = &b.controls[i][0]
	}
	b.controlOverhead = unix.CmsgLen(0)
	return b
}

// put places a query with an ID at i.
func (b *batch) put(i int, id uint16, query []byte) {
	n := copy(b.queries[i][:], query)
	binary.BigEndian.PutUint16(b.queries[i][:], id)
	b.outVec[i].SetLen(n)
}

// send sends the first n queries and says how many went out: none if the socket is full.
func (b *batch) send(fd, n int) (int, error) {
	sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.out[0])), uintptr(n), 0, 0, 0)
	return counted(sent, errno)
}

// receive takes what is there, up to a batch.
func (b *batch) receive(fd int) (int, error) {
	for i := range b.in {
		b.in[i].header.SetControllen(controlSize)
	}
	received, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	return counted(received, errno)
}

// counted takes it for zero messages that there is nothing to be had, or that the server does not listen.
func counted(n uintptr, errno unix.Errno) (int, error) {
	if errno == 0 {
		return int(n), nil
	}
	for _, passing := range []unix.Errno{unix.EAGAIN, unix.EINTR, unix.ECONNREFUSED, unix.ENOBUFS} {
		if errors.Is(errno, passing) {
			return 0, nil
		}
	}
	return 0, errno
}

// message is the one at i, good until the next receive.
func (b *batch) message(i int) []byte { return b.answers[i][:min(int(b.in[i].length), maxAnswer)] }

// answer reads the message at i: its ID, RCODE and the Unix nanoseconds of its arrival.
func (b *batch) answer(i int) (id uint16, rcode int, arrived int64, ok bool) {
	const headerSize, response = 12, 0x80
	m := b.message(i)
	if len(m) < headerSize || m[2]&response == 0 {
		return 0, 0, 0, false
	}
	return binary.BigEndian.Uint16(m), int(m[3] & 15), b.arrival(i), true
}

// arrival reads the kernel's time stamp, or the time now where there is none.
func (b *batch) arrival(i int) int64 {
	control := b.controls[i][:min(int(b.in[i].header.Controllen), controlSize)]
	if len(control) < b.controlOverhead+16 {
		return time.Now().UnixNano()
	}
	head := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if head.Level != unix.SOL_SOCKET || head.Type != unix.SO_TIMESTAMPNS {
		return time.Now().UnixNano()
	}
	at := (*unix.Timespec)(unsafe.Pointer(&control[b.controlOverhead]))
	return at.Nano()
}
