package store

import (
	"errors"
	"strings"

	"github.com/namelet/namelet/rr"
)

// checkRow holds a row against the form of its table, and against no other row.
// The error wraps ErrCorrupt.
func checkRow(t Table, key string, value []byte) error {
	var err error
	k := []byte(key)
	switch t {
	case TableMeta:
		return checkMeta(key, value)
	case TableZones:
		_, err = decodeZone(k, value)
	case TableSets:
		_, err = decodeSetRow(key, value)
	case TableJournal:
		return checkJournalRow(key, value)
	case TableRequests:
		_, err = decodeNumber(t, k, value)
	case TableBlobs:
		var size uint64
		if size, err = decodeNumber(t, k, value); err == nil && (len(key) != len(Digest{}) || size == 0 || size > MaxGuestBytes) {
			err = corruptWhy(t, k, "key or size is out of range")
		}
	case TableChunks:
		if len(key) != len(Digest{})+4 || len(value) == 0 || len(value) > chunkBytes {
			err = corruptWhy(t, k, "key or size is out of range")
		}
	case TableGuests:
		_, err = decodeGuest(k, value)
	case TableAttachments:
		_, err = decodeAttachment(k, value)
	case TableGarbage:
		_, err = decodeGarbage(k, value)
	case TableTokens:
		_, err = decodeToken(k, value)
	case TableAudit:
		_, err = decodeAudit(k, value)
	}
	return err
}

// checkMeta knows the rows of TableMeta that this release has.
func checkMeta(key string, value []byte) error {
	switch key {
	case metaStore:
		_, err := readIdentityRow(value)
		return err
	case metaCatalog, metaIncarnation:
		_, err := decodeNumber(TableMeta, []byte(key), value)
		return err
	}
	if strings.HasPrefix(key, metaLease) {
		_, _, err := decodeLease([]byte(key), value)
		return err
	}
	return nil
}

// decodeNumber reads a row that is one number.
func decodeNumber(t Table, key, row []byte) (uint64, error) {
	d := decode(row)
	n := d.uint(maxUint64)
	if err := d.end(); err != nil {
		return 0, corrupt(t, key, err)
	}
	return n, nil
}

// decodeSetRow reads a row of TableSets whose zone is known by its key alone.
func decodeSetRow(key string, value []byte) (rr.Set, error) {
	zone, _, owner, err := splitRowKey(key)
	if err == nil {
		var set rr.Set
		if set, err = decodeSet(zone, owner, value); err == nil {
			return set, nil
		}
	}
	return rr.Set{}, corrupt(TableSets, []byte(key), err)
}

var errRowKey = errors.New("key is malformed")

// splitRowKey takes the key of a row of TableSets apart: zone, incarnation, set's key.
func splitRowKey(key string) (zone rr.Key, incarnation uint64, set string, err error) {
	end, ok := nameEnd(key)
	if !ok || len(key) < end+9 {
		return "", 0, "", errRowKey
	}
	for _, c := range []byte(key[end+1 : end+9]) {
		incarnation = incarnation<<8 | uint64(c)
	}
	return rr.Key(key[:end]), incarnation, key[end+9:], nil
}

// nameEnd is where the key of a name, at the front, ends: at a 00 where a label
// would begin, since no label's key begins with that octet.
func nameEnd(key string) (end int, ok bool) {
	for end < len(key) && key[end] != 0 {
		for key[end] != 0 {
			if end++; end == len(key) {
				return 0, false
			}
		}
		end++
	}
	return end, end < len(key)
}

func checkJournalRow(key string, value []byte) error {
	end, ok := nameEnd(key)
	if !ok || len(key) != end+13 || len(value) == 0 || len(value) > journalPart {
		return corruptWhy(TableJournal, []byte(key), "key or size is out of range")
	}
	if key[end+9:] == "\x00\x00\x00\x00" {
		if _, d := decodeJournalHead(value); d.err != nil {
			return corrupt(TableJournal, []byte(key), d.err)
		}
	}
	return nil
}
