package frontend

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// slotRoom is the memory of one message that is received, one octet longer
	// than what is taken, so that a longer message is not taken for a whole one.
	// It is no multiple of 4096: neighbours would share the lines of the cache.
	slotRoom = maxQuery + 128

	// replyRoom is the memory of one response.
	replyRoom = GreatestUDPSize + 128

	// controlRoom is the memory of the one control message that is asked for: the
	// address a message was sent to, of the longer kind, with its header.
	controlRoom = 40
)

// batch receives and sends several messages by one system call each. The calls
// never wait: where nothing has arrived, the goroutine parks in the runtime's
// poller, and so they need not tell the scheduler about themselves.
//
// All memory that the kernel is shown is allocated once, with the batch.
type batch struct {
	raw syscall.RawConn

	in       [batchSize]mmsghdr
	out      [batchSize]mmsghdr
	inVec    [batchSize]unix.Iovec
	outVec   [batchSize]unix.Iovec
	address  [batchSize]unix.RawSockaddrInet6 // of either family
	control  [batchSize][controlRoom]byte
	messages []byte // slotRoom each
	replies  []byte // replyRoom each

	used   int  // messages received last: their headers need to be made ready again
	ready  int  // replies in out
	asked  bool // control messages are asked for
	onRead func(fd uintptr) bool
	onPoll func(fd uintptr)
	onSend func(fd uintptr) bool

	// What onRead and onSend leave behind.
	received int
	sent     int
	errno    syscall.Errno
}

// mmsghdr is the kernel's struct mmsghdr, see recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newBatch(conn *net.UDPConn) (*batch, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{
		raw:      raw,
		asked:    conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified(),
		messages: make([]byte, batchSize*slotRoom),
		replies:  make([]byte, batchSize*replyRoom),
		used:     batchSize,
	}
	b.onRead, b.onSend = b.tryReceive, b.trySend
	b.onPoll = func(fd uintptr) { b.tryReceive(fd) }
	for i := range batchSize {
		b.inVec[i].Base = &b.messages[i*slotRoom]
		b.inVec[i].SetLen(maxQuery + 1)
		b.in[i].header.Name = (*byte)(unsafe.Pointer(&b.address[i]))
		b.in[i].header.Iov = &b.inVec[i]
		b.in[i].header.SetIovlen(1)
		if b.asked {
			b.in[i].header.Control = &b.control[i][0]
		}
		b.outVec[i].Base = &b.replies[i*replyRoom]
		b.out[i].header.SetIovlen(1)
	}
	return b, nil
}

// receive waits for messages and returns how many there are, at most batchSize.
// They are good until the next call.
func (b *batch) receive() (n int, err error) {
	b.prepare()
	if err := b.raw.Read(b.onRead); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", b.errno)
	}
	b.used = b.received
	return b.received, nil
}

// poll is receive without the wait, and beyond a deadline.
func (b *batch) poll() (n int) {
	b.prepare()
	b.received = 0
	if err := b.raw.Control(b.onPoll); err != nil || b.errno != 0 {
		return 0
	}
	b.used = b.received
	return b.received
}

// prepare makes the headers ready that the last messages used: the kernel writes
// lengths where it has read room.
func (b *batch) prepare() {
	for i := range b.used {
		h := &b.in[i].header
		h.Namelen = uint32(unsafe.Sizeof(b.address[i]))
		if b.asked {
			h.SetControllen(controlRoom)
		}
	}
}

func (b *batch) tryReceive(fd uintptr) (done bool) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd,
			uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			b.received, b.errno = 0, 0
			return false
		case 0:
			b.received, b.errno = int(n), 0
		default:
			b.received, b.errno = 0, errno
		}
		return true
	}
}

// message returns message i of the last that were received.
func (b *batch) message(i int) []byte {
	at := i * slotRoom
	return b.messages[at : at+int(b.in[i].length) : at+slotRoom]
}

// client returns the address that message i came from. It is not ok where nobody
// can be answered there.
func (b *batch) client(i int) (addr netip.Addr, ok bool) {
	a := &b.address[i]
	if a.Port == 0 { // stands in the same place for both families
		return netip.Addr{}, false
	}
	if a.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(a)).Addr), true
	}
	return netip.AddrFrom16(a.Addr).Unmap(), true
}

