package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// probePatience is how long a response is waited for.
const probePatience = 3 * time.Second

// prober asks zones of a crowd one by one, each time for a name that nobody asked for before, and holds the answers
// against what the guests have to say.
type prober struct {
	crowd  *crowd
	conn   net.Conn
	asked  int
	wrong  int    // answered otherwise, or not at all
	reason string // of the first wrong one
}

func newProber(c *crowd, s *crowdServer) (*prober, error) {
	conn, err := net.Dial("udp", s.address())
	return &prober{crowd: c, conn: conn}, err
}

// ask asks one zone and gives the time until the response, and whether that is the guest's answer.
func (p *prober) ask(z crowdZone) (took time.Duration, right bool, err error) {
	p.asked++
	label := fmt.Sprintf("probe-%d", p.asked)
	id := uint16(p.asked)
	query, err := packQuery(id, label+"."+z.apex, uint16(dnsmessage.TypeA))
	if err != nil {
		return 0, false, err
	}
	buf := make([]byte, 4096)
	begun := time.Now()
	if err := p.conn.SetDeadline(begun.Add(probePatience)); err != nil {
		return 0, false, err
	}
	if _, err := p.conn.Write(query); err != nil {
		return 0, false, err
	}
	for {
		n, err := p.conn.Read(buf)
		took = time.Since(begun)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.blame("%s.%s: no response", label, z.apex)
			return took, false, nil
		}
		if err != nil {
			return 0, false, err
		}
		var m dnsmessage.Message
		if err := m.Unpack(buf[:n]); err != nil {
			return 0, false, fmt.Errorf("%s: %w", z.apex, err)
		}
		if m.ID != id {
			continue // a response that came too late
		}
		want := p.crowd.address(z, label)
		if right = answers(m, want); !right {
			p.blame("%s.%s: %v with %v, want %v", label, z.apex, m.RCode, m.Answers, want)
		}
		return took, right, nil
	}
}

func (p *prober) blame(format string, args ...any) {
	if p.wrong++; p.reason == "" {
		p.reason = fmt.Sprintf(format, args...)
	}
}

// answers says whether a response has this address and nothing else.
func answers(m dnsmessage.Message, want [4]byte) bool {
	if m.RCode != dnsmessage.RCodeSuccess || len(m.Answers) != 1 {
		return false
	}
	a, ok := m.Answers[0].Body.(*dnsmessage.AResource)
	return ok && a.A == want
}

// all asks every zone once and gives the time it took.
func (p *prober) all() (time.Duration, error) {
	begun := time.Now()
	for _, z := range p.crowd.zones {
		if _, _, err := p.ask(z); err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}

// loadEvery is how many times as long as it took to load code the server may wait with the next, where there was no
// other pause.
const loadEvery = 4

// scrapePause lets the server be done with a scrape of a thousand guests' metrics, on its one core, before it is asked again.
const scrapePause = 30 * time.Millisecond

// firsts are the times of first answers.
type firsts struct {
	instance []uint32 // where an instance had been evicted, in nanoseconds
	code     []uint32 // where the module's code had been let go as well
}

// all are the times of both, in order.
func (f firsts) all() []uint32 {
	both := slices.Concat(f.instance, f.code)
	slices.Sort(both)
	return both
}

// and has the times of both, in order.
func (f firsts) and(g firsts) firsts {
	f.instance, f.code = slices.Concat(f.instance, g.instance), slices.Concat(f.code, g.code)
	slices.Sort(f.instance)
	slices.Sort(f.code)
	return f
}

// first asks zones whose attachment has no instance any more, at most so many. Whether code had to be loaded for one
// the counter of loads says, which is read after each; so this is to have the server to itself.
func (p *prober) first(ctx context.Context, s *crowdServer, most int) (f firsts, err error) {
	before, err := s.scrape(ctx)
	if err != nil {
		return f, err
	}
	evicted := slices.DeleteFunc(slices.Clone(p.crowd.zones), func(z crowdZone) bool {
		n, known := before.instances[z.apex]
		return !known || n > 0
	})
	for i := range min(most, len(evicted)) {
		z := evicted[i*len(evicted)/min(most, len(evicted))]
		took, right, err := p.ask(z)
		if err != nil {
			return f, err
		}
		after, err := s.scrape(ctx)
		if err != nil {
			return f, err
		}
		time.Sleep(scrapePause)
		switch {
		case !right: // not the guest's answer, and so not the time of one
		case after.values[metricLoads] > before.values[metricLoads]:
			f.code = append(f.code, uint32(took))
			time.Sleep(loadEvery * took) // or the next would wait because of this one
		default:
			f.instance = append(f.instance, uint32(took))
		}
		before = after
	}
	slices.Sort(f.instance)
	slices.Sort(f.code)
	return f, nil
}
