package frontend

import (
	"net"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	descSockets = prometheus.NewDesc("responder_udp_sockets",
		"UDP sockets that are read.", nil, nil)
	descDrops = prometheus.NewDesc("responder_udp_kernel_drops_total",
		"Messages that the kernel dropped, since a UDP socket was full of those that were not read yet.", nil, nil)
	descReceive = prometheus.NewDesc("responder_udp_receive_bytes",
		"Memory that messages take which the kernel has received for UDP sockets and nobody has read yet, as the kernel counts it.", nil, nil)
	descReceiveSize = prometheus.NewDesc("responder_udp_receive_size_bytes",
		"Memory that they may take, over all UDP sockets.", nil, nil)
)

// socketState is what the kernel tells of a UDP socket.
type socketState struct {
	drops   uint64 // since it was opened
	receive uint64 // octets that wait to be read, with what the kernel needs for them
	size    uint64 // that these may be
}

// watch makes m tell of UDP sockets, each once however many workers it has.
func (m *Metrics) watch(conns []*net.UDPConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, c := range conns {
		if !slices.Contains(conns[:i], c) {
			m.udp = append(m.udp, socketReading{conn: c})
		}
	}
}

// socketReading is a socket with the last that was heard of it: a counter does not go
// back when the socket is closed.
type socketReading struct {
	conn  *net.UDPConn
	state socketState
	known bool // the system tells at all
}

// collectSockets sends the sums over all UDP sockets, nothing but their number where
// the system does not tell more.
func (m *Metrics) collectSockets(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum socketState
	known := len(m.udp) > 0
	for i := range m.udp {
		s := &m.udp[i]
		if state, err := readSocket(s.conn); err == nil {
			s.state, s.known = state, true
		} else {
			s.state.receive = 0
		}
		known = known && s.known
		sum.drops += s.state.drops
		sum.receive += s.state.receive
		sum.size += s.state.size
	}
	ch <- prometheus.MustNewConstMetric(descSockets, prometheus.GaugeValue, float64(len(m.udp)))
	if known {
		ch <- prometheus.MustNewConstMetric(descDrops, prometheus.CounterValue, float64(sum.drops))
		ch <- prometheus.MustNewConstMetric(descReceive, prometheus.GaugeValue, float64(sum.receive))
		ch <- prometheus.MustNewConstMetric(descReceiveSize, prometheus.GaugeValue, float64(sum.size))
	}
}
