// Package guestlog keeps what guests said and how they failed lately, for the authors
// of guests to read and to follow.
//
// Start with [New]; a resolver is given the [Journal], which is told of everything that
// the resolver's limits let through. What is kept is bounded for each guest and in all:
// the oldest makes room. Nothing is written to a disk.
//
// A Journal is safe for concurrent use. Whoever reads waits for nobody: one who is slow
// misses what was dropped meanwhile, and is told how much that was.
package guestlog

import (
	"container/list"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/namelet/namelet/internal/resolve"
)

// Bounds says how much a Journal keeps. Bytes count the texts of an entry, and some for
// the entry itself.
type Bounds struct {
	Entries int // of one guest
	Bytes   int // of one guest
	All     int // bytes of all guests
}

// DefaultBounds are those of a server.
var DefaultBounds = Bounds{Entries: 1000, Bytes: 256 << 10, All: 8 << 20}

// entryBytes is what an entry takes beside its texts.
const entryBytes = 512

// Entry is a note that was kept. It is not changed any more.
type Entry struct {
	ID      uint64 // greater than those of all entries before, of this process and, by the clock, of those before it
	Time    time.Time
	Guest   string // without the version
	Version uint64
	resolve.Note

	ordinal uint64 // of the guest's entries, from 1
}

// Journal keeps entries.
type Journal struct {
	bounds Bounds

	mu     sync.Mutex
	last   uint64 // ID of the newest entry
	bytes  int
	all    list.List         // of *kept, the oldest first
	guests map[string]*pages // of every guest that was ever noted
	news   chan struct{}     // closed at the next note; nil where nobody waits
}

// pages are the entries of one guest.
type pages struct {
	entries list.List // of *kept, the oldest first
	bytes   int
	noted   uint64
}

// kept is an entry with where it is.
type kept struct {
	Entry
	size         int
	pages        *pages
	inAll, inOwn *list.Element
}

// New makes a Journal.
func New(b Bounds) *Journal {
	return &Journal{bounds: b, guests: map[string]*pages{}, last: uint64(time.Now().UnixMicro())}
}

// Note keeps a note. It implements resolve.Journal.
func (j *Journal) Note(n resolve.Note) {
	k := &kept{Entry: Entry{Time: time.Now(), Note: n}, size: size(&n)}
	var number string
	k.Guest, number, _ = strings.Cut(n.Label, "@")
	k.Version, _ = strconv.ParseUint(number, 10, 64) // 0 for a label without one
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.guests[k.Guest]
	if p == nil {
		p = &pages{}
		j.guests[k.Guest] = p
	}
	j.last++
	p.noted++
	k.ID, k.ordinal, k.pages = j.last, p.noted, p
	k.inAll, k.inOwn = j.all.PushBack(k), p.entries.PushBack(k)
	p.bytes += k.size
	j.bytes += k.size
	for p.entries.Len() > j.bounds.Entries || p.bytes > j.bounds.Bytes {
		j.drop(p.entries.Front().Value.(*kept))
	}
	for j.bytes > j.bounds.All {
		j.drop(j.all.Front().Value.(*kept))
	}
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
}

// size is what a note counts for.
func size(n *resolve.Note) int {
	sum := entryBytes + len(n.Line)
	if f := n.Failure; f != nil {
		sum += len(f.Message) + len(f.Output)
		for _, function := range f.Stack {
			sum += len(function)
		}
	}
	return sum
}

// drop forgets an entry.
func (j *Journal) drop(k *kept) {
	j.all.Remove(k.inAll)
	k.pages.entries.Remove(k.inOwn)
	k.pages.bytes -= k.size
	j.bytes -= k.size
}

// Reader reads the entries of one guest in their order. One goroutine uses it.
type Reader struct {
	journal *Journal
	guest   string
	after   uint64 // ID of the last one that was read
	ordinal uint64 // of that; 0 before the first
}

// Read makes a Reader of the entries with IDs above after.
func (j *Journal) Read(guest string, after uint64) *Reader {
	return &Reader{journal: j, guest: guest, after: after}
}

// Next returns what is there to read, and how many entries were dropped before they
// could be read, since the last that was. It does not wait.
func (r *Reader) Next() (entries []*Entry, lost uint64) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	p := r.journal.guests[r.guest]
	if p == nil {
		return nil, 0
	}
	for at := p.entries.Back(); at != nil && at.Value.(*kept).ID > r.after; at = at.Prev() {
		entries = append(entries, &at.Value.(*kept).Entry)
	}
	if len(entries) == 0 {
		return nil, 0
	}
	slices.Reverse(entries)
	if r.ordinal > 0 {
		lost = entries[0].ordinal - r.ordinal - 1
	}
	last := entries[len(entries)-1]
	r.after, r.ordinal = last.ID, last.ordinal
	return entries, lost
}

// Wait waits until Next has something to return. The error is that of ctx.
func (r *Reader) Wait(ctx context.Context) error {
	for {
		news, ready := r.news()
		if ready {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// news reports whether there is something to read, and else gives what is closed at
// the next note.
func (r *Reader) news() (news <-chan struct{}, ready bool) {
	j := r.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if p := j.guests[r.guest]; p != nil && p.entries.Len() > 0 && p.entries.Back().Value.(*kept).ID > r.after {
		return nil, true
	}
	if j.news == nil {
		j.news = make(chan struct{})
	}
	return j.news, false
}
