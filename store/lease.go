package store

import (
	"context"
	"time"
)

// metaLease is before the name of a lease in the keys of TableMeta.
const metaLease = "lease/"

const maxHolder = 64 // octets

// TakeLease makes holder the one who has a lease until so long from now, or makes it
// be held for longer. It reports false where another has it. Whose clock is ahead may
// take it too soon: a lease keeps two from doing the same work, not from doing it at
// the same time. ErrInvalid where the name or the holder is empty or too long.
func (s *Store) TakeLease(ctx context.Context, name, holder string, long time.Duration) (held bool, err error) {
	if name == "" || len(name) > maxGuestName || holder == "" || len(holder) > maxHolder {
		return false, fail(ErrInvalid, "lease %q of %q", name, holder)
	}
	key := metaLease + name
	err = s.commit(ctx, 1, func(ctx context.Context, t *tx) error {
		held = false
		if err := t.guard(ctx, TableMeta, key); err != nil {
			return err
		}
		row, err := t.get(ctx, TableMeta, key)
		if err != nil {
			return err
		}
		if row != nil {
			by, until, err := decodeLease([]byte(key), row)
			if err != nil {
				return err
			}
			if by != holder && t.now.Before(until) {
				return nil
			}
			if by == holder && until.Sub(t.now) > long/2 {
				held = true // for long enough: not every look is a write
				return nil
			}
		}
		held = true
		t.put(TableMeta, key, encodeLease(holder, t.now.Add(long)))
		return nil
	})
	return held && err == nil, err
}

func encodeLease(holder string, until time.Time) []byte {
	return appendTime(appendString([]byte{formVersion}, holder), until)
}

func decodeLease(key, row []byte) (holder string, until time.Time, err error) {
	d := decode(row)
	holder, until = d.string(maxHolder), d.time()
	if err := d.end(); err != nil {
		return "", time.Time{}, corrupt(TableMeta, key, err)
	}
	return holder, until, nil
}
