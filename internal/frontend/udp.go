package frontend

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/namelet/namelet/hostabi"
)

// retryDelay is how long a loop waits after its socket failed for a reason that
// may pass, such as a lack of buffers or of descriptors.
const retryDelay = 20 * time.Millisecond

// serveUDP answers what arrives on one socket until the drain deadline. The loop
// owns its responder, and so its Worker: workers on several addresses have one
// for each.
func (s *Server) serveUDP(conn *net.UDPConn) {
	r := s.newResponder(hostabi.TransportUDP)
	buf := make([]byte, maxQuery+1) // a longer message arrives cut, and is not taken for a whole one
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
				return
			}
			s.complain("receive UDP", err)
			time.Sleep(retryDelay)
			continue
		}
		if from.Port() == 0 {
			continue // nobody can be there
		}
		response := r.respond(buf[:n], from.Addr().Unmap().WithZone(""))
		if response == nil {
			continue
		}
		if _, err := conn.WriteToUDPAddrPort(response, from); err != nil {
			r.counters.unsent.inc()
			if !errors.Is(err, net.ErrClosed) {
				s.complain("send UDP", err)
			}
		}
		r.rest()
	}
}
