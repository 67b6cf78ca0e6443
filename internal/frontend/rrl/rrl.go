// Package rrl limits the rate of responses to one client prefix, so that a server
// is of no use to somebody who forges the addresses of others.
//
// Start with [New]. [Limiter.Take] is asked before each response over UDP, with
// an [Account] that says what kind of response it is and what it is about. Who is
// exempt for other reasons, such as a cookie, is for the caller to know.
//
// A Limiter is safe for concurrent use. Take neither allocates nor locks.
package rrl

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// Prefixes that count as one client: what one network is usually given.
const (
	clientBits4 = 24
	clientBits6 = 56
)

// Bounds of a Config.
const (
	MaxRate = 250_000
	MaxSlip = 10
)

// Config says how much a client prefix gets.
type Config struct {
	// Rate is how many responses of one Account a client prefix gets in a second,
	// at most MaxRate; 0 for no such limit.
	Rate int

	// PrefixRate is how many responses of all Accounts together a client prefix
	// gets in a second, at most MaxRate; 0 for no such limit.
	PrefixRate int

	// Slip lets every n-th response beyond the limit go out truncated, so that a
	// client whose address is forged can come back by TCP; 0 for none, 1 for each,
	// at most MaxSlip.
	Slip int

	// Exempt are networks without a limit.
	Exempt []netip.Prefix
}

// ErrConfig is the error of a Config with a value outside its range.
var ErrConfig = errors.New("rrl: bad configuration")

// Action is what becomes of a response.
type Action uint8

const (
	Send     Action = iota // it goes out
	Drop                   // nothing goes out
	Truncate               // something short goes out
)

// Limiter counts responses. Its memory is fixed: a mebibyte.
type Limiter struct {
	config Config
	seeds  [3]uint64
	sets   []set
}

const (
	ways = 8       // entries of a set, which is one cache line
	sets = 1 << 14 // a power of two
)

// set is what the counts of a key may stand in.
type set [ways]atomic.Uint64

// New makes a Limiter, nil where the configuration sets no limit. The error wraps
// ErrConfig.
func New(config Config) (*Limiter, error) {
	switch {
	case config.Rate < 0 || config.Rate > MaxRate:
		return nil, fmt.Errorf("%w: rate is %d, want 0 to %d", ErrConfig, config.Rate, MaxRate)
	case config.PrefixRate < 0 || config.PrefixRate > MaxRate:
		return nil, fmt.Errorf("%w: rate of a prefix is %d, want 0 to %d", ErrConfig, config.PrefixRate, MaxRate)
	case config.Slip < 0 || config.Slip > MaxSlip:
		return nil, fmt.Errorf("%w: slip is %d, want 0 to %d", ErrConfig, config.Slip, MaxSlip)
	case config.Rate == 0 && config.PrefixRate == 0:
		return nil, nil
	}
	return &Limiter{
		config: config,
		seeds:  [3]uint64{rand.Uint64(), rand.Uint64() | 1, rand.Uint64() | 1},
		sets:   make([]set, sets),
	}, nil
}

// Take decides on a response of account a to client at the time now, which is
// since any fixed moment. A mapped IPv4 address has been unmapped.
func (l *Limiter) Take(client netip.Addr, a Account, now time.Duration) Action {
	prefix, at := prefixOf(client), tick(now)
	action := Send
	if l.config.Rate > 0 {
		action = l.count(l.key(prefix, uint64(a)), uint64(l.config.Rate), at)
	}
	if action == Send && l.config.PrefixRate > 0 {
		action = l.count(l.key(prefix, 0), uint64(l.config.PrefixRate), at)
	}
	if action != Send && l.exempt(client) {
		return Send
	}
	return action
}

// exempt is asked only about clients that are over a limit: what it costs to
// count the others is less than to look each of them up.
func (l *Limiter) exempt(client netip.Addr) bool {
	for _, p := range l.config.Exempt {
		if p.Contains(client) {
			return true
		}
	}
	return false
}

// prefixOf returns a client's prefix as a number; those of the two families
// differ.
func prefixOf(client netip.Addr) uint64 {
	if client.Is4() {
		a := client.As4()
		return 1<<63 | uint64(a[0])<<16 | uint64(a[1])<<8 | uint64(a[2])
	}
	a := client.As16()
	p := uint64(0)
	for _, octet := range a[:clientBits6/8] {
		p = p<<8 | uint64(octet)
	}
	return p
}

// key mixes a prefix and an account. The seeds are the process's own, so that
// nobody can tell which keys meet.
func (l *Limiter) key(prefix, account uint64) uint64 {
	hi, lo := bits.Mul64(prefix^l.seeds[0], l.seeds[1])
	hi, lo = bits.Mul64(hi^lo^account, l.seeds[2])
	return hi ^ lo
}

// An entry counts the responses to one key within a second that began with the
// first of them. From the top: a tag, which is part of the key; how many
// responses beyond the limit were dropped since one was not; the count; and the
// tick at which the second began. Ticks go round after four and a half hours: an
// entry that old may, once in 16,000 times, be taken for one of the last second.
const (
	tickBits  = 20
	countBits = 18
	slipBits  = 4
	tagShift  = tickBits + countBits + slipBits
	slipShift = tickBits + countBits

	ticksASecond = 64
	tickMask     = 1<<tickBits - 1
	countMask    = 1<<countBits - 1
	slipMask     = 1<<slipBits - 1
)

func tick(now time.Duration) uint64 {
	return uint64(now) / uint64(time.Second/ticksASecond) & tickMask
}

// live reports whether an entry's second is not over.
func live(entry, at uint64) bool {
	return entry != 0 && (at-entry)&tickMask < ticksASecond
}

// count counts one response to a key, if that is within the limit.
func (l *Limiter) count(key, limit, at uint64) Action {
	s := &l.sets[key%sets]
	tag := key >> tagShift
	for {
		entry := s.find(key, tag, at)
		old := entry.Load()
		next, action := l.next(old, tag, limit, at)
		if entry.CompareAndSwap(old, next) {
			return action
		}
	}
}

// next returns what an entry becomes by one more response.
func (l *Limiter) next(old, tag, limit, at uint64) (next uint64, action Action) {
	if !live(old, at) {
		slip := uint64(0)
		if old>>tagShift == tag {
			slip = old >> slipShift & slipMask
		}
		return tag<<tagShift | slip<<slipShift | 1<<tickBits | at, Send
	}
	if old>>tickBits&countMask < limit {
		return old + 1<<tickBits, Send
	}
	if l.config.Slip == 0 {
		return old, Drop
	}
	slip := old>>slipShift&slipMask + 1
	if slip >= uint64(l.config.Slip) {
		slip, action = 0, Truncate
	} else {
		action = Drop
	}
	return old&^(slipMask<<slipShift) | slip<<slipShift, action
}

// find returns the entry of a key: its own, else one whose second is over. Where
// there is neither, the key shares the entry of another: so no flood of addresses
// can push out what is counted of one, and the limit errs to the strict side.
func (s *set) find(key, tag, at uint64) *atomic.Uint64 {
	var free *atomic.Uint64
	for i := range s {
		switch entry := s[i].Load(); {
		case entry>>tagShift == tag && entry != 0:
			return &s[i]
		case free == nil && !live(entry, at):
			free = &s[i]
		}
	}
	if free != nil {
		return free
	}
	return &s[key/sets%ways]
}
