package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// loadRequest is what a generator is to do.
type loadRequest struct {
	Address string   `json:"address"`
	Seconds float64  `json:"seconds"`
	Streams []stream `json:"streams"`
}

// stream is queries of one kind. With a rate they are sent by the clock, whether or not they are answered;
// without one, as fast as they are answered, some in flight.
type stream struct {
	Queries string  `json:"queries,omitempty"` // file of names, in dnsperf's form
	Random  string  `json:"random,omitempty"`  // or: a name below which random labels are asked for, each once
	Below   string  `json:"below,omitempty"`   // or: a file of names, a line each, below which that is done in turn
	Seed    uint64  `json:"seed,omitempty"`    // of random labels: no two runs ask for the same
	Rate    float64 `json:"rate,omitempty"`    // queries a second
	Window  int     `json:"window,omitempty"`  // in flight, without a rate

	// Answers are files of fingerprints, one a line for each of Queries: an answer that has none of them is wrong.
	Answers []string `json:"answers,omitempty"`
}

// streamResult is what became of a stream.
type streamResult struct {
	Sent     int64         `json:"sent"`
	Answered int64         `json:"answered"`
	Failed   int64         `json:"failed"` // answered, with neither NOERROR nor NXDOMAIN
	Wrong    int64         `json:"wrong"`  // answered with what is in none of stream.Answers
	Unsent   int64         `json:"unsent"` // due by the clock, but the generator was behind
	Seconds  float64       `json:"seconds"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
	P999     time.Duration `json:"p999"`
	Max      time.Duration `json:"max"`
}

func (r streamResult) lost() int64   { return r.Sent - r.Answered }
func (r streamResult) rate() float64 { return float64(r.Answered) / r.Seconds }

// loadCommand reads a request, does it, and writes the results, one a stream.
func loadCommand(in io.Reader, out io.Writer) error {
	var request loadRequest
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return err
	}
	g, err := newGenerator(request)
	if err != nil {
		return err
	}
	defer g.close()
	goruntime.LockOSThread()
	// A pause is to end when it is due, not up to 50 microseconds later.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := g.run(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(g.results())
}

const (
	socketsPerStream = 4
	idSpace          = 1 << 16
	socketBuffer     = 8 << 20 // bytes; the kernel may give less
	grace            = time.Second
)

// generator sends and receives in one thread.
type generator struct {
	seconds float64
	streams []*streamState
	polled  []unix.PollFd
	batch   *batch
}

type streamState struct {
	stream
	names   [][]byte   // packed queries, asked in turn
	right   [][]uint64 // of each of stream.Answers
	next    int
	random  *rand.Rand
	sockets []*socket
	turn    int
	due     int64 // queries due so far by the clock
	begun   int64
	ended   int64
	streamResult
	flights   int
	latencies []uint32 // nanoseconds of each answer
}

// socket is a connected UDP socket with what it has in flight. The message ID is the place in sent.
type socket struct {
	fd   int
	next uint16
	sent [idSpace]int64 // Unix nanoseconds; 0 for none in flight
	name [idSpace]int32 // the place in streamState.names
}

func newGenerator(request loadRequest) (*generator, error) {
	to, err := netip.ParseAddrPort(request.Address)
	if err != nil {
		return nil, err
	}
	g := &generator{seconds: request.Seconds, batch: newBatch()}
	for _, s := range request.Streams {
		state := &streamState{stream: s, random: rand.New(rand.NewPCG(s.Seed, seed))}
		switch {
		case s.Random != "":
			state.names, err = randomQueries(s.Random)
		case s.Below != "":
			var text []byte
			if text, err = os.ReadFile(s.Below); err == nil {
				state.names, err = randomQueries(strings.Fields(string(text))...)
			}
		default:
			state.names, err = readQueries(s.Queries)
		}
		if err == nil {
			state.right, err = readFingerprints(s.Answers, len(state.names))
		}
		if err != nil {
			g.close()
			return nil, err
		}
		for range socketsPerStream {
			fd, err := dial(to)
			if err != nil {
				g.close()
				return nil, err
			}
			state.sockets = append(state.sockets, &socket{fd: fd})
			g.polled = append(g.polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
		g.streams = append(g.streams, state)
	}
	return g, nil
}

func (g *generator) close() {
	for _, s := range g.streams {
		for _, socket := range s.sockets {
			unix.Close(socket.fd)
		}
	}
}

// dial makes a socket whose datagrams come with the kernel's time of their arrival.
func dial(to netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}),
	)
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// readQueries packs the queries of a file.
func readQueries(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all [][]byte
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, kind, _ := strings.Cut(lines.Text(), " ")
		if kind != "A" {
			return nil, fmt.Errorf("%s: %q is no query for A", path, lines.Text())
		}
		packed, err := packQuery(0, name, uint16(dnsmessage.TypeA))
		if err != nil {
			return nil, err
		}
		all = append(all, packed)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no queries", path)
	}
	return all, nil
}

// The label that is made anew for each query of a random stream, and its place in the message.
const (
	randomLabel = "................"
	labelAt     = 12 + 1
)

// randomQueries packs a query below each of some names.
func randomQueries(below ...string) ([][]byte, error) {
	var all [][]byte
	for _, name := range below {
		packed, err := packQuery(0, strings.ReplaceAll(randomLabel, ".", "a")+"."+name, uint16(dnsmessage.TypeA))
		if err != nil {
			return nil, err
		}
		all = append(all, packed)
	}
	if len(all) == 0 {
		return nil, errors.New("no names to ask below")
	}
	return all, nil
}

// query gives the next query's bytes, good until the next call.
func (s *streamState) query() []byte {
	q := s.names[s.next]
	if s.next++; s.next == len(s.names) {
		s.next = 0
	}
	if s.Random != "" || s.Below != "" {
		bits := s.random.Uint64()
		for i := range randomLabel {
			q[labelAt+i] = 'a' + byte(bits&15)
			bits >>= 4
		}
	}
	return q
}

func (g *generator) run() error {
	begin := time.Now().UnixNano()
	end := begin + int64(g.seconds*float64(time.Second))
	for _, s := range g.streams {
		s.begun, s.ended = begin, end
	}
	for now := begin; now < end; now = time.Now().UnixNano() {
		wait := end - now
		for _, s := range g.streams {
			next, err := g.send(s, now)
			if err != nil {
				return err
			}
			wait = min(wait, next)
		}
		if err := g.receive(wait); err != nil {
			return err
		}
	}
	for last := time.Now().Add(grace); time.Now().Before(last) && g.flying(); {
		if err := g.receive(int64(time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) flying() bool {
	return slices.ContainsFunc(g.streams, func(s *streamState) bool { return s.flights > 0 })
}

// maxBehind bounds, in seconds of a stream's rate, what is made up for after a pause. What is due beyond
// that is not sent, and counted.
const maxBehind = 0.05

// leastPause is how many nanoseconds a stream pauses at least, so that what is due by the clock goes out some
// queries at a time, as it does without a clock: what the server then receives at once is alike.
const leastPause = 100_000

// send sends what is due and gives the nanoseconds until there is more to send.
func (g *generator) send(s *streamState, now int64) (int64, error) {
	want := 0
	if s.Rate > 0 {
		due := int64(float64(now-s.begun) / 1e9 * s.Rate)
		if behind := due - s.due - int64(s.Rate*maxBehind) - batchSize; behind > 0 {
			s.Unsent += behind
			s.due += behind
		}
		want = int(due - s.due)
	} else {
		want = s.Window - s.flights
	}
	for want > 0 {
		n, err := g.sendBatch(s, min(want, batchSize))
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break // the socket's buffer is full
		}
		want -= n
		s.due += int64(n)
	}
	if s.Rate > 0 {
		return max(int64(float64(s.due+1)/s.Rate*1e9)-(now-s.begun), leastPause), nil
	}
	return int64(time.Millisecond), nil
}

// sendBatch sends up to n queries by the next socket.
func (g *generator) sendBatch(s *streamState, n int) (int, error) {
	to := s.sockets[s.turn]
	s.turn = (s.turn + 1) % len(s.sockets)
	for i := range n {
		to.name[to.next+uint16(i)] = int32(s.next) // where it is not sent, the ID has nothing in flight, or a query that is given up
		g.batch.put(i, to.next+uint16(i), s.query())
	}
	now := time.Now().UnixNano()
	sent, err := g.batch.send(to.fd, n)
	for i := range sent {
		at := &to.sent[to.next+uint16(i)]
		if *at == 0 {
			s.flights++ // else the one before it with this ID was lost
		}
		*at = now
	}
	to.next += uint16(sent)
	s.Sent += int64(sent)
	return sent, err
}

// receive waits for answers, up to some nanoseconds, and takes what is there.
func (g *generator) receive(wait int64) error {
	timeout := unix.NsecToTimespec(max(wait, 0))
	n, err := unix.Ppoll(g.polled, &timeout, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	if n <= 0 {
		return nil
	}
	i := 0
	for _, s := range g.streams {
		for _, from := range s.sockets {
			ready := g.polled[i].Revents != 0
			i++
			if !ready {
				continue
			}
			if err := g.drain(s, from); err != nil {
				return err
			}
		}
	}
	return nil
}

// drain takes one batch of answers; the rest is there at the next poll.
func (g *generator) drain(s *streamState, from *socket) error {
	n, err := g.batch.receive(from.fd)
	if err != nil {
		return err
	}
	for i := range n {
		id, rcode, arrived, ok := g.batch.answer(i)
		if !ok || from.sent[id] == 0 {
			continue // no answer, or one that was given up
		}
		s.latencies = append(s.latencies, uint32(min(max(arrived-from.sent[id], 0), 1<<32-1)))
		from.sent[id] = 0
		s.flights--
		s.Answered++
		if rcode != int(dnsmessage.RCodeSuccess) && rcode != int(dnsmessage.RCodeNameError) {
			s.Failed++
		}
		if len(s.right) > 0 && !s.isRight(int(from.name[id]), g.batch.message(i)) {
			s.Wrong++
		}
	}
	return nil
}

func (g *generator) results() []streamResult {
	var all []streamResult
	for _, s := range g.streams {
		r := s.streamResult
		r.Seconds = g.seconds
		slices.Sort(s.latencies)
		r.P50, r.P99, r.P999, r.Max = quantile(s.latencies, 0.5), quantile(s.latencies, 0.99), quantile(s.latencies, 0.999), quantile(s.latencies, 1)
		all = append(all, r)
	}
	return all
}

// quantile gives the least of sorted nanoseconds that at least a share q of them do not exceed.
func quantile(sorted []uint32, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(q*float64(len(sorted))+0.999999) - 1
	return time.Duration(sorted[min(max(i, 0), len(sorted)-1)])
}
