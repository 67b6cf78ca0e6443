package tap

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	"google.golang.org/protobuf/proto"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/throttle"
)

const (
	retryFirst = 250 * time.Millisecond // after a connection has failed; then twice as long each time
	retryMost  = 8 * time.Second

	// steady is how long a stream lasts that was more than a try: one that is taken and
	// ended at once, or a disk that is full, is not called again and again.
	steady = 8 * time.Second

	// flushAfter is how many exchanges wait to be sent on, at most: so many are lost with
	// a stream.
	flushAfter = 64

	// farewell is how long what still waits may take when Run is to end.
	farewell = 3 * time.Second
)

// DnstapConfig says where a stream of dnstap goes, and what it tells of the server.
type DnstapConfig struct {
	Address  string // unix:PATH, tcp:HOST:PORT or file:PATH
	Sample   int    // one exchange of so many is sent
	Identity string // of the server; empty for none
	Version  string
	Log      *slog.Logger
}

// Dnstap sends exchanges as a stream of frames with messages of dnstap: AUTH_QUERY,
// and AUTH_RESPONSE where there was one. A connection that ends, or that nobody takes
// yet, is tried again; meanwhile the queue fills.
type Dnstap struct {
	*Queue
	address address
	log     *slog.Logger
	trouble throttle.Throttle
	reopen  chan struct{}

	connected atomic.Bool
	lost      atomic.Uint64
	unflushed int  // exchanges that are lost if the stream breaks
	told      bool // that it is connected; Run's own, as the one before

	// Scratch of Run.
	form  form
	frame []byte
}

// NewDnstap makes a Dnstap. The error is ErrAddress.
func NewDnstap(c DnstapConfig) (*Dnstap, error) {
	a, err := parseAddress(c.Address)
	if err != nil {
		return nil, err
	}
	wants := func([]byte) bool { return drawn(uint32(c.Sample)) }
	d := &Dnstap{Queue: newQueue(wants), address: a, log: c.Log, reopen: make(chan struct{}, 1)}
	w := &d.form.whole
	w.Type, w.Message = dnstap.Dnstap_MESSAGE.Enum(), &d.form.message
	if c.Identity != "" {
		w.Identity = []byte(c.Identity)
	}
	if c.Version != "" {
		w.Version = []byte(c.Version)
	}
	return d, nil
}

// Stats returns what became of the exchanges so far.
func (d *Dnstap) Stats() Stats {
	s := d.stats()
	s.Lost, s.Connected = d.lost.Load(), d.connected.Load()
	return s
}

// Reopen makes Run end the stream and begin another: a file that was moved away is
// made anew. What could not be opened is tried at once.
func (d *Dnstap) Reopen() {
	select {
	case d.reopen <- struct{}{}:
	default: // it is asked for already
	}
}

// Run sends what is taken until ctx ends, and then what still waits.
func (d *Dnstap) Run(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := d.stream(ctx)
		if err == nil {
			continue // told to end, or to open anew
		}
		if ctx.Err() == nil {
			d.complain(err)
		}
		if time.Since(began) > steady {
			wait = retryFirst
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, retryMost)
		case <-d.reopen:
			wait = retryFirst
		case <-ctx.Done():
		}
	}
	d.giveUp()
}

// stream opens a stream and sends what is taken. The error says why it could not be
// opened or broke.
func (d *Dnstap) stream(ctx context.Context) error {
	s, err := d.address.open(ctx)
	if err != nil {
		return err
	}
	if !d.told {
		d.log.Info("dnstap is connected", "to", d.address.kind+":"+d.address.place)
		d.told = true
	}
	d.connected.Store(true)
	defer d.connected.Store(false)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, func() { s.under.Close() }) })()
	return d.send(ctx, s)
}

// complain logs, once a minute, that nothing can be sent.
func (d *Dnstap) complain(err error) {
	if skipped, ok := d.trouble.Pass(time.Now()); ok {
		d.told = false
		d.log.Warn("dnstap is not connected: what there is no room for is dropped",
			"to", d.address.kind+":"+d.address.place, "error", err, "unlogged", skipped)
	}
}

// giveUp counts and tells what nobody takes any more.
func (d *Dnstap) giveUp() {
	for len(d.full) > 0 {
		d.done(<-d.full)
		d.lost.Add(1)
	}
	if lost := d.lost.Load(); lost > 0 {
		d.log.Warn("dnstap ends, and not all that was taken has got there", "to", d.address.kind+":"+d.address.place, "lost", lost)
	}
}

