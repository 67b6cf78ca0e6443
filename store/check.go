package store

import (
	"github.com/namelet/namelet/rr"
)

// checkSet holds a set against what needs no other: the error wraps ErrInvalid
// or ErrTooLarge and names the set.
func checkSet(zone rr.Name, s rr.Set) error {
	if s.Name.IsZero() {
		return fail(ErrInvalid, "an RRset of zone %v has no owner name", zone)
	}
	switch {
	case !s.Name.IsSubdomainOf(zone):
		return fail(ErrInvalid, "%v lies outside zone %v", s, zone)
	case s.Type.IsMeta():
		return fail(ErrInvalid, "%v: the type stands in questions only", s)
	case s.TTL > rr.MaxTTL:
		return fail(ErrInvalid, "%v: TTL %d is over %d", s, s.TTL, rr.MaxTTL)
	case len(s.Data) == 0:
		return fail(ErrInvalid, "%v is empty", s)
	case s.Type == rr.TypeSOA && !s.Name.Equal(zone):
		return fail(ErrInvalid, "%v: only the apex of zone %v has an SOA (RFC 1035 section 5.2)", s, zone)
	case len(s.Data) > 1 && single(s.Type) && !sameData(s.Data):
		return singleError(s)
	}
	size := 0
	for _, data := range s.Data {
		size += recordHead + len(data)
		if err := rr.CheckRdata(s.Type, data); err != nil {
			return fail(ErrInvalid, "%v: %v", s, err)
		}
	}
	if size > MaxSetBytes {
		return fail(ErrTooLarge, "%v takes %d octets in a message, more than %d", s, size, MaxSetBytes)
	}
	return nil
}

func single(t rr.Type) bool {
	return t == rr.TypeSOA || t == rr.TypeCNAME || t == rr.TypeDNAME
}

func singleError(s rr.Set) error {
	return fail(ErrInvalid, "%v: the type allows one record a name (RFC 1035 section 5.2, RFC 2181 section 10.1, RFC 6672 section 2.4)", s)
}

func sameData(data []rr.Rdata) bool {
	for _, d := range data[1:] {
		if d != data[0] {
			return false
		}
	}
	return true
}

// ownerCheck is fed the sets' keys of one owner, then asked.
type ownerCheck struct {
	cname, other   bool
	soa, ns, dname bool
}

func (c *ownerCheck) add(t rr.Type) {
	switch t {
	case rr.TypeCNAME:
		c.cname = true
	case rr.TypeRRSIG, rr.TypeNSEC, rr.TypeKEY, rr.TypeSIG, rr.TypeNXT:
		// May stand beside a CNAME (RFC 4035 section 2.5, RFC 2181 section 10.1).
	case rr.TypeNSEC3:
		// Its owner is no name of the zone (RFC 5155 section 7.2.8).
	case rr.TypeSOA:
		c.soa, c.other = true, true
	case rr.TypeNS:
		c.ns, c.other = true, true
	case rr.TypeDNAME:
		c.dname, c.other = true, true
	default:
		c.other = true
	}
}

func (c *ownerCheck) verdict(zone rr.Name, owner string) error {
	name, _ := (zone.Key() + rr.Key(owner)).Name()
	why := ""
	switch {
	case c.cname && c.other:
		why = "CNAME stands beside other types (RFC 2181 section 10.1)"
	case c.dname && c.ns && owner != "":
		why = "DNAME stands beside NS below the apex (RFC 6672 section 2.3)"
	case (c.dname || c.ns && owner != "") && name.IsWildcard():
		why = "NS or DNAME has a wildcard as its owner (RFC 4592 sections 4.2 and 4.4)"
	case owner == "" && !c.soa:
		return fail(ErrInvalid, "zone %v has no SOA", zone)
	default:
		return nil
	}
	return fail(ErrInvalid, "%v %s", name, why)
}

// checkRows holds the rows of a whole zone, in order, against each other. It
// returns the serial and whether the content is signed.
func checkRows(zone rr.Name, rows []setRow) (serial uint32, signed bool, err error) {
	if len(rows) == 0 {
		return 0, false, fail(ErrInvalid, "zone %v has no SOA", zone)
	}
	for from := 0; from < len(rows); {
		owner, _, _, _ := splitSetKey(rows[from].key)
		var c ownerCheck
		to := from
		for ; to < len(rows); to++ {
			o, t, covered, _ := splitSetKey(rows[to].key)
			if o != owner {
				break
			}
			c.add(t)
			if owner == "" && covered == rr.TypeSOA {
				signed = true
			}
		}
		if from == 0 && owner != "" {
			return 0, false, fail(ErrInvalid, "zone %v has no SOA", zone)
		}
		if err := c.verdict(zone, owner); err != nil {
			return 0, false, err
		}
		from = to
	}
	serial, err = rowsSerial(zone, rows)
	return serial, signed, err
}

func rowsSerial(zone rr.Name, rows []setRow) (uint32, error) {
	for _, row := range rows {
		if row.key != soaKey {
			continue
		}
		soa, err := decodeSet(zone.Key(), row.key, row.value)
		if err != nil {
			return 0, err
		}
		serial, ok := soaSerial(soa.Data[0])
		if ok {
			return serial, nil
		}
		break
	}
	return 0, fail(ErrInvalid, "zone %v has no SOA", zone)
}
