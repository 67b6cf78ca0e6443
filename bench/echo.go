package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// echo is no nameserver: it adds one and the same address to what it receives and sends it back, in batches of
// recvmmsg and sendmmsg. What it takes is what the kernel takes of every server.
var echo = kind{name: "bare echo", start: func(b *bench, s *setup) (*process, *process, error) {
	s.tlsPort = 0
	p, err := start(b.serverCore, nil, b.self, "echo", strconv.Itoa(s.port))
	return p, nil, err
}}

// record is an A record of the question's name.
const record = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01"

// echoCommand echoes on a port of 127.0.0.1 until it is ended.
func echoCommand(args []string) error {
	if len(args) != 1 {
		return errors.New("want a port")
	}
	port, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil {
		return fmt.Errorf("port: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	b := newBatch()
	var from [batchSize]unix.RawSockaddrInet4
	for i := range batchSize {
		// A message is answered where it lies.
		b.out[i].header.Name, b.in[i].header.Name = (*byte)(unsafe.Pointer(&from[i])), (*byte)(unsafe.Pointer(&from[i]))
		b.outVec[i].Base = &b.answers[i][0]
		b.inVec[i].SetLen(maxQuery)
		b.out[i].header.Namelen = unix.SizeofSockaddrInet4
	}
	waiting := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		for i := range batchSize {
			b.in[i].header.Namelen = unix.SizeofSockaddrInet4
		}
		n, err := b.receive(fd)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := unix.Poll(waiting, -1); err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
			continue
		}
		for i := range n {
			b.respond(i)
		}
		if _, err := b.send(fd, n); err != nil { // what does not go out is lost, as on a wire
			return err
		}
	}
}

// respond makes the message at i its own response.
func (b *batch) respond(i int) {
	const headerSize, response, authoritative = 12, 0x80, 0x04
	m := b.answers[i][:]
	n := int(b.in[i].length)
	if n >= headerSize {
		m[2] |= response | authoritative
		binary.BigEndian.PutUint16(m[6:], 1)
		n += copy(m[n:], record)
	}
	b.outVec[i].SetLen(n)
}
