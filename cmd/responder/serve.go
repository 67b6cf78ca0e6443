package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	goruntime "runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/frontend"
	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/internal/logpipe"
	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// shutdownTime is how long a server that is to end waits for what is in flight.
const shutdownTime = 10 * time.Second

func (p *program) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Answer queries",
		Long: `Answer queries over UDP and TCP, and over TLS and HTTPS where these have addresses, from
the zones and guests of the store. What commands
change while the server runs is served within a second.

An interrupt or a SIGTERM ends the server: it says that it is not ready, by /readyz and by
--health-name, answers on for --drain, then answers what is in flight and ends. A second
one ends it at once. A SIGHUP makes it read certificates, tokens, secrets and the file of
--query-log-file anew, and begin a new file of dnstap.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.newServer(cmd.Context())
			if errors.Is(err, context.Canceled) {
				return nil // told to stop while it started
			}
			if err != nil {
				return err
			}
			return s.run(cmd.Context())
		},
	}
}

// server is a running server's parts. They are closed in the reverse order of
// their making.
type server struct {
	log       *slog.Logger
	lines     *logpipe.Pipe // that log writes to
	health    health
	taps      *taps
	secrets   *endpointSecrets
	hangup    chan os.Signal // asks to read files anew
	dns       *frontend.Server
	cookies   *cookie.Jar // nil where the secret is the process's own
	replica   *replica.Replica
	mirror    *mirror.Mirror // nil where there is none
	content   *mirror.Content
	base      int // of closers, those of what is closed last
	fronts    int // of closers, those before the parts that serve
	endpoint  []httpEndpoint
	drainTime time.Duration // how long to answer on when told to end
	failed    chan error    // has room for what ends each part that serves
	closers   []func() error
	journal   *guestlog.Journal
	requests  *prometheus.CounterVec // to the control endpoint
	ending    chan struct{}          // closed when the control endpoint begins to end
}

// httpEndpoint is an HTTP server with its listener.
type httpEndpoint struct {
	variable string // with its address, without the prefix
	listener net.Listener
	server   *http.Server
	serving  bool // already
}

// parts is how many parts of a server serve at most: DNS, the control endpoint's
// address and socket, and the metrics.
const parts = 4

// newServer makes a server that listens but does not answer yet. Where that fails
// it leaves nothing behind.
func (p *program) newServer(ctx context.Context) (_ *server, err error) {
	s := &server{
		health:    health{patience: p.config.Watchdog},
		secrets:   &endpointSecrets{config: &p.config},
		hangup:    make(chan os.Signal, 1),
		drainTime: p.config.Drain,
		failed:    make(chan error, parts),
		journal:   guestlog.New(guestlog.DefaultBounds),
		requests:  newRequestCounter(),
		ending:    make(chan struct{}),
	}
	s.lines = logpipe.New(p.errOut, func(lines uint64) {
		s.log.Warn("lines of the log were dropped: its reader is too slow", "lines", lines)
	})
	s.log = p.config.logger(s.lines, p.config.LogLevel)
	s.closers = append(s.closers, s.lines.Close)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	signal.Notify(s.hangup, syscall.SIGHUP) // from now on: one that comes while zones load is not to end the server
	p.config.limitMemory(s.log)
	if err := p.config.checkEncrypted(); err != nil {
		return nil, err
	}
	transports, err := s.transports(p)
	if err != nil {
		return nil, err
	}
	st, spec, err := s.openStore(ctx, &p.config)
	if err != nil {
		return nil, err
	}
	engine, err := p.engine(ctx)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() error { return engine.Close(context.WithoutCancel(ctx)) })
	s.base = len(s.closers)
	workers := p.config.Workers
	if workers == 0 {
		workers = goruntime.GOMAXPROCS(0)
	}
	resolver := resolve.New(resolve.Config{
		Site:     p.config.Site,
		Log:      s.log,
		Audit:    true,
		Journal:  s.journal,
		Memory:   int64(p.config.GuestMemory),
		Pictures: engine.PictureBytes,
		Workers:  workers * (len(transports.Listen) + len(transports.Sockets)/2 + 1), // one a socket, and as many for connections
	})
	s.closers = append(s.closers, func() error { resolver.Close(); return nil })
	s.fronts = len(s.closers)
	if err := s.listenDNS(ctx, transports, workers, resolver); err != nil {
		return nil, err
	}
	if err := s.listenControl(ctx, p, spec, st, engine, resolver); err != nil {
		return nil, err
	}
	if err := s.listenMetrics(p.config.MetricsListen, resolver); err != nil {
		return nil, err
	}
	keys, err := p.config.guestKeys()
	if err != nil {
		return nil, err
	}
	s.replica, err = replica.Open(ctx, replica.Config{
		Store: st, Engine: engine, Resolver: resolver, Most: p.config.guestLimits(), Keys: keys, Log: s.log, Mirror: s.mirror, Content: s.content,
		Self: p.self(),
	})
	s.content = nil
	return s, err
}

// transports is how queries come in, with what they need from files and from whoever
// started the process, and who is shown them.
func (s *server) transports(p *program) (config frontend.Config, err error) {
	if config, err = p.config.frontend(); err != nil {
		return config, err
	}
	if config.Policy.Cookies, err = p.config.cookies(); err != nil {
		return config, err
	}
	if s.taps, err = p.newTaps(s.log); err != nil {
		return config, err
	}
	config.Tap = s.taps.all()
	config.Sockets, err = p.config.openedBefore()
	return config, err
}

// self says who this server is, for others that serve from the same store.
func (p *program) self() store.Replica {
	var id [8]byte
	rand.Read(id[:])
	host, _ := os.Hostname() // a name for people: without one the ID has to do
	return store.Replica{ID: hex.EncodeToString(id[:]), Host: host, Site: p.config.Site, Version: buildVersion().Version}
}

// storePatience is how long a server waits for a command that has the store.
const storePatience = 2 * time.Second

// openStore opens the mirror, where there is one, and the store. A store whose
// zones the mirror has need not be there.
func (s *server) openStore(ctx context.Context, c *config) (*store.Store, storeSpec, error) {
	spec, err := parseStore(c.Store)
	if err != nil {
		return nil, spec, err
	}
	if err := s.openMirror(ctx, c.mirrorFile(spec)); err != nil {
		return nil, spec, err
	}
	st, err := s.awaitStore(ctx, spec)
	if err != nil {
		return nil, spec, err
	}
	s.closers = append(s.closers, st.Close)
	return st, spec, nil
}

func (s *server) awaitStore(ctx context.Context, spec storeSpec) (*store.Store, error) {
	if s.content != nil {
		return spec.openLater(ctx, s.content.Standing.Identity)
	}
	for deadline := time.Now().Add(storePatience); ; {
		st, err := spec.open(ctx)
		if err == nil || !errors.Is(err, store.ErrLocked) || time.Now().After(deadline) {
			return st, err
		}
	}
}

// openMirror opens and reads the mirror.
func (s *server) openMirror(ctx context.Context, path string) (err error) {
	if path == "" {
		return nil
	}
	if s.mirror, err = mirror.Open(path, s.log); err != nil {
		return fmt.Errorf("%sMIRROR: %w", envPrefix, err)
	}
	s.closers = append(s.closers, s.mirror.Close)
	began := time.Now()
	if s.content, err = s.mirror.Load(ctx); err != nil {
		return err
	}
	if s.content != nil {
		s.log.Info("read the mirror", "path", path, "zones", len(s.content.Zones), "took", time.Since(began).Round(time.Millisecond), "from", s.content.Caught.UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *server) listenDNS(ctx context.Context, config frontend.Config, workers int, resolver *resolve.Resolver) error {
	config.Workers, config.TCP.Workers, config.Logger = workers, workers, s.log
	dns, err := frontend.Listen(ctx, config, handler{resolver})
	if err != nil {
		return err
	}
	s.dns, s.cookies = dns, config.Policy.Cookies
	s.closers = append(s.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		return dns.Shutdown(ctx)
	})
	return nil
}

// handler gives the frontend the resolver's Workers.
type handler struct{ *resolve.Resolver }

// NewWorker implements frontend.Handler.
func (h handler) NewWorker() frontend.Worker { return h.Resolver.NewWorker() }

// NewSlowWorker implements frontend.Handler.
func (h handler) NewSlowWorker() frontend.Worker { return h.Resolver.NewSlowWorker() }

func (s *server) listenControl(ctx context.Context, p *program, spec storeSpec, st *store.Store, engine *runtime.Engine, resolver *resolve.Resolver) error {
	token, err := p.config.token()
	if err != nil {
		return err
	}
	s.secrets.token.Store(&token)
	if err := p.config.checkExposed(ctx, st, token); err != nil {
		return err
	}
	if _, _, ok := store.ParseTokenText(token); ok {
		s.log.Warn("RESPONDER_CONTROL_TOKEN_FILE has a token of a store: whoever shows it to this server may do all, whatever its scopes, also when it is deleted", "path", p.config.ControlTokenFile)
	}
	service, err := p.service(st, engine)
	if err != nil {
		return err
	}
	handler := control.Handler(service, control.Endpoint{
		Status:  control.Status{Store: spec.String(), Version: buildVersion().Version, PID: os.Getpid()},
		Token:   func() string { return *s.secrets.token.Load() },
		Closed:  p.config.beyond() || p.config.ControlClientCA != "",
		Rate:    p.config.ControlRate,
		Journal: s.journal,
		Ending:  s.ending,
		Guests:  func() iter.Seq[*resolve.Attachment] { return resolver.Routing().Attachments() },
		Observe: countRequests(s.requests),
		Explain: (&explainer{s.dns, resolver, p.config.Site}).explain,
		Replica: func() (store.Replica, map[string]string) {
			return s.replica.Describe(), s.replica.Status().Problems
		},
	})
	end := sync.OnceFunc(func() { close(s.ending) })
	endpoint := func() *http.Server {
		h := control.Server(handler)
		h.RegisterOnShutdown(end)
		return h
	}
	if p.config.ControlSocket != "" {
		l, err := listenSocket(p.config.ControlSocket)
		if err != nil {
			return err
		}
		s.serveHTTP("CONTROL_SOCKET", l, endpoint())
	}
	if p.config.ControlListen == noControl {
		return nil
	}
	h := endpoint()
	if h.TLSConfig, err = p.config.controlTLS(s.log, s.secrets); err != nil {
		return err
	}
	return s.listenHTTP("CONTROL_LISTEN", p.config.ControlListen, h)
}

func (s *server) listenMetrics(address string, resolver *resolve.Resolver) error {
	if address == noMetrics {
		return nil
	}
	registry := newRegistry(s.dns.Metrics(), &guestCollector{resolver}, &replicaCollector{s}, s.requests, s.taps, logCounter(s.lines))
	if err := s.listenHTTP("METRICS_LISTEN", address, metricsServer(registry, &s.health, s.log)); err != nil {
		return err
	}
	// It serves before the others do: whoever asks is to hear that zones are loading.
	last := &s.endpoint[len(s.endpoint)-1]
	last.serving = true
	go last.serve(s.failed)
	return nil
}

// serve serves until the server is shut down. It tells failed where that ends
// otherwise.
func (e httpEndpoint) serve(failed chan<- error) {
	if err := e.server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
		failed <- fmt.Errorf("%s: %w", envPrefix+e.variable, err)
	}
}

func (s *server) listenHTTP(variable, address string, h *http.Server) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %w", envPrefix+variable, err)
	}
	listener = control.Bounded(listener)
	if h.TLSConfig != nil {
		listener = tls.NewListener(listener, h.TLSConfig)
	}
	s.serveHTTP(variable, listener, h)
	return nil
}

// serveHTTP takes a listener over, which is served once the server runs.
func (s *server) serveHTTP(variable string, listener net.Listener, h *http.Server) {
	h.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	s.endpoint = append(s.endpoint, httpEndpoint{variable: variable, listener: listener, server: h})
	s.closers = append(s.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		listener.Close() // where Serve was never called
		if err := h.Shutdown(ctx); err != nil {
			return h.Close()
		}
		return nil
	})
}

// run answers until ctx ends, then ends cleanly.
func (s *server) run(ctx context.Context) error {
	endTaps := s.taps.start()
	go func() { s.failed <- s.dns.Serve() }()
	for _, e := range s.endpoint {
		if !e.serving {
			go e.serve(s.failed)
		}
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	go watchCookies(following, s.cookies, s.log)
	go s.taps.rules.watch(following, s.log)
	followed := make(chan struct{})
	go func() {
		s.replica.Follow(following)
		close(followed)
	}()
	mirrored := make(chan struct{})
	mirroring, endMirror := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		if s.mirror != nil {
			s.mirror.Run(mirroring)
		}
		close(mirrored)
	}()
	s.announce()
	s.health.status, s.health.stuck = s.replica.Status, s.dns.Stuck
	s.health.loaded.Store(true)
	s.tellManager(daemon.SdNotifyReady)
	go s.pingManager(following)
	err := s.await(ctx)
	if err == nil {
		err = s.drain()
	}
	s.log.Info("stopping")
	// Queries first, then whoever changes what they are answered from.
	err = errors.Join(err, s.closeFrontend())
	endTaps(s.log)
	stop()
	<-followed
	endMirror() // it writes the rest
	<-mirrored
	signal.Stop(s.hangup)
	return errors.Join(err, s.close())
}

// await waits until the server is told to end or a part of it fails. Meanwhile it reads
// files anew where that is asked for.
func (s *server) await(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.failed:
			return err
		case <-s.hangup:
			s.reload()
		}
	}
}

// drain has everybody hear that queries should be sent elsewhere, and gives them time
// for that: all is still answered. A part that fails ends the wait.
func (s *server) drain() error {
	s.health.draining.Store(true)
	s.dns.SetReady(false, "the server is about to end")
	// Beside the drain there is what is in flight, and as long again for all after that.
	s.tellManager(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", daemon.SdNotifyStopping, (s.drainTime + 2*shutdownTime).Microseconds()))
	if s.drainTime == 0 {
		return nil
	}
	s.log.Info("draining: queries are still answered", "time", s.drainTime)
	select {
	case <-time.After(s.drainTime):
		return nil
	case err := <-s.failed:
		return err
	}
}

// announce logs where the server listens and what it serves.
func (s *server) announce() {
	var listen []string
	for _, a := range s.dns.Addrs() {
		listen = append(listen, a.String())
	}
	attrs := []any{"version", buildVersion().Version, "listen", strings.Join(listen, ",")}
	for _, a := range s.dns.TLSAddrs() {
		attrs = append(attrs, "tls", a.String())
	}
	for _, a := range s.dns.HTTPSAddrs() {
		attrs = append(attrs, "https", a.String())
	}
	for _, e := range s.endpoint {
		attribute := strings.ToLower(strings.TrimSuffix(e.variable, "_LISTEN"))
		attrs = append(attrs, attribute, e.listener.Addr().String())
	}
	status := s.replica.Status()
	s.log.Info("serving", append(attrs, "zones", status.Zones, "attachments", status.Attachments)...)
}

// closeFrontend closes all but the mirror, the store and the engine, which were made
// first. The parts that serve end at the same time: a command that takes long takes
// nothing of the time that queries have.
func (s *server) closeFrontend() error {
	serving := s.closers[s.fronts:]
	errs := make([]error, len(serving))
	var all sync.WaitGroup
	for i, end := range serving {
		all.Go(func() { errs[i] = end() })
	}
	all.Wait()
	s.closers = s.closers[:s.fronts]
	return errors.Join(append(errs, s.closeDownTo(s.base))...)
}

func (s *server) close() error { return s.closeDownTo(0) }

func (s *server) closeDownTo(n int) error {
	var errs []error
	for len(s.closers) > n {
		last := len(s.closers) - 1
		errs = append(errs, s.closers[last]())
		s.closers = s.closers[:last]
	}
	return errors.Join(errs...)
}
