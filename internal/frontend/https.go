package frontend

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/doh"
)

const (
	// maxRequestHeader is how long the header of an HTTP request may be, in
	// octets: a query in the path takes 5464 at most.
	maxRequestHeader = 16 << 10

	// streams is how many requests of one HTTP/2 connection may be open. Clients may
	// count on a hundred before they have heard of any limit (RFC 9113 section
	// 6.5.2).
	streams = 100

	// requestsPerConnection times as many requests as there may be connections are
	// served at once, over all of them.
	requestsPerConnection = 4

	// httpsDrain is how long requests that have begun may take after Shutdown.
	// HTTP/2 connections need a second to say goodbye.
	httpsDrain = 2 * time.Second
)

// httpsServer is the HTTP server behind all HTTPS listeners. It takes connections
// that have been admitted and have TLS, and asks the workers that all connections
// share.
type httpsServer struct {
	http  http.Server
	queue handover
	down  chan struct{} // closed when the HTTP server has shut down

	mu      sync.Mutex
	closed  bool // no request is taken any more
	open    int  // requests that are being served
	most    int  // that there may be
	running sync.WaitGroup
}

func (s *Server) newHTTPS() *httpsServer {
	t := &s.config.TCP
	h := &httpsServer{
		queue: handover{conns: make(chan net.Conn), closed: make(chan struct{})},
		down:  make(chan struct{}),
	}
	h.most = requestsPerConnection * t.Connections
	h.http = http.Server{
		Handler:           h.bounded(doh.New(s.exchangeHTTPS)),
		ReadHeaderTimeout: t.Message,
		ReadTimeout:       t.Message,
		WriteTimeout:      t.Message + t.Write,
		IdleTimeout:       t.Idle,
		MaxHeaderBytes:    maxRequestHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: streams, WriteByteTimeout: t.Write},
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
	}
	return h
}

// serve runs until the HTTP server has shut down and no request runs.
func (h *httpsServer) serve() {
	_ = h.http.Serve(&h.queue) // the error of a server that is shut down
	<-h.down
	h.http.Close() // whatever came in between
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.running.Wait()
}

// drain lets the requests that have begun end, and cuts what takes too long.
func (h *httpsServer) drain() {
	defer close(h.down)
	ctx, cancel := context.WithTimeout(context.Background(), httpsDrain)
	defer cancel()
	if h.http.Shutdown(ctx) != nil {
		h.http.Close()
	}
}

// bounded serves as many requests at once as there may be, and none once the
// server is closed. What is too much is told so at once.
func (h *httpsServer) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.begin() {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		defer h.finish()
		next.ServeHTTP(w, r)
	})
}

func (h *httpsServer) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.open >= h.most {
		return false
	}
	h.open++
	h.running.Add(1)
	return true
}

func (h *httpsServer) finish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	h.running.Done()
}

// exchangeHTTPS has a worker answer a message. It is a doh.Exchange.
func (s *Server) exchangeHTTPS(ctx context.Context, message []byte, client netip.Addr) ([]byte, error) {
	x := s.newExchange(client, hostabi.TransportHTTPS)
	defer s.recycle(x)
	x.query = append(x.query[:0], message...)
	r := s.borrow(x.transport)
	reply, done := r.quick(append(x.reply[:0], 0, 0), x.query, client, &x.asked)
	x.arrived = r.read
	if done && r.timed {
		r.observe(pathHit, 1)
	}
	s.quick <- r
	if done && reply != nil {
		x.reply = s.frame(reply, 0, &x.asked, x.transport)
	}
	if done && s.config.Tap != nil {
		s.tap(x, x.reply[min(lengthLen, len(x.reply)):])
	}
	if !done {
		replies := make(chan *exchange, 1)
		x.replies = replies
		select {
		case s.jobs <- x:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		<-replies
	}
	if len(x.reply) == 0 {
		return nil, nil
	}
	return bytes.Clone(x.reply[lengthLen:]), nil
}

// serveHTTPS hands the connection over to the HTTP server and waits until that
// has closed it.
func (c *tcpConn) serveHTTPS() {
	s := c.server
	s.mu.Lock()
	draining := s.drainBy.Load() != nil
	c.left = !draining
	s.mu.Unlock()
	if draining || !s.https.queue.give(c.conn) {
		return
	}
	<-c.closed
}

// handover is the listener of the HTTP server.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// give hands a connection over. It returns false where the listener is closed.
func (h *handover) give(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener. There is no one address.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// clientConn is a connection of the HTTP server, with the client in the place of
// the proxy that it came through. closed is closed with it.
type clientConn struct {
	*net.TCPConn
	client netip.Addr
	closed chan struct{}
	once   sync.Once
}

// RemoteAddr implements net.Conn. The port is the other end's.
func (c *clientConn) RemoteAddr() net.Addr {
	port := c.TCPConn.RemoteAddr().(*net.TCPAddr).AddrPort().Port()
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.client, port))
}

// Close implements net.Conn.
func (c *clientConn) Close() error {
	defer c.once.Do(func() { close(c.closed) })
	return c.TCPConn.Close()
}
