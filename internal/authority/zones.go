package authority

import (
	"iter"
	"maps"

	"github.com/namelet/namelet/rr"
)

// Zone is a served zone.
type Zone struct {
	Apex     rr.Name
	Private  bool      // looked up by guests only: never found by a question
	Expired  bool      // not served for now, since its data may be too old; Snapshot is nil
	Direct   bool      // its guests see the client that sent the question, whomever it says it asks for
	Snapshot *Snapshot // nil while the zone's data are not at hand: it is answered with SERVFAIL
	Source   Source    // of a zone that is not held, in the place of the Snapshot
}

// Zones is the set of served zones. It is never changed: [Zones.With] and
// [Zones.Without] derive another, at the cost of one of its shards. The zero
// Zones is empty.
type Zones struct {
	shards [zoneShards]map[string]*Zone // by apex in lower-case wire form
	count  int
	deep   int // the most labels an apex has, or ever had
	names  *zoneNames
}

// zoneNames stands for which zones are served, and which of them are private or
// direct. Its address is its meaning.
type zoneNames struct{ _ byte }

// SameNames reports whether o was derived from z, or z from o, without a change of
// which zones are served and which of them are private or direct: a question that
// goes to one of z's zones goes to the same one of o's, from the same client.
func (z *Zones) SameNames(o *Zones) bool { return z.names == o.names && (z.names != nil || z == o) }

const zoneShards = 256

// NewZones makes the set of the given zones. Of two with one apex the later
// counts.
func NewZones(zones []*Zone) *Zones {
	z := &Zones{names: new(zoneNames)}
	for _, zone := range zones {
		key, shard := apexKey(zone.Apex)
		if z.shards[shard] == nil {
			z.shards[shard] = make(map[string]*Zone)
		}
		z.put(key, shard, zone)
	}
	return z
}

func (z *Zones) put(key string, shard int, zone *Zone) {
	if _, ok := z.shards[shard][key]; !ok {
		z.count++
	}
	z.shards[shard][key] = zone
	z.deep = max(z.deep, zone.Apex.Labels())
}

// With returns the set with zone in it, in the place of one of the same apex.
func (z *Zones) With(zone *Zone) *Zones {
	next := *z
	key, shard := apexKey(zone.Apex)
	if next.shards[shard] = maps.Clone(next.shards[shard]); next.shards[shard] == nil {
		next.shards[shard] = make(map[string]*Zone)
	}
	if old := next.shards[shard][key]; old == nil || old.Private != zone.Private || old.Direct != zone.Direct {
		next.names = new(zoneNames)
	}
	next.put(key, shard, zone)
	return &next
}

// Without returns the set without the zone of that apex.
func (z *Zones) Without(apex rr.Name) *Zones {
	key, shard := apexKey(apex)
	if _, ok := z.shards[shard][key]; !ok {
		return z
	}
	next := *z
	next.names = new(zoneNames)
	next.shards[shard] = maps.Clone(next.shards[shard])
	delete(next.shards[shard], key)
	next.count--
	return &next
}

// Len counts the zones.
func (z *Zones) Len() int { return z.count }

// All yields the zones in no order.
func (z *Zones) All() iter.Seq[*Zone] {
	return func(yield func(*Zone) bool) {
		for _, shard := range z.shards {
			for _, zone := range shard {
				if !yield(zone) {
					return
				}
			}
		}
	}
}

// Get returns the zone of exactly that apex, private or not, or nil.
func (z *Zones) Get(apex rr.Name) *Zone {
	var buf [rr.MaxNameLen]byte
	key := apex.AppendLower(buf[:0])
	return z.shards[shardOf(key)][string(key)]
}

// Find returns the zone, private ones aside, whose apex is the closest ancestor
// of a name or the name itself; nil where there is none.
func (z *Zones) Find(name rr.Name) *Zone {
	if name.IsZero() {
		return nil
	}
	var buf [rr.MaxNameLen]byte
	key := name.AppendLower(buf[:0])
	var starts, hashes [rr.MaxNameLen/2 + 1]uint8
	count := 0
	for i := 0; ; i += 1 + int(key[i]) {
		starts[count] = uint8(i)
		count++
		if key[i] == 0 {
			break
		}
	}
	hash, at := hashStart, len(key)
	for i := count - 1; i >= 0; i-- {
		for start := int(starts[i]); at > start; {
			at--
			hash = hashed(hash, key[at])
		}
		hashes[i] = uint8(hash % zoneShards)
	}
	for i := max(0, count-1-z.deep); i < count; i++ {
		if zone := z.shards[hashes[i]][string(key[starts[i]:])]; zone != nil && !zone.Private {
			return zone
		}
	}
	return nil
}

// apexKey returns the key of an apex and the shard it is in.
func apexKey(apex rr.Name) (key string, shard int) {
	key = apex.Lower().Wire()
	return key, shardOf(key)
}

// shardOf returns the shard of an apex in lower-case wire form.
func shardOf[T string | []byte](key T) int {
	hash := hashStart
	for i := len(key) - 1; i >= 0; i-- {
		hash = hashed(hash, key[i])
	}
	return int(hash % zoneShards)
}

// Names are hashed (FNV-1a) from their ends, so that one pass over a name gives
// the hashes of all its ancestors.
const hashStart uint32 = 2166136261

func hashed(hash uint32, c byte) uint32 { return (hash ^ uint32(c)) * 16777619 }
