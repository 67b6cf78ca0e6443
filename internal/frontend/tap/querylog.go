package tap

import (
	"context"
	"encoding/binary"
	"log/slog"
	"strconv"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// headerLen is the length of a message's header (RFC 1035 section 4.1.1).
const headerLen = 12

// QueryLog writes a line for each exchange that its rules want.
type QueryLog struct {
	*Queue
	log   *slog.Logger
	rules atomic.Pointer[QueryRules]
}

// NewQueryLog makes a QueryLog.
func NewQueryLog(log *slog.Logger, rules *QueryRules) *QueryLog {
	l := &QueryLog{log: log}
	l.SetRules(rules)
	l.Queue = newQueue(func(query []byte) bool { return drawn(l.rules.Load().sample(query)) })
	return l
}

// SetRules has the log take what other rules want from now on. They are not to change
// any more.
func (l *QueryLog) SetRules(rules *QueryRules) { l.rules.Store(rules) }

// Stats returns what became of the exchanges so far.
func (l *QueryLog) Stats() Stats { return l.stats() }

// Run writes lines until ctx ends, and then those that wait.
func (l *QueryLog) Run(ctx context.Context) {
	for {
		select {
		case r := <-l.full:
			l.write(r)
		case <-ctx.Done():
			for range len(l.full) {
				l.write(<-l.full)
			}
			return
		}
	}
}

// write writes the line of one exchange. A message that asks nothing that can be read
// has no name.
func (l *QueryLog) write(r *record) {
	defer l.done(r)
	attrs := []slog.Attr{
		slog.String("client", r.Client.String()), slog.String("transport", r.Transport.String()),
	}
	if r.Client.Port() == 0 {
		attrs[0] = slog.String("client", r.Client.Addr().String())
	}
	attrs = append(attrs, questionAttrs(r.Query)...)
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "query", append(attrs, responseAttrs(r)...)...)
}

// questionAttrs say what was asked, as far as it can be read.
func questionAttrs(query []byte) (attrs []slog.Attr) {
	if len(query) < headerLen {
		return nil
	}
	if opcode := int(query[2] >> 3 & 0xf); opcode != dns.OpcodeQuery {
		text, ok := dns.OpcodeToString[opcode]
		if !ok {
			text = "OPCODE" + strconv.Itoa(opcode)
		}
		attrs = append(attrs, slog.String("opcode", text))
	}
	name, end, err := dns.UnpackDomainName(query, headerLen)
	if binary.BigEndian.Uint16(query[4:]) != 1 || err != nil || len(query) < end+4 {
		return attrs
	}
	qtype, qclass := binary.BigEndian.Uint16(query[end:]), binary.BigEndian.Uint16(query[end+2:])
	attrs = append(attrs, slog.String("qname", name), slog.String("qclass", dns.Class(qclass).String()), slog.String("qtype", dns.Type(qtype).String()))
	var q dns.Msg
	if q.Unpack(query) != nil { // what the response says, too
		return attrs
	}
	if o := q.IsEdns0(); o != nil {
		attrs = append(attrs, slog.Bool("do", o.Do()))
	}
	return attrs
}

// responseAttrs say what was answered.
func responseAttrs(r *record) []slog.Attr {
	var m dns.Msg
	if len(r.Response) == 0 {
		return []slog.Attr{slog.String("rcode", "none")}
	}
	if err := m.Unpack(r.Response); err != nil { // a bug, which is not to hide the query
		return []slog.Attr{slog.String("rcode", "unreadable"), slog.String("error", err.Error())}
	}
	code := m.Rcode
	if o := m.IsEdns0(); o != nil && o.ExtendedRcode() != 0 {
		code = o.ExtendedRcode() | code&0xf
	}
	return []slog.Attr{
		slog.String("rcode", rr.RCode(code).String()), slog.Int("answers", len(m.Answer)), slog.Bool("tc", m.Truncated),
		slog.Int("size", len(r.Response)), slog.Duration("took", r.Answered.Sub(r.Arrived)),
	}
}
