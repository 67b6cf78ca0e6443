package tap

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// headerLen is the length of a message's header (RFC 1035 section 4.1.1).
const headerLen = 12

// QueryLog writes a line for each exchange.
type QueryLog struct {
	*Queue
	log *slog.Logger
}

// NewQueryLog makes a QueryLog of one exchange of sample that ask for a name in one of
// the zones, or for any where there are none.
func NewQueryLog(log *slog.Logger, sample int, zones []rr.Name) *QueryLog {
	if len(zones) == 0 {
		return &QueryLog{newQueue(sample, nil), log}
	}
	of := newApexes(zones)
	return &QueryLog{newQueue(sample, of.have), log}
}

// Stats returns what became of the exchanges so far.
func (l *QueryLog) Stats() Stats {
	s := l.stats()
	s.Connected = true
	return s
}

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
	var q dns.Msg
	if err := q.Unpack(r.Query); err == nil && len(q.Question) == 1 {
		asked := q.Question[0]
		attrs = append(attrs, slog.String("qname", asked.Name), slog.String("qclass", dns.Class(asked.Qclass).String()), slog.String("qtype", dns.Type(asked.Qtype).String()))
		if o := q.IsEdns0(); o != nil {
			attrs = append(attrs, slog.Bool("do", o.Do()))
		}
	}
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "query", append(attrs, responseAttrs(r)...)...)
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
		slog.Int("size", len(r.Response)), slog.String("took", fmt.Sprint(r.Answered.Sub(r.Arrived))),
	}
}

// apexes are zones, by their apexes in wire form and lower case.
type apexes map[string]bool

func newApexes(zones []rr.Name) apexes {
	a := apexes{}
	for _, z := range zones {
		a[z.Lower().Wire()] = true
	}
	return a
}

// have reports whether a query asks for a name in one of the zones. A query whose
// question cannot be read is in none.
func (a apexes) have(query []byte) bool {
	if len(query) < headerLen || query[4] != 0 || query[5] != 1 {
		return false
	}
	var lower [rr.MaxNameLen]byte
	n := copy(lower[:], query[headerLen:])
	for i, c := range lower[:n] {
		if 'A' <= c && c <= 'Z' { // no length of a label is a letter's octet
			lower[i] = c + 'a' - 'A'
		}
	}
	end := 0
	for end < n && lower[end] != 0 && lower[end] < 64 {
		end += 1 + int(lower[end])
	}
	if end >= n || lower[end] != 0 {
		return false
	}
	for at := 0; ; at += 1 + int(lower[at]) {
		if a[string(lower[at:end+1])] {
			return true
		}
		if at == end {
			return false
		}
	}
}
