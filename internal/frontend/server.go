package frontend

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/frontend/proxy"
	"github.com/namelet/namelet/internal/throttle"
)

// drainTime is how long after Shutdown what the kernel had already received is
// still read and answered.
const drainTime = 50 * time.Millisecond

// Server answers on all addresses of a Config. Listen makes it, Serve runs it
// and Shutdown ends it; each once.
type Server struct {
	config    Config
	handler   Handler
	metrics   *Metrics
	panics    *panicLog
	policy    *policy
	trouble   throttle.Throttle // of what sockets complain about
	endpoints []*endpoint
	listeners []*listener // of TLS and HTTPS
	sources   proxy.Sources
	tls       secrets
	https     *httpsServer

	jobs     chan *exchange        // queries of connections on their way to the workers
	quick    chan *streamResponder // for what needs no worker; see borrow
	pool     sync.Pool             // of *exchange
	shared   *cache.Shared         // what the connections' workers answer from; nil where answers are not kept
	limiter  *connLimiter
	watchdog *watchdog
	tardy    *tardyLog // nil for none

	slow    *slowPool // for what waits for the store
	loading *slowPool // for what waits for the code of a guest

	drainBy atomic.Pointer[time.Time] // when reading ends; nil until Shutdown

	explaining sync.Mutex // held by Explain

	mu         sync.Mutex
	started    bool
	udpWorkers []*udpWorker
	conns      map[*tcpConn]struct{}

	sockets  sync.WaitGroup // UDP loops, accept loops and connections
	workers  sync.WaitGroup // those of connections
	draining chan struct{}  // closed when Shutdown begins
	done     chan struct{}  // closed when nothing runs any more
	end      sync.Once
}

// Errors of a Server used in the wrong order.
var (
	errServing = errors.New("frontend: Serve was called twice")
	errClosed  = errors.New("frontend: the server is shut down")
)

// Listen binds every address of the configuration, or none of them. The context
// bounds the binding only. The error names the address, and wraps the system's:
// a port that is in use is syscall.EADDRINUSE.
//
// Nothing is read before Serve; the kernel keeps what arrives.
func Listen(ctx context.Context, config Config, handler Handler) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	secrets, err := newSecrets(config)
	if err != nil {
		return nil, err
	}
	policy, err := newPolicy(config.Policy)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config:   config,
		handler:  handler,
		sources:  proxy.NewSources(config.ProxyFrom),
		tls:      secrets,
		metrics:  &Metrics{pair: secrets.pair, connections: config.TCP.Connections, waits: 2 * config.Slow.Queue},
		panics:   &panicLog{logger: config.Logger},
		policy:   policy,
		jobs:     make(chan *exchange, 4*config.TCP.Workers),
		quick:    make(chan *streamResponder, config.TCP.Workers),
		limiter:  newConnLimiter(config.TCP.Connections, config.TCP.ClientConnections),
		conns:    map[*tcpConn]struct{}{},
		draining: make(chan struct{}),
		done:     make(chan struct{}),
	}
	s.watchdog = &watchdog{after: config.Stuck, log: config.Logger, stuck: &policy.stuck}
	s.metrics.watchdog = s.watchdog
	s.tardy = newTardyLog(config.SlowAnswer, config.Logger)
	if err := s.bind(ctx); err != nil {
		return nil, err
	}
	s.https = s.newHTTPS()
	s.shared = s.newShared()
	s.slow, s.loading = s.newSlowPool(), s.newSlowPool()
	s.metrics.slow.waiting = func() int { return s.slow.waiting() + s.loading.waiting() }
	for range config.TCP.Workers {
		s.quick <- s.newStreamResponder()
	}
	return s, nil
}

// bind opens the sockets of all addresses, or of none.
func (s *Server) bind(ctx context.Context) (err error) {
	if s.endpoints, err = inherit(s.config.Sockets, s.config.Workers); err != nil {
		return err
	}
	for _, address := range s.config.Listen {
		e, err := bind(ctx, address, s.config.Workers)
		if err != nil {
			s.closeSockets()
			return err
		}
		s.endpoints = append(s.endpoints, e)
	}
	if err := s.listenStreams(ctx); err != nil {
		s.closeSockets()
		return err
	}
	for _, e := range s.endpoints {
		s.metrics.watch(e.udp)
	}
	return nil
}

