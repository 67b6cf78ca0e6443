package frontend

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newTestBatch returns a batch that has received n messages from a client.
func newTestBatch(t testing.TB, n int) (b *batch, client net.Conn) {
	t.Helper()
	conn, err := listenUDP(t.Context(), "4", "0.0.0.0:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if b, err = newBatch(conn); err != nil {
		t.Fatal(err)
	}
	client = dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()))
	for i := range n {
		send(t, client, []byte{byte(i)})
	}
	if got, err := b.receive(); err != nil || got != n {
		t.Fatalf("got %d messages, %v, want %d", got, err, n)
	}
	return b, client
}

// One response that cannot go does not keep the others.
func TestBatchSendsWhatItCan(t *testing.T) {
	for _, bad := range [][]int{nil, {0}, {2}, {4}, {1, 2}, {0, 1, 2, 3, 4}} {
		b, client := newTestBatch(t, 5)
		for i := range 5 {
			b.reply(i, append(b.room(i), b.message(i)...))
		}
		for _, i := range bad {
			b.out[i].header.Namelen = 1
		}
		unsent, err := b.send()
		if unsent != len(bad) || (err != nil) != (len(bad) > 0) {
			t.Errorf("%v: got %d not sent, %v", bad, unsent, err)
		}
		next := 0
		for i := range 5 {
			if next < len(bad) && bad[next] == i {
				next++
				continue
			}
			if got := receive(t, client); len(got) != 1 || int(got[0]) != i {
				t.Errorf("%v: got %v, want %d", bad, got, i)
			}
		}
		if unsent, err := b.send(); unsent != 0 || err != nil {
			t.Errorf("a second time: got %d not sent, %v", unsent, err)
		}
	}
}

func TestBatchAllocations(t *testing.T) {
	b, client := newTestBatch(t, 1)
	msg := []byte{1}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := client.Write(msg); err != nil {
			t.Fatal(err)
		}
		n, err := b.receive()
		if n != 1 || err != nil {
			t.Fatal(n, err)
		}
		b.reply(0, append(b.room(0), b.message(0)...))
		if _, err := b.send(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want none", allocs)
	}
}

// What a control message says is only used where it is one of those asked for.
func TestLeaveFromIgnoresWhatItDoesNotKnow(t *testing.T) {
	for n := range controlRoom {
		leaveFrom(make([]byte, n))
	}
	control := make([]byte, unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	for i := range control {
		control[i] = 0xff
	}
	leaveFrom(control)
	for i, c := range control {
		if c != 0xff {
			t.Fatalf("octet %d was changed", i)
		}
	}
}
