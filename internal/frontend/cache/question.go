package cache

import (
	"encoding/binary"
	"net/netip"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// Question is what answers are kept under.
type Question struct {
	Name []byte // in wire form, in lower case
	Type rr.Type
	DO   bool
}

// Inputs are the values of what guests may ask for, for one query.
type Inputs struct {
	Routing   uint64       // resolve.Resolver.Generation, read after the query came in
	Client    netip.Prefix // resolve.Client.Known
	Source    netip.Prefix // resolve.Client.Source
	Now       int64        // seconds since 1970
	Transport hostabi.Transport
	Seed      uint64 // of the draws; the same is to be given to the resolver in case of a miss
}

// Keys begin with what they are, so that no question is taken for a branch.
const (
	tagQuestion = iota
	tagQuestionDO
	tagBranch

	keyRoom = 4 + rr.MaxNameLen + 8
)

// appendKey appends the key of a question's root.
func (q *Question) appendKey(dst []byte) []byte {
	tag := byte(tagQuestion)
	if q.DO {
		tag = tagQuestionDO
	}
	return append(append(dst, tag, byte(q.Type>>8), byte(q.Type)), q.Name...)
}

// appendKey appends the key of what comes after a node in this query. picks counts
// the draws on the way.
func (in *Inputs) appendKey(dst []byte, q *Question, n inner, picks *int) []byte {
	if prefix, ok := in.prefix(n); ok {
		return appendBranch(appendID(dst, n.id()), prefix)
	}
	value := in.value(q, n, *picks)
	if n.input() == resolve.InputPick {
		*picks++
	}
	return binary.LittleEndian.AppendUint64(appendID(dst, n.id()), uint64(value))
}

// value gives the value of an input that is not the client, after so many draws.
func (in *Inputs) value(q *Question, n inner, picks int) int64 {
	switch n.input() {
	case resolve.InputNow:
		return in.Now - in.Now%n.arg()
	case resolve.InputBefore:
		if in.Now < n.arg() {
			return 1
		}
	case resolve.InputPick:
		return int64(resolve.Draw(in.Seed, picks, int(n.arg())))
	case resolve.InputTransport:
		return int64(in.Transport)
	case resolve.InputRelease:
		return resolve.Release(n.arg(), q.Name, in.Source.Addr())
	}
	return 0
}

// prefix gives as much of the client's address as a node asks for and as is known.
// It is not ok where the node asks for something else.
func (in *Inputs) prefix(n inner) (p netip.Prefix, ok bool) {
	client := in.Client
	switch n.input() {
	case resolve.InputClient:
	case resolve.InputSource:
		client = in.Source
	default:
		return p, false
	}
	asked := n.v6()
	if client.Addr().Is4() {
		asked = n.v4()
	}
	return netip.PrefixFrom(client.Addr(), min(asked, client.Bits())).Masked(), true
}

// appendChild appends the same key for an input with the value that it had.
func appendChild(dst []byte, id uint64, in *resolve.Input) []byte {
	dst = appendID(dst, id)
	if in.Kind == resolve.InputClient || in.Kind == resolve.InputSource {
		return appendBranch(dst, in.Prefix)
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(in.Value))
}

func appendID(dst []byte, id uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, tagBranch), id)
}

// appendBranch appends the value of a client's prefix: its family and length, and
// the address.
func appendBranch(dst []byte, p netip.Prefix) []byte {
	addr := p.Addr().As16()
	family := byte(6)
	if p.Addr().Is4() {
		family = 4
	}
	return append(append(dst, family, byte(p.Bits())), addr[:]...)
}
