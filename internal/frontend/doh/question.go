package doh

import (
	"net/netip"
	"net/url"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/dnsjson"
	"github.com/namelet/namelet/rr"
)

// Client prefixes that are sent where a parameter gives an address alone (RFC
// 7871 section 11.1).
const (
	subnetBits4 = 24
	subnetBits6 = 56
)

// ednsSize is what the query says of responses over UDP, which it does not go
// over.
const ednsSize = 1232

// question makes a query of the parameters of the JSON form: name, type (a name
// or a number, A by default), do, cd, edns_client_subnet, and ct, the type of the
// answer. Others, random_padding among them, say nothing.
func question(values url.Values) (request, error) {
	name, err := rr.ParseName(values.Get("name"))
	if err != nil {
		return request{}, bad("name is not a domain name")
	}
	t := rr.TypeA
	if text := values.Get("type"); text != "" {
		if t, err = parseType(text); err != nil {
			return request{}, err
		}
	}
	dnssec, err := boolean(values, "do")
	if err != nil {
		return request{}, err
	}
	m := new(dns.Msg)
	m.SetQuestion(name.String(), uint16(t))
	m.Id, m.RecursionDesired = 0, false
	if m.CheckingDisabled, err = boolean(values, "cd"); err != nil {
		return request{}, err
	}
	m.SetEdns0(ednsSize, dnssec)
	if text := values.Get("edns_client_subnet"); text != "" {
		option, err := clientSubnet(text)
		if err != nil {
			return request{}, err
		}
		m.IsEdns0().Option = append(m.IsEdns0().Option, option)
	}
	q := request{}
	if q.json, err = wantsJSON(values.Get("ct")); err != nil {
		return request{}, err
	}
	if q.message, err = m.Pack(); err != nil {
		return request{}, bad("name is not a domain name")
	}
	return q, nil
}

// parseType reads a type's name or its number.
func parseType(text string) (rr.Type, error) {
	if text[0] >= '0' && text[0] <= '9' {
		text = "TYPE" + text
	}
	t, err := rr.ParseType(text)
	if err != nil || t == 0 {
		return 0, bad("type is neither a type nor a number of one")
	}
	return t, nil
}

// boolean reads a parameter that is false where it is not there or empty.
func boolean(values url.Values, key string) (bool, error) {
	switch values.Get(key) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, bad(key + " is neither 1 nor 0")
}

// clientSubnet makes the option of RFC 7871 section 6 of ADDRESS or
// ADDRESS/BITS.
func clientSubnet(text string) (*dns.EDNS0_SUBNET, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return nil, bad("edns_client_subnet is not ADDRESS or ADDRESS/BITS")
		}
		bits := subnetBits4
		if addr.Is6() {
			bits = subnetBits6
		}
		prefix = netip.PrefixFrom(addr, bits)
	}
	option := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1,
		SourceNetmask: uint8(prefix.Bits()), Address: prefix.Masked().Addr().AsSlice()}
	if prefix.Addr().Is6() {
		option.Family = 2
	}
	return option, nil
}

// wantsJSON reads the type that the answer is to have.
func wantsJSON(ct string) (bool, error) {
	switch ct {
	case "", dnsjson.ContentType, "application/json", "application/x-javascript":
		return true, nil
	case messageType:
		return false, nil
	}
	return false, bad("ct is neither " + dnsjson.ContentType + " nor " + messageType)
}
