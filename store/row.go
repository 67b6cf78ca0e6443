package store

// Row returns the zone as this package keeps it, for whoever keeps it elsewhere;
// [ZoneOfRow] reads it.
func (z Zone) Row() (key string, row []byte) {
	return string(z.Name.Key()), encodeZone(&zoneRow{Zone: z})
}

// ZoneOfRow is the way back from Zone.Row; ErrCorrupt.
func ZoneOfRow(key, row []byte) (Zone, error) {
	z, err := decodeZone(key, row)
	if err != nil {
		return Zone{}, err
	}
	return z.Zone, nil
}

// Row returns the attachment as this package keeps it; [AttachmentOfRow] reads it.
func (a Attachment) Row() (key string, row []byte) { return a.key(), encodeAttachment(&a) }

// AttachmentOfRow is the way back from Attachment.Row; ErrCorrupt.
func AttachmentOfRow(key, row []byte) (Attachment, error) { return decodeAttachment(key, row) }

// Row returns the version as this package keeps it; [GuestOfRow] reads it.
func (g GuestVersion) Row() (key string, row []byte) {
	return GuestKey(g.Name, g.Number), encodeGuest(g)
}

// GuestKey returns the key of the row of a guest's version.
func GuestKey(name string, number uint64) string { return guestKey(name, number) }

// GuestOfRow is the way back from GuestVersion.Row; ErrCorrupt.
func GuestOfRow(key, row []byte) (GuestVersion, error) { return decodeGuest(key, row) }
