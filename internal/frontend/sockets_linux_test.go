package frontend

import (
	"net"
	"testing"
	"time"
)

// What arrives for a full socket is counted as dropped, and what waits in it is told.
func TestKernelDrops(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	m := &Metrics{}
	m.watch([]*net.UDPConn{conn, conn})
	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const sent = 200
	for range sent {
		if _, err := client.Write(make([]byte, 512)); err != nil {
			t.Fatal(err)
		}
	}
	got := scrape(t, m)
	for end := time.Now().Add(patience); got["responder_udp_kernel_drops_total"] == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		got = scrape(t, m)
	}
	drops, waits, size := got["responder_udp_kernel_drops_total"], got["responder_udp_receive_bytes"], got["responder_udp_receive_size_bytes"]
	if drops < 1 || drops >= sent || waits == 0 || size == 0 || got["responder_udp_sockets"] != 1 {
		t.Errorf("got %v drops of %d messages, %v of %v octets in %v sockets; want some, but not all, in one", drops, sent, waits, size, got["responder_udp_sockets"])
	}
	conn.Close()
	if got := scrape(t, m); got["responder_udp_kernel_drops_total"] < drops || got["responder_udp_receive_bytes"] != 0 {
		t.Errorf("of a closed socket: got %v drops and %v octets that wait, want at least %v and none", got["responder_udp_kernel_drops_total"], got["responder_udp_receive_bytes"], drops)
	}
}