// port returns the port that message i came from.
func (b *batch) port(i int) uint16 {
	p := (*[2]byte)(unsafe.Pointer(&b.address[i].Port)) // in the same place for both families
	return uint16(p[0])<<8 | uint16(p[1])
}

// room returns memory for the response to message i.
func (b *batch) room(i int) []byte {
	at := i * replyRoom
	return b.replies[at : at : at+replyRoom]
}

// slots is how many messages a batch has room for.
const slots = batchSize

// peer is where a message came from, and what it came by.
type peer struct {
	address    unix.RawSockaddrInet6
	control    [controlRoom]byte
	length     uint32 // of the address
	controlled int    // length of the control message
}

// peer returns that of message i.
func (b *batch) peer(i int) peer {
	h := &b.in[i].header
	return peer{b.address[i], b.control[i], h.Namelen, int(h.Controllen)}
}

// restore makes p the peer of message i, so that room and reply can be used as if
// it had just been received. The messages received last are gone then.
func (b *batch) restore(i int, p *peer) {
	h := &b.in[i].header
	b.address[i], b.control[i], h.Namelen = p.address, p.control, p.length
	h.SetControllen(p.controlled)
	b.used = max(b.used, i+1)
}

// socket sends single responses, from any goroutine.
type socket struct {
	raw   syscall.RawConn
	asked bool // control messages are asked for
}

func newSocket(conn *net.UDPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	return &socket{raw, conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified()}, err
}

// send sends a response to where a message came from, by the address that it was
// sent to.
func (s *socket) send(to *peer, response []byte) error {
	vec := unix.Iovec{Base: unsafe.SliceData(response)}
	vec.SetLen(len(response))
	h := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&to.address)), Namelen: to.length, Iov: &vec}
	h.SetIovlen(1)
	if s.asked {
		leaveFrom(to.control[:to.controlled])
		h.Control = &to.control[0]
		h.SetControllen(to.controlled)
	}
	var errno syscall.Errno
	err := s.raw.Write(func(fd uintptr) (done bool) {
		for errno = unix.EINTR; errno == unix.EINTR; {
			_, _, errno = unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&h)), unix.MSG_DONTWAIT)
		}
		return errno != unix.EAGAIN
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("sendmsg", errno)
	}
	return err
}

// reply makes response, which nobody touches before then, go where the message
// came from, by the address it was sent to, with the next send.
func (b *batch) reply(i int, response []byte) {
	h := &b.out[b.ready].header
	from := &b.in[i].header
	b.outVec[i].Base = unsafe.SliceData(response)
	b.outVec[i].SetLen(len(response))
	h.Name, h.Namelen = from.Name, from.Namelen
	h.Iov = &b.outVec[i]
	if b.asked {
		h.Control, h.Controllen = from.Control, from.Controllen
		leaveFrom(b.control[i][:from.Controllen])
	}
	b.ready++
}

// send sends the replies that are ready. It returns how many could not be sent,
// and the reason of the last.
func (b *batch) send() (unsent int, err error) {
	for b.sent = 0; b.sent < b.ready; {
		if err := b.raw.Write(b.onSend); err != nil {
			unsent += b.ready - b.sent
			b.ready = 0
			return unsent, err
		}
		if b.errno != 0 { // of the first that is not sent yet
			err = os.NewSyscallError("sendmmsg", b.errno)
			unsent++
			b.sent++
		}
	}
	b.ready = 0
	return unsent, err
}

func (b *batch) trySend(fd uintptr) (done bool) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&b.out[b.sent])), uintptr(b.ready-b.sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			b.sent += int(n)
		}
		b.errno = errno
		return true
	}
}

// leaveFrom turns the control message of what was received into that of its
// response, which is of the same kind: the address is the one to leave from. Over
// which interface is for the routes to say, except where the address counts on
// one link only.
func leaveFrom(control []byte) {
	if len(control) < unix.SizeofCmsghdr {
		return
	}
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	data := control[unix.CmsgLen(0):]
	switch {
	case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		(*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex = 0
	case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
		if !netip.AddrFrom16(info.Addr).IsLinkLocalUnicast() {
			info.Ifindex = 0
		}
	}
}
