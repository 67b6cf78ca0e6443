package sdk

import "github.com/namelet/namelet/hostabi"

// A gives an IPv4 address.
func (a *Answer) A(addr [4]byte) {
	if a.asked(TypeA, hostabi.KindRdata) {
		a.w.Add(a.head, addr[:])
	}
}

// AAAA gives an IPv6 address.
func (a *Answer) AAAA(addr [16]byte) {
	if a.asked(TypeAAAA, hostabi.KindRdata) {
		a.w.Add(a.head, addr[:])
	}
}

// Addr gives an address of either family, as A or AAAA.
func (a *Answer) Addr(addr Addr) {
	if addr.Is4() {
		a.A(addr.V4())
	} else {
		a.AAAA(addr.V6())
	}
}

// CNAME says that the name is an alias. It is given for a question of any type, and the host follows it.
func (a *Answer) CNAME(target Name) { a.oneName(TypeCNAME, target) }

// NS gives a name server.
func (a *Answer) NS(server Name) { a.oneName(TypeNS, server) }

// PTR gives the name of an address.
func (a *Answer) PTR(name Name) { a.oneName(TypePTR, name) }

func (a *Answer) oneName(t Type, name Name) {
	if a.begin(t, hostabi.KindRdata) {
		a.name(name)
		a.w.End()
	}
}

// name appends a name of rdata; the zero Name has no encoding.
func (a *Answer) name(name Name) {
	a.bad = a.bad || name.IsZero()
	a.w.AppendString(name.Wire())
}

// MX gives a mail exchange (RFC 1035 section 3.3.9).
func (a *Answer) MX(preference uint16, exchange Name) {
	if a.begin(TypeMX, hostabi.KindRdata) {
		a.w.AppendUint16(preference)
		a.name(exchange)
		a.w.End()
	}
}

// SRV gives the location of a service (RFC 2782).
func (a *Answer) SRV(priority, weight, port uint16, target Name) {
	if a.begin(TypeSRV, hostabi.KindRdata) {
		a.w.AppendUint16(priority)
		a.w.AppendUint16(weight)
		a.w.AppendUint16(port)
		a.name(target)
		a.w.End()
	}
}

// TXT gives one record of one or more strings. A string longer than 255 bytes, the most that the format
// holds, goes on in the next one (RFC 1035 section 3.3.14).
func (a *Answer) TXT(text ...string) {
	if !a.begin(TypeTXT, hostabi.KindRdata) {
		return
	}
	for _, s := range text {
		a.characterStrings(s)
	}
	if len(text) == 0 {
		a.characterStrings("")
	}
	a.w.End()
}

func (a *Answer) characterStrings(s string) {
	for {
		n := min(len(s), 255)
		a.w.Append(byte(n))
		a.w.AppendString(s[:n])
		s = s[n:]
		if s == "" {
			return
		}
	}
}

// CAA says who may issue certificates (RFC 8659). flags is 128 for critical, else 0; tag is "issue" for
// instance.
func (a *Answer) CAA(flags uint8, tag, value string) {
	if !a.begin(TypeCAA, hostabi.KindRdata) {
		return
	}
	a.bad = a.bad || tag == "" || len(tag) > 255
	a.w.Append(flags, byte(len(tag)))
	a.w.AppendString(tag)
	a.w.AppendString(value)
	a.w.End()
}

// Text gives a record of any type in presentation form, the way a zone file writes it: the host parses
// it. Names in it without a final dot are relative to the zone's apex.
func (a *Answer) Text(t Type, text string) {
	if a.begin(t, hostabi.KindText) {
		a.w.AppendString(text)
		a.w.End()
	}
}

// Rdata gives a record of any type in uncompressed wire form.
func (a *Answer) Rdata(t Type, rdata string) {
	if a.begin(t, hostabi.KindRdata) {
		a.w.AppendString(rdata)
		a.w.End()
	}
}
