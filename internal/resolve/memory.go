package resolve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// errNoMemory is the failure of a question whose guest is not called, since the
// instances that run take all the memory that guests may have.
var errNoMemory = errors.New("resolve: the memory of all guests is in use")

// victimsKept is how many holders one look at all of them finds, and stayersKept how many that stay longer.
const (
	victimsKept = 64
	stayersKept = 4
)

// memory bounds what the instances of all guests take together with their code and
// their pictures. Each instance counts with all the memory that its guest has, though it
// shares with others what it did not write to. Where one more does not fit, those go that
// were asked the longest ago; they come back as copies of their guest's picture. Code goes
// as well, once the last instance that used it is gone. Pictures do not go.
//
// A call that finds its instance takes no lock of it.
type memory struct {
	most     int64        // 0 for no bound
	pictures func() int64 // bytes
	used     atomic.Int64 // by instances and code
	code     atomic.Int64 // of these by code
	evicted  atomic.Uint64
	unloaded atomic.Uint64 // code that made room
	loads    latency
	turns    chan *loadPace // taken by who loads code

	mu      sync.Mutex
	holders []holder
	victims []victim // of the last look, those asked the longest ago at the end
}

// holder has instances that may be evicted, or code.
type holder interface {
	tenant() *tenant
	// idle reports whether there may be something to evict.
	idle() bool
	// evict closes an instance that nobody uses, or lets go of code, and returns what
	// that gave back: 0 where there is none. It does not wait for a call to end.
	evict() int64
}

// tenant is a holder's part in the memory.
type tenant struct {
	at    int          // its index among the holders
	asked atomic.Int64 // when, in nanoseconds since started; 0 for never
	bytes atomic.Int64 // that it takes
	stays atomic.Int64 // nanoseconds for which it goes after others that were asked when it was, or before them
}

type victim struct {
	holder
	asked int64
}

// due orders victims: the least goes first.
func (v victim) due() int64 { return v.asked + v.tenant().stays.Load() }

// weight is what an instance counts with.
func weight(i Instance) int64 { return int64(i.MemoryBytes() + i.BesideBytes()) }

func (m *memory) join(h holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.tenant().at = len(m.holders)
	m.holders = append(m.holders, h)
}

// leave takes a holder out, whose instances are closed.
func (m *memory) leave(h holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, last := h.tenant().at, len(m.holders)-1
	if at > last || m.holders[at] != h {
		return // it never joined
	}
	m.holders[at] = m.holders[last]
	m.holders[at].tenant().at = at
	m.holders[last] = nil
	m.holders = m.holders[:last]
	m.victims = slices.DeleteFunc(m.victims, func(v victim) bool { return v.holder == h })
}

// charge counts more bytes of a holder, or fewer where they are negative. They are of an
// attachment's instances, or of code where that is nil.
func (m *memory) charge(a *Attachment, t *tenant, bytes int64) {
	t.bytes.Add(bytes)
	if a != nil {
		a.bytes.Add(bytes)
	}
	m.used.Add(bytes)
}

// leastLeft is the part of the memory that pictures leave to instances and code, however
// many there are: else no guest could answer.
const leastLeft = 4

// limit is what instances and code may take.
func (m *memory) limit() int64 { return max(m.most-m.pictures(), m.most/leastLeft) }

// free reports whether so many bytes more fit as it is.
func (m *memory) free(bytes int64) bool { return m.most == 0 || m.used.Load()+bytes <= m.limit() }

// room makes room for so many bytes more, and reports whether there is. Calls that
// run keep their instances.
func (m *memory) room(bytes int64) bool {
	if m.free(bytes) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for looks := 0; !m.free(bytes); {
		if len(m.victims) == 0 {
			if looks++; looks > 2 || !m.look(looks > 1) {
				return false
			}
		}
		last := len(m.victims) - 1
		v := m.victims[last]
		m.victims = m.victims[:last]
		if v.tenant().asked.Load() == v.asked && v.evict() > 0 {
			looks = 0
		}
	}
	return true
}

