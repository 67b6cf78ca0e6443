package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// MaxGuestBytes bounds a guest's module. It is what the inspection of modules
// allows: nothing larger could be run.
const MaxGuestBytes = 8 << 20

const (
	chunkBytes   = 1 << 20
	maxGuestName = 64
)

// Digest is the SHA-256 of a guest's module, which is the key of its row in
// TableBlobs; with the chunk's number (4 octets) behind it, of its rows in
// TableChunks.
type Digest [sha256.Size]byte

// String returns 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// GuestVersion is a module under a guest's name. It is never changed; numbers
// begin at 1. Its row in TableGuests has the key: name, 00, number (8 octets).
type GuestVersion struct {
	Name    string
	Number  uint64
	Digest  Digest
	Size    int64 // of the module in octets
	Created time.Time
	Proof
}

// Proof is what was known of a module when it became a version.
type Proof struct {
	Report string // of its trial, in the form of whoever tried it; empty where nobody did
	Key    string // the identifier of the key that signed it; empty where none did

	// Signature is the one by Key, in the text form of minisign; empty where none did. It is kept so that who loads the
	// module need not take the store's word for it.
	Signature string
}

// Bounds of a Proof in octets.
const (
	maxGuestReport = 64 << 10
	maxGuestKey    = 64
	maxSignature   = 8 << 10
)

// Forms of a row in TableGuests: with a Proof at the end, and the newest, with its Signature.
const (
	guestProved = 2
	guestForm   = 3
)

func guestKey(name string, number uint64) string {
	return string(appendBig64(append([]byte(name), 0), number))
}

func encodeGuest(g GuestVersion) []byte {
	form := byte(formVersion)
	switch {
	case g.Signature != "":
		form = guestForm
	case g.Report != "" || g.Key != "":
		form = guestProved
	}
	b := appendString([]byte{form}, g.Digest[:])
	b = appendTime(appendUint(b, uint64(g.Size)), g.Created)
	if form >= guestProved {
		b = appendString(appendString(b, g.Report), g.Key)
	}
	if form >= guestForm {
		b = appendString(b, g.Signature)
	}
	return b
}

func decodeGuest(key, row []byte) (GuestVersion, error) {
	d, form := decodeForm(row, guestForm)
	var g GuestVersion
	copied := copy(g.Digest[:], d.string(len(g.Digest)))
	g.Size, g.Created = int64(d.uint(MaxGuestBytes)), d.time()
	if form >= guestProved {
		g.Report, g.Key = d.string(maxGuestReport), d.string(maxGuestKey)
	}
	if form >= guestForm {
		g.Signature = d.string(maxSignature)
	}
	if err := d.end(); err != nil {
		return g, corrupt(TableGuests, key, err)
	}
	i := bytes.IndexByte(key, 0)
	if copied != len(g.Digest) || i < 1 || len(key) != i+9 {
		return g, corruptWhy(TableGuests, key, "key or digest is malformed")
	}
	g.Name, g.Number = string(key[:i]), binary.BigEndian.Uint64(key[i+1:])
	return g, nil
}

// CheckGuestName refuses what is no name of a guest. ErrInvalid.
func CheckGuestName(name string) error { return checkGuestName(name) }

// checkGuestName allows letters in lower case, digits, and - _ . inside.
func checkGuestName(name string) error {
	ok := name != "" && len(name) <= maxGuestName
	for i, c := range []byte(name) {
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		inner := i > 0 && i < len(name)-1 && (c == '-' || c == '_' || c == '.')
		ok = ok && (alnum || inner)
	}
	if !ok {
		return fail(ErrInvalid, "guest name %q (want a-z 0-9, with - _ . inside, at most %d)", name, maxGuestName)
	}
	return nil
}

// PutGuest makes a module the newest version of a guest. Where it is so already
// that version is returned, so that a repetition is harmless. The bytes of one
// module are kept once, and old versions that nothing has are dropped, see
// Options. ErrInvalid, ErrTooLarge.
func (s *Store) PutGuest(ctx context.Context, name string, module []byte) (GuestVersion, error) {
	return s.PutProvedGuest(ctx, name, module, Proof{})
}

// PutProvedGuest is PutGuest of a module that something is known of, which is kept with the version. One that
// another key signed is another version.
func (s *Store) PutProvedGuest(ctx context.Context, name string, module []byte, proof Proof) (GuestVersion, error) {
	if err := checkGuestName(name); err != nil {
		return GuestVersion{}, err
	}
	switch {
	case len(module) == 0:
		return GuestVersion{}, fail(ErrInvalid, "guest %s: the module is empty", name)
	case len(module) > MaxGuestBytes:
		return GuestVersion{}, fail(ErrTooLarge, "guest %s: the module has %d octets, more than %d", name, len(module), MaxGuestBytes)
	case len(proof.Report) > maxGuestReport || len(proof.Key) > maxGuestKey || len(proof.Signature) > maxSignature:
		return GuestVersion{}, fail(ErrTooLarge, "guest %s: the report has more than %d octets, the key %d, or the signature %d", name, maxGuestReport, maxGuestKey, maxSignature)
	}
	digest := Digest(sha256.Sum256(module))
	var g GuestVersion
	err := s.commit(ctx, weight(4+pruneAtOnce*(2+MaxGuestBytes/chunkBytes), len(module)), func(ctx context.Context, t *tx) error {
		if err := t.guard(ctx, TableMeta, metaCatalog); err != nil {
			return err
		}
		latest, err := (&Snapshot{t}).lastGuest(ctx, name)
		if err != nil {
			return err
		}
		if latest.Number > 0 && latest.Digest == digest && latest.Key == proof.Key && (latest.Signature == "") == (proof.Signature == "") {
			g = latest
			return nil
		}
		if err := t.putBlob(ctx, digest, module); err != nil {
			return err
		}
		if _, err := t.count(ctx, metaCatalog); err != nil {
			return err
		}
		g = GuestVersion{Name: name, Number: latest.Number + 1, Digest: digest, Size: int64(len(module)), Created: t.now, Proof: proof}
		t.put(TableGuests, guestKey(name, g.Number), encodeGuest(g))
		t.announce(Event{Kind: EventGuest, Guest: name, Version: g.Number})
		return t.prune(ctx, g, s.versions)
	})
	return g, err
}