// cacheConfig gives each cache its share: one for each UDP worker, and one for all
// connections together.
func (s *Server) cacheConfig() cache.Config {
	caches := 1
	for _, e := range s.endpoints {
		caches += len(e.udp)
	}
	return cache.Config{Bytes: s.config.CacheBytes / caches}
}

// newCache returns a cache for one goroutine, nil where answers are not kept.
func (s *Server) newCache() *cache.Cache {
	if s.config.CacheBytes == 0 {
		return nil
	}
	c := cache.New(s.cacheConfig())
	s.metrics.keep(c.Stats)
	return c
}

// newShared returns a cache for several goroutines, nil where answers are not
// kept.
func (s *Server) newShared() *cache.Shared {
	if s.config.CacheBytes == 0 {
		return nil
	}
	c := cache.NewShared(s.cacheConfig())
	s.metrics.keep(c.Stats)
	return c
}

// Addrs returns the addresses listened on, in the order of the configuration,
// with the ports that the system chose.
func (s *Server) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(s.endpoints))
	for i, e := range s.endpoints {
		addrs[i] = e.addr
	}
	return addrs
}

// Metrics returns what the server counts, to be registered.
func (s *Server) Metrics() *Metrics { return s.metrics }

// Serve answers queries until Shutdown, and returns nil when all that was in
// flight then is answered. It returns an error at once where the server is
// serving or was shut down already.
func (s *Server) Serve() error {
	if err := s.start(); err != nil {
		return err
	}
	<-s.done
	return nil
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.drainBy.Load() != nil:
		return errClosed
	case s.started:
		return errServing
	}
	s.started = true
	go s.watchdog.run(s.done)
	for range s.config.TCP.Workers {
		s.workers.Go(s.workStreams)
	}
	for _, e := range s.endpoints {
		for _, conn := range e.udp {
			s.sockets.Go(func() { s.serveUDP(conn) })
		}
		s.sockets.Go(func() { s.accept(&listener{e.tcp, hostabi.TransportTCP}) })
	}
	for _, l := range s.listeners {
		s.sockets.Go(func() { s.accept(l) })
	}
	if s.config.TLS.wanted() {
		s.sockets.Go(s.https.serve)
		s.sockets.Go(func() { s.tls.pair.Watch(s.draining) })
	}
	go func() {
		s.sockets.Wait()
		close(s.jobs)
		s.workers.Wait()
		s.slow.close()
		s.loading.close()
		s.closeSockets()
		close(s.done)
	}()
	return nil
}

// Shutdown stops accepting, answers what has arrived, closes every socket and
// returns. Where that takes longer than the context allows, it cuts the
// connections that are left and returns the context's error. Further calls wait
// in the same way.
func (s *Server) Shutdown(ctx context.Context) error {
	s.end.Do(s.drain)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	s.closeSockets()
	s.https.http.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.raw.Close()
	}
	s.mu.Unlock()
	return ctx.Err()
}

// drain tells every loop when to stop reading. Loops that set deadlines of their
// own look at drainBy after they did.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now().Add(drainTime)
	s.drainBy.Store(&at)
	close(s.draining)
	if !s.started {
		s.closeSockets()
		close(s.done)
		return
	}
	for _, e := range s.endpoints {
		e.tcp.Close()
		for _, c := range e.udp {
			_ = c.SetReadDeadline(at)
		}
	}
	for _, l := range s.listeners {
		l.tcp.Close()
	}
	for c := range s.conns {
		if !c.left {
			_ = c.raw.SetReadDeadline(at)
		}
	}
	if s.config.TLS.wanted() {
		go s.https.drain()
	}
}

func (s *Server) closeSockets() {
	for _, e := range s.endpoints {
		e.close()
	}
	for _, l := range s.listeners {
		l.tcp.Close()
	}
}

// complain logs what a socket refused to do, once a minute.
func (s *Server) complain(what string, err error) {
	if skipped, ok := s.trouble.Pass(time.Now()); ok {
		s.config.Logger.Warn("a socket is in trouble", "doing", what, "error", err, "unlogged", skipped)
	}
}
