package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
)

// A row of TableSets has the key
//
//	zone key, 00, incarnation (8 octets), owner, 00, type (2), [covered type (2)]
//
// where owner is the owner's key without the zone's in front. No label's key
// begins with 00, so the rows are in canonical order of owner, then by type.
// The RRSIGs at an owner are one row for each type they cover, because their
// TTLs are those of the covered sets (RFC 4034 section 3).
//
// From owner on, the key is called the set's key below.

// MaxSetBytes bounds what the records of an RRset take in a message, where each
// has recordHead octets before its rdata, the owner name compressed: a set that
// no message can hold could never be answered.
const (
	MaxSetBytes = 65000
	recordHead  = 12
)

// setRow is an RRset as it is kept.
type setRow struct {
	key   string // from owner on
	value []byte
}

func setPrefix(zone rr.Key, incarnation uint64) string {
	return string(appendBig64(append([]byte(zone), 0), incarnation))
}

// ownerRange is the rows of one owner, below setPrefix.
func ownerRange(prefix, owner string) Range {
	return Range{prefix + owner + "\x00", prefix + owner + "\x01"}
}

func setKey(owner string, t, covered rr.Type) string {
	b := append(append(make([]byte, 0, len(owner)+5), owner...), 0)
	b = binary.BigEndian.AppendUint16(b, uint16(t))
	if t == rr.TypeRRSIG {
		b = binary.BigEndian.AppendUint16(b, uint16(covered))
	}
	return string(b)
}

// splitSetKey takes a set's key apart.
func splitSetKey(key string) (owner string, t, covered rr.Type, ok bool) {
	end := 0
	for end < len(key) && key[end] != 0 {
		n := strings.IndexByte(key[end:], 0)
		if n < 0 {
			return "", 0, 0, false
		}
		end += n + 1
	}
	if len(key) < end+3 {
		return "", 0, 0, false
	}
	t = rr.Type(binary.BigEndian.Uint16([]byte(key[end+1:])))
	rest := key[end+3:]
	if t == rr.TypeRRSIG && len(rest) == 2 {
		return key[:end], t, rr.Type(rest[0])<<8 | rr.Type(rest[1]), true
	}
	return key[:end], t, 0, t != rr.TypeRRSIG && rest == ""
}

// encodeSet makes the value of a row: the name only where it has capitals,
// which its key has lost.
func encodeSet(s rr.Set) []byte {
	size := 16
	for _, data := range s.Data {
		size += 3 + len(data)
	}
	named := s.Name.Lower() != s.Name
	b := appendBools(append(make([]byte, 0, size), formVersion), named)
	b = appendUint(b, uint64(s.TTL))
	if named {
		b = appendString(b, s.Name.Wire())
	}
	b = appendUint(b, uint64(len(s.Data)))
	for _, data := range s.Data {
		b = appendString(b, data)
	}
	return b
}

// decodeSet is the way back; key is the set's key and zone its zone's.
func decodeSet(zone rr.Key, key string, value []byte) (rr.Set, error) {
	owner, t, _, ok := splitSetKey(key)
	if !ok {
		return rr.Set{}, errors.New("key is malformed")
	}
	d := decode(value)
	named := d.bools(1) != 0
	s := rr.Set{Type: t, TTL: uint32(d.uint(rr.MaxTTL))}
	if named {
		s.Name = d.name()
	}
	n := d.count(1)
	s.Data = make([]rr.Rdata, 0, n)
	for range n {
		s.Data = append(s.Data, d.string(65535))
	}
	if err := d.end(); err != nil {
		return rr.Set{}, err
	}
	if len(s.Data) == 0 {
		return rr.Set{}, errors.New("RRset is empty")
	}
	full := zone + rr.Key(owner)
	if named {
		if s.Name.IsZero() || s.Name.Key() != full {
			return rr.Set{}, errors.New("owner name is not that of the key")
		}
		return s, nil
	}
	var err error
	s.Name, err = full.Name()
	return s, err
}

// rowsOf checks a set for itself and makes its rows: one, but for RRSIGs of
// several covered types. Rdata is put in order and doubles are dropped (RFC 2181
// section 5), so equal sets have equal rows.
func rowsOf(zone rr.Name, s rr.Set) ([]setRow, error) {
	if err := checkSet(zone, s); err != nil {
		return nil, err
	}
	owner := string(s.Name.Key()[len(zone.Key()):])
	s.Data = slices.Compact(slices.Sorted(slices.Values(s.Data)))
	if s.Type != rr.TypeRRSIG {
		return []setRow{{setKey(owner, s.Type, 0), encodeSet(s)}}, nil
	}
	var rows []setRow
	for from := 0; from < len(s.Data); {
		covered, to := rr.Covered(s.Data[from]), from+1
		for to < len(s.Data) && rr.Covered(s.Data[to]) == covered {
			to++
		}
		one := s
		one.Data = s.Data[from:to]
		rows = append(rows, setRow{setKey(owner, s.Type, covered), encodeSet(one)})
		from = to
	}
	return rows, nil
}

// sortRows puts rows in order and joins those of one key: the records of both
// under the lesser TTL, the least of which an RRset takes.
func sortRows(zone rr.Key, rows []setRow) ([]setRow, error) {
	slices.SortStableFunc(rows, func(a, b setRow) int { return strings.Compare(a.key, b.key) })
	out := rows[:0]
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].key == rows[from].key {
			to++
		}
		row := rows[from]
		if to > from+1 {
			var err error
			if row, err = joinRows(zone, rows[from:to]); err != nil {
				return nil, err
			}
		}
		out = append(out, row)
		from = to
	}
	return out, nil
}

func joinRows(zone rr.Key, rows []setRow) (setRow, error) {
	var all rr.Set
	size := 0
	for i, row := range rows {
		s, err := decodeSet(zone, row.key, row.value)
		if err != nil {
			return setRow{}, fail(ErrInvalid, "%v", err)
		}
		if i == 0 {
			all = s
			continue
		}
		all.TTL = min(all.TTL, s.TTL)
		all.Data = append(all.Data, s.Data...)
	}
	slices.Sort(all.Data)
	all.Data = slices.Compact(all.Data)
	for _, data := range all.Data {
		size += recordHead + len(data)
	}
	switch {
	case size > MaxSetBytes:
		return setRow{}, fail(ErrTooLarge, "%v takes %d octets in a message, more than %d", all, size, MaxSetBytes)
	case single(all.Type) && len(all.Data) > 1:
		return setRow{}, singleError(all)
	}
	return setRow{rows[0].key, encodeSet(all)}, nil
}
