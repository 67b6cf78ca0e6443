package rrl

import (
	"hash/maphash"

	"github.com/namelet/namelet/rr"
)

// Account says what responses are counted together: those of one kind, about one
// name. The zero Account is none.
type Account uint64

// Kind is what a response says.
type Kind uint8

const (
	Answer      Kind = iota + 1 // data of a name that exists; the name is its own
	Synthesised                 // data that a wildcard or a guest made up; the name is the zone's, since such names are without end
	NoData                      // the name is the zone's
	NXDomain                    // the name is the zone's
	Referral                    // the name is the zone's
	Error                       // no name
)

const kindBits = 3

var seed = maphash.MakeSeed()

// About makes the Account of a kind and a name, whatever its letter case. The
// zero Name stands for all of that kind.
func About(k Kind, name rr.Name) Account {
	if name.IsZero() {
		return Account(k)
	}
	var buf [rr.MaxNameLen]byte
	folded := name.AppendWire(buf[:0])
	for i := range folded {
		folded[i] |= 0x20 // coarse: a few names that differ share an account
	}
	hash := maphash.Bytes(seed, folded)
	return Account(hash<<kindBits | uint64(k))
}
