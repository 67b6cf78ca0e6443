package frontend

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// kept is a responder's part of the answer cache: the answers it keeps, and the
// scratch to look for one.
type kept struct {
	own     *cache.Cache  // of this responder alone; nil where it uses the shared one
	shared  *cache.Shared // with other responders; nil where nothing is kept
	handler Handler
	random  *rand.PCG

	sampling bool // some answers that are kept are not to be given, see wants
	question cache.Question
	inputs   cache.Inputs
	name     lowered
	copied   []byte        // a shared answer
	trace    resolve.Trace // of an answer on its way from the shared cache to the own one
}

// keepOwn makes a responder's answers be kept in own, unless that is nil, which
// may take over what others keep in shared.
func keepOwn(own *cache.Cache, shared *cache.Shared) kept { return kept{own: own, shared: shared} }

// keepShared makes them be kept in c, which several responders share, unless that
// is nil.
func keepShared(c *cache.Shared) kept {
	return kept{shared: c, copied: make([]byte, 0, 2*cache.MaxMessage)}
}

// on reports whether answers are kept at all.
func (k *kept) on() bool { return k.own != nil || k.shared != nil }

// wake takes note of what all queries have in common that have arrived by now.
// The generation is read after they came in and before they are answered: no
// answer that was made under another one is given to them.
func (k *kept) wake(now time.Time) {
	if k.on() {
		k.inputs.Routing, k.inputs.Now = k.handler.Generation(), now.Unix()
		k.sampling = k.handler.Shadows()
	}
}

// get returns the answer to q, if one is kept. It is good until the next call. A query
// that is looked up once more keeps its seed: what was of the sample still is.
func (k *kept) get(q *query, transport hostabi.Transport) (leaf cache.Leaf, ok bool) {
	if !k.on() {
		return cache.Leaf{}, false
	}
	if q.seed == 0 {
		q.seed = k.random.Uint64() | 1 // 0 would be none
	}
	if k.sampling && q.seed>>sampleShift == 0 && k.wants(q) {
		return cache.Leaf{}, false
	}
	k.ask(q)
	k.ready(q, transport)
	if k.own != nil {
		return k.own.Get(&k.question, &k.inputs)
	}
	return k.shared.Get(&k.question, &k.inputs, k.copied)
}

// sampleShift leaves as much of a seed as makes one question of 256 a sample.
const sampleShift = 64 - 8

// wants reports whether a question of the sample is for a Worker, whatever is kept.
func (k *kept) wants(q *query) bool {
	name, _, err := rr.NameView(q.name())
	return err == nil && k.handler.Shadowed(authority.Question{Name: name, Type: q.qtype, DO: q.edns.do})
}

// ready makes the inputs those of q.
func (k *kept) ready(q *query, transport hostabi.Transport) {
	client := resolve.Client{Addr: q.sender.addr, Subnet: q.sender.subnet}
	k.inputs.Client, k.inputs.Source = client.Known(), client.Source()
	k.inputs.Transport, k.inputs.Seed = transport, q.seed
}

// adopt takes an answer to q, for which get had none, over from the shared cache,
// if it is there. It is good until the next call.
func (k *kept) adopt(q *query, transport hostabi.Transport) (leaf cache.Leaf, ok bool) {
	if k.own == nil || k.shared == nil {
		return cache.Leaf{}, false
	}
	k.ask(q)
	k.ready(q, transport)
	leaf, ok = k.shared.Fetch(&k.question, &k.inputs, k.copied[:0], &k.trace)
	if ok {
		k.own.Put(&k.question, &k.trace, &leaf)
	}
	return leaf, ok
}

// key returns what tells the question of q from others.
func (k *kept) key(q *query) string {
	k.ask(q)
	do := byte(0)
	if q.edns.do {
		do = 1
	}
	return string(append(k.question.Name, byte(q.qtype>>8), byte(q.qtype), do))
}

// put keeps the response to q, for which get had none. One that is truncated is
// not all that there is to say.
func (k *kept) put(q *query, t *resolve.Trace, b body, leaf cache.Leaf) {
	if !k.on() || binary.BigEndian.Uint16(b.msg[2:])&flagTC != 0 {
		return
	}
	k.ask(q)
	leaf.Msg, leaf.Meta.Required = b.msg, uint16(b.required)
	if k.own != nil {
		k.own.Put(&k.question, t, &leaf)
		return
	}
	k.shared.Put(&k.question, t, &leaf)
}

// ask makes the question ready that q is.
func (k *kept) ask(q *query) {
	k.question = cache.Question{Name: k.name.set(q.name()), Type: q.qtype, DO: q.edns.do}
}

// lowered has room for a name in wire form, in steps of eight octets.
type lowered [(rr.MaxNameLen + 7) / 8 * 8]byte

// set returns name in lower case. The lengths of labels are none that a letter
// has.
func (l *lowered) set(name []byte) []byte {
	const (
		ones = 0x0101010101010101
		tops = ones << 7
	)
	n := copy(l[:], name)
	for at := 0; at < n; at += 8 {
		octets := binary.LittleEndian.Uint64(l[at:])
		// The top bit of an octet of each sum says that the octet, but for its own
		// top bit, is at least so much.
		low := octets &^ tops
		letters := (low + (0x80-'A')*ones) &^ (low + (0x80-'Z'-1)*ones) &^ octets & tops
		binary.LittleEndian.PutUint64(l[at:], octets|letters>>2)
	}
	return l[:n]
}

// hash returns the hash of the question that a message most likely asks, for
// foresee: the message has not been parsed. It is not ok where there is none.
func (k *kept) hash(msg []byte) (hash uint32, ok bool) {
	if k.own == nil || len(msg) < headerLen {
		return 0, false
	}
	end := questionEnd(msg)
	if end == 0 {
		return 0, false
	}
	q := cache.Question{
		Name: k.name.set(msg[headerLen : end-4]),
		Type: rr.Type(binary.BigEndian.Uint16(msg[end-4:])),
		DO:   len(msg) >= end+optFixedLen && msg[end+7]&0x80 != 0,
	}
	return k.own.Hash(&q, k.inputs.Routing), true
}

// foresee makes the answers to the questions with these hashes quicker to get.
func (k *kept) foresee(hashes []uint32) {
	if k.own != nil {
		k.own.Foresee(hashes)
	}
}