// send sends what is taken until ctx ends or the stream is to be opened anew. The
// error is that of a stream that broke.
func (d *Dnstap) send(ctx context.Context, s *stream) (err error) {
	defer func() {
		if err != nil {
			d.lost.Add(uint64(d.unflushed))
			s.under.Close()
		}
		d.unflushed = 0
	}()
	for {
		select {
		case r := <-d.full:
			err = d.write(s, r)
		case <-d.reopen:
			d.told = false
			return s.close(outputTime)
		case <-ctx.Done():
			return d.sendRest(s)
		}
		if err != nil {
			return err
		}
	}
}

// sendRest sends what waits, until the stream is closed under it, and ends it.
func (d *Dnstap) sendRest(s *stream) error {
	for len(d.full) > 0 {
		if err := d.write(s, <-d.full); err != nil {
			return err
		}
	}
	return s.close(farewell)
}

// write writes the messages of one exchange, which go out once no other waits or
// there are many.
func (d *Dnstap) write(s *stream, r *record) error {
	defer d.done(r)
	d.unflushed++
	if err := d.writeMessage(s, r, dnstap.Message_AUTH_QUERY); err != nil {
		return err
	}
	if len(r.Response) > 0 {
		if err := d.writeMessage(s, r, dnstap.Message_AUTH_RESPONSE); err != nil {
			return err
		}
	}
	if len(d.full) > 0 && d.unflushed < flushAfter {
		return nil
	}
	if err := s.Flush(); err != nil {
		return err
	}
	d.unflushed = 0
	return nil
}

func (d *Dnstap) writeMessage(s *stream, r *record, kind dnstap.Message_Type) error {
	d.form.fill(r, kind)
	var err error
	if d.frame, err = (proto.MarshalOptions{}).MarshalAppend(d.frame[:0], &d.form.whole); err != nil {
		return err
	}
	_, err = s.WriteFrame(d.frame)
	return err
}

// protocols are those of dnstap by transport.
var protocols = map[hostabi.Transport]dnstap.SocketProtocol{
	hostabi.TransportUDP: dnstap.SocketProtocol_UDP, hostabi.TransportTCP: dnstap.SocketProtocol_TCP,
	hostabi.TransportTLS: dnstap.SocketProtocol_DOT, hostabi.TransportHTTPS: dnstap.SocketProtocol_DOH,
}

// form is a message of dnstap that is filled in again and again, since to make a new
// one with all that its fields point to would take longer than all the rest.
type form struct {
	whole   dnstap.Dnstap
	message dnstap.Message

	kind            dnstap.Message_Type
	family          dnstap.SocketFamily
	protocol        dnstap.SocketProtocol
	client, server  place
	asked, answered instant
}

// fill makes the form the message of one kind for an exchange. What is not known is
// left out.
func (f *form) fill(r *record, kind dnstap.Message_Type) {
	m := &f.message
	f.kind, f.family, f.protocol = kind, dnstap.SocketFamily_INET, protocols[r.Transport]
	if r.Client.Addr().Is6() {
		f.family = dnstap.SocketFamily_INET6
	}
	m.Type, m.SocketFamily, m.SocketProtocol = &f.kind, &f.family, &f.protocol
	m.QueryAddress, m.QueryPort = f.client.of(r.Client)
	m.ResponseAddress, m.ResponsePort = f.server.of(r.Server)
	m.QueryTimeSec, m.QueryTimeNsec = f.asked.of(r.Arrived)
	if kind == dnstap.Message_AUTH_QUERY {
		m.QueryMessage, m.ResponseMessage, m.ResponseTimeSec, m.ResponseTimeNsec = r.Query, nil, nil, nil
		return
	}
	m.QueryMessage, m.ResponseMessage = nil, r.Response
	m.ResponseTimeSec, m.ResponseTimeNsec = f.answered.of(r.Answered)
}

// place is memory for an address and a port.
type place struct {
	addr [16]byte
	port uint32
}

func (p *place) of(a netip.AddrPort) (addr []byte, port *uint32) {
	if ip := a.Addr(); ip.IsValid() && !ip.IsUnspecified() {
		p.addr = ip.As16()
		addr = p.addr[:]
		if ip.Is4() {
			addr = p.addr[12:]
		}
	}
	if p.port = uint32(a.Port()); p.port != 0 {
		port = &p.port
	}
	return addr, port
}

// instant is memory for a time.
type instant struct {
	sec  uint64
	nsec uint32
}

func (i *instant) of(t time.Time) (sec *uint64, nsec *uint32) {
	i.sec, i.nsec = uint64(t.Unix()), uint32(t.Nanosecond())
	return &i.sec, &i.nsec
}