// look finds those that are due, and reports whether there are any. What stays longer is among them only where
// it is due before all others, and then no more than a few, or where all are wanted: there may be
// others by the time that its turn has come.
func (m *memory) look(every bool) bool {
	var all []victim
	for _, h := range m.holders {
		if t := h.tenant(); t.bytes.Load() > 0 && h.idle() {
			all = append(all, victim{h, t.asked.Load()})
		}
	}
	slices.SortFunc(all, func(a, b victim) int { return cmp.Compare(b.due(), a.due()) })
	if !every {
		all = all[len(all)-ahead(all):]
	}
	m.victims = append(m.victims[:0], all[max(0, len(all)-victimsKept):]...)
	return len(m.victims) > 0
}

// ahead is how many at the end of all go before the first that stays longer, or how many of these at the end do so.
func ahead(all []victim) (n int) {
	stays := func(n int) bool { return all[len(all)-1-n].tenant().stays.Load() > 0 }
	for n < len(all) && !stays(n) {
		n++
	}
	if n > 0 {
		return n
	}
	for n < min(len(all), stayersKept) && stays(n) {
		n++
	}
	return n
}

// Memory is what guests take.
type Memory struct {
	Used, Most int64   // bytes; Most is 0 for no bound
	Code       int64   // of Used, by code
	Pictures   int64   // of Used, by pictures
	Evicted    uint64  // instances that made room
	Unloaded   uint64  // code that made room
	Loads      Latency // of code that was loaded again
}

// Memory returns what all guests take now.
func (r *Resolver) Memory() Memory {
	m := &r.memory
	pictures := m.pictures()
	return Memory{
		Used: m.used.Load() + pictures, Most: m.most, Code: m.code.Load(), Pictures: pictures,
		Evicted: m.evicted.Load(), Unloaded: m.unloaded.Load(), Loads: m.loads.total(),
	}
}

// Held is what the instances of one attachment's guest take.
type Held struct {
	Instances int64
	Bytes     int64
	Evicted   uint64 // instances that made room for others
}

// Held returns what they take now.
func (a *Attachment) Held() Held {
	return Held{Instances: a.instances.Load(), Bytes: a.bytes.Load(), Evicted: a.evicted.Load()}
}

// idle implements holder.
func (s *slot) idle() bool { return true }

// evict implements holder.
func (s *slot) evict() int64 {
	freed := s.empty()
	if freed > 0 {
		s.attachment.evicted.Add(1)
		s.memory.evicted.Add(1)
	}
	return freed
}

// reserve holds instances made ahead of the Workers that will take them.
type reserve struct {
	attachment *Attachment
	memory     *memory
	tenancy    tenant

	mu        sync.Mutex
	instances []Instance
}

func (r *reserve) tenant() *tenant { return &r.tenancy }

// idle implements holder.
func (r *reserve) idle() bool { return true }

// evict implements holder.
func (r *reserve) evict() int64 {
	i := r.take()
	if i == nil {
		return 0
	}
	// What an instance does not give back when it closes is not to be had at all.
	_ = i.Close(context.Background())
	r.attachment.instances.Add(-1)
	r.attachment.evicted.Add(1)
	r.memory.evicted.Add(1)
	return weight(i)
}

func (r *reserve) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.instances)
}

// put keeps an instance, which counts from now on.
func (r *reserve) put(i Instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instances = append(r.instances, i)
	r.memory.charge(r.attachment, &r.tenancy, weight(i))
}

// take returns an instance, or nil where none was made ahead. It counts no more.
func (r *reserve) take() Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.instances)
	if n == 0 {
		return nil
	}
	i := r.instances[n-1]
	r.instances[n-1] = nil // what is behind the end is not to keep it
	r.instances = r.instances[:n-1]
	r.memory.charge(r.attachment, &r.tenancy, -weight(i))
	return i
}
