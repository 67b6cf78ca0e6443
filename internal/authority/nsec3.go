package authority

import (
	"crypto/sha1"
	"encoding/base32"

	"github.com/namelet/namelet/rr"
)

// nsec3Chain is denial by hashed names (RFC 5155), with the parameters of the
// chain that is served. The zone's NSEC3 sets are ordered by their labels, which
// in base32hex is the order of the hashes.
type nsec3Chain struct {
	params string // of NSEC3 rdata: salt behind its length
	rounds int    // additional iterations
}

// maxRounds bounds the hashing that a zone can ask of a server for one answer.
// RFC 9276 section 3.1 has it at 0; validators stop believing above 100 or 150.
const maxRounds = 150

// newNSEC3Chain reads NSEC3PARAM rdata (RFC 5155 section 4.2); false where it is
// not for servers to use, or asks for what is not known here or too much.
func newNSEC3Chain(data rr.Rdata) (nsec3Chain, bool) {
	const sha1Algorithm, noFlags = 1, 0
	if len(data) < 5 || data[0] != sha1Algorithm || data[1] != noFlags || len(data) != 5+int(data[4]) {
		return nsec3Chain{}, false
	}
	c := nsec3Chain{params: data[4:], rounds: int(data[2])<<8 | int(data[3])}
	return c, c.rounds <= maxRounds
}

// hashLabel is the label of a hash: base32hex without padding.
type hashLabel [32]byte

// hash hashes a name, or label.name where a label is given (RFC 5155 section 5).
func (c nsec3Chain) hash(name rr.Name, label string) (out hashLabel) {
	var buf [2*rr.MaxNameLen + 2]byte
	in := buf[:0]
	if label != "" {
		in = append(append(in, byte(len(label))), label...)
	}
	in = append(name.AppendLower(in), c.params[1:]...)
	sum := sha1.Sum(in)
	for range c.rounds {
		in = append(append(buf[:0], sum[:]...), c.params[1:]...)
		sum = sha1.Sum(in)
	}
	base32.HexEncoding.Encode(out[:], sum[:]) // 20 octets need no padding
	return out
}

// match returns the NSEC3 of a name, or nil.
func (c nsec3Chain) match(s *Snapshot, name rr.Name, label string) *node {
	hash := c.hash(name, label)
	if n := s.hashed.find(string(hash[:])); n != nil && c.owns(n) {
		return n
	}
	return nil
}

// cover returns the NSEC3 that covers a name, or matches it: the last one not
// after its hash, the last of all where there is none (the chain is a circle).
func (c nsec3Chain) cover(s *Snapshot, name rr.Name, label string) *node {
	hash := c.hash(name, label)
	if n := s.hashed.find(string(hash[:])); n != nil && c.owns(n) {
		return n
	}
	pick := func(n *node) *node {
		if c.owns(n) {
			return n
		}
		return nil
	}
	if n := s.hashed.lastBefore(string(hash[:]), pick); n != nil {
		return n
	}
	return s.hashed.last(pick)
}

// owns reports whether an NSEC3 is of this chain: a zone that changes its
// parameters has two for a while.
func (c nsec3Chain) owns(n *node) bool {
	data := n.sets[0].data[0]
	return len(data) >= 4+len(c.params) && data[0] == 1 && int(data[2])<<8|int(data[3]) == c.rounds &&
		data[4:4+len(c.params)] == c.params
}

func (c nsec3Chain) add(s *Snapshot, n *node, a *Answer) {
	if nsec3 := &n.sets[0]; !holds(a.Authority, n.name, nsec3) {
		a.Authority = s.append(a.Authority, n.name, nsec3, true)
	}
}

// proveEncloser is the closest encloser proof (RFC 5155 section 7.2.1): the NSEC3
// of the closest ancestor of name that has one, from above on, and one that
// covers the next closer name. With opt-out that ancestor may be further up than
// the closest encloser. It returns the ancestor.
func (c nsec3Chain) proveEncloser(s *Snapshot, name, above rr.Name, a *Answer) rr.Name {
	for {
		if n := c.match(s, above, ""); n != nil {
			c.add(s, n, a)
			c.add(s, c.cover(s, name.Suffix(above.Labels()+1), ""), a)
			return above
		}
		above, _ = above.Parent() // ends at the apex: chooseDenial found its NSEC3
	}
}

// noName is RFC 5155 section 7.2.2.
func (c nsec3Chain) noName(s *Snapshot, name rr.Name, p Place, a *Answer) {
	encloser := c.proveEncloser(s, name, p.encloser.name, a)
	c.add(s, c.cover(s, encloser, asterisk), a)
}

// noType is RFC 5155 sections 7.2.3 and 7.2.4, and 7.2.5 for a wildcard.
func (c nsec3Chain) noType(s *Snapshot, name rr.Name, p Place, a *Answer) {
	if p.Kind == PlaceWildcard {
		encloser := c.proveEncloser(s, name, p.encloser.name, a)
		c.add(s, c.cover(s, encloser, asterisk), a)
		return
	}
	c.matchOrOptOut(s, name, a)
}

// closer is RFC 5155 section 7.2.6.
func (c nsec3Chain) closer(s *Snapshot, name rr.Name, p Place, a *Answer) {
	c.add(s, c.cover(s, name.Suffix(p.encloser.name.Labels()+1), ""), a)
}

// noDS is RFC 5155 section 7.2.7.
func (c nsec3Chain) noDS(s *Snapshot, cut *node, a *Answer) {
	c.matchOrOptOut(s, cut.name, a)
}

// matchOrOptOut adds the NSEC3 of a name that exists; where it has none because
// of opt-out, the proof that it lies in such a span.
func (c nsec3Chain) matchOrOptOut(s *Snapshot, name rr.Name, a *Answer) {
	if n := c.match(s, name, ""); n != nil {
		c.add(s, n, a)
		return
	}
	if above, ok := name.Parent(); ok {
		c.proveEncloser(s, name, above, a)
	}
}