// putBlob writes a module in chunks, where it is not there.
func (t *tx) putBlob(ctx context.Context, digest Digest, module []byte) error {
	key := string(digest[:])
	had, err := t.get(ctx, TableBlobs, key)
	if err != nil || had != nil {
		return err
	}
	t.put(TableBlobs, key, appendUint([]byte{formVersion}, uint64(len(module))))
	for i := uint32(0); len(module) > 0; i++ {
		n := min(len(module), chunkBytes)
		t.bulk = append(t.bulk, Write{TableChunks, chunkKey(digest, i), module[:n:n]})
		module = module[n:]
	}
	return nil
}

func chunkKey(digest Digest, i uint32) string {
	return string(binary.BigEndian.AppendUint32(digest[:len(digest):len(digest)], i))
}

// LoadBlob returns a module, which is the caller's, and has made sure that it is
// the one of the digest. ErrNotFound, ErrCorrupt.
func (s *Snapshot) LoadBlob(ctx context.Context, digest Digest) ([]byte, error) {
	key := string(digest[:])
	row, err := s.get(ctx, TableBlobs, key)
	if err == nil && row == nil {
		return nil, fail(ErrNotFound, "module %v", digest)
	}
	if err != nil {
		return nil, err
	}
	d := decode(row)
	module := make([]byte, 0, d.uint(MaxGuestBytes))
	if err := d.end(); err != nil {
		return nil, corrupt(TableBlobs, []byte(key), err)
	}
	err = s.scan(ctx, TableChunks, []Range{{key, key + "\xff\xff\xff\xff\xff"}}, func(k, chunk []byte) error {
		if len(module)+len(chunk) > cap(module) {
			return corruptWhy(TableChunks, k, "chunk is beyond the module's size")
		}
		module = append(module, chunk...)
		return nil
	})
	if err == nil && sha256.Sum256(module) != digest {
		err = corruptWhy(TableBlobs, []byte(key), "chunks do not add up to the module")
	}
	if err != nil {
		return nil, err
	}
	return module, nil
}

// Guest returns a version of a guest; the newest for number 0. ErrNotFound.
func (s *Snapshot) Guest(ctx context.Context, name string, number uint64) (GuestVersion, error) {
	var g GuestVersion
	var err error
	if number == 0 {
		g, err = s.lastGuest(ctx, name)
	} else {
		key := guestKey(name, number)
		var row []byte
		if row, err = s.get(ctx, TableGuests, key); err == nil && row != nil {
			g, err = decodeGuest([]byte(key), row)
		}
	}
	switch {
	case err != nil:
		return GuestVersion{}, err
	case g.Number == 0 && number == 0:
		return g, fail(ErrNotFound, "guest %s", name)
	case g.Number == 0:
		return g, fail(ErrNotFound, "guest %s, version %d", name, number)
	}
	return g, nil
}

// lastGuest returns a guest's newest version, or one of number 0.
func (s *Snapshot) lastGuest(ctx context.Context, name string) (g GuestVersion, err error) {
	err = s.scan(ctx, TableGuests, []Range{prefixed(name + "\x00")}, func(key, row []byte) error {
		g, err = decodeGuest(key, row)
		return err
	})
	return g, err
}

// Guests returns all versions of all guests, by name, then number.
func (s *Snapshot) Guests(ctx context.Context) ([]GuestVersion, error) {
	var all []GuestVersion
	err := s.scan(ctx, TableGuests, []Range{{"", allKeys}}, func(key, row []byte) error {
		g, err := decodeGuest(key, row)
		all = append(all, g)
		return err
	})
	return all, err
}

// LoadBlob is Snapshot.LoadBlob now.
func (s *Store) LoadBlob(ctx context.Context, digest Digest) (module []byte, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		module, err = v.LoadBlob(ctx, digest)
		return err
	})
	return module, err
}

// Guest is Snapshot.Guest now.
func (s *Store) Guest(ctx context.Context, name string, number uint64) (g GuestVersion, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		g, err = v.Guest(ctx, name, number)
		return err
	})
	return g, err
}

// Guests is Snapshot.Guests now.
func (s *Store) Guests(ctx context.Context) (all []GuestVersion, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		all, err = v.Guests(ctx)
		return err
	})
	return all, err
}
