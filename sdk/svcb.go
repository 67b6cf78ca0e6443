package sdk

import "github.com/namelet/namelet/hostabi"

// Param is one parameter of an SVCB or HTTPS record: a key of RFC 9460 section 14.3.2 and its value in wire
// form.
type Param struct {
	Key   uint16
	Value string
}

// Keys of parameters (RFC 9460 section 14.3.2).
const (
	ParamMandatory     = 0
	ParamALPN          = 1
	ParamNoDefaultALPN = 2
	ParamPort          = 3
	ParamIPv4Hint      = 4
	ParamECH           = 5
	ParamIPv6Hint      = 6
)

// ALPN makes the parameter that lists protocols, each at most 255 bytes: "h2", "h3" (RFC 9460 section 7.1).
// It allocates: make it once.
func ALPN(protocols ...string) Param {
	value := ""
	for _, p := range protocols {
		p = p[:min(len(p), 255)]
		value += string([]byte{byte(len(p))}) + p
	}
	return Param{ParamALPN, value}
}

// NoDefaultALPN makes the parameter that says the listed protocols are all.
func NoDefaultALPN() Param { return Param{Key: ParamNoDefaultALPN} }

// Port makes the parameter that gives another port. It allocates: make it once.
func Port(port uint16) Param {
	return Param{ParamPort, string([]byte{byte(port >> 8), byte(port)})}
}

// Hint makes the parameter that hints at addresses, all of the family of the first; others are left
// out. It allocates: make it once.
func Hint(addrs ...Addr) Param {
	p := Param{Key: ParamIPv6Hint}
	if len(addrs) > 0 && addrs[0].Is4() {
		p.Key = ParamIPv4Hint
	}
	for _, addr := range addrs {
		switch {
		case addr.Is4() && p.Key == ParamIPv4Hint:
			b := addr.V4()
			p.Value += string(b[:])
		case !addr.Is4() && p.Key == ParamIPv6Hint:
			b := addr.V6()
			p.Value += string(b[:])
		}
	}
	return p
}

// SVCB gives a service binding (RFC 9460). Priority 0 makes it an alias, which has no parameters. The
// parameters must be in ascending order of their keys.
func (a *Answer) SVCB(priority uint16, target Name, params ...Param) {
	a.binding(TypeSVCB, priority, target, params)
}

// HTTPS gives the service binding of a web origin (RFC 9460 section 9). See SVCB.
func (a *Answer) HTTPS(priority uint16, target Name, params ...Param) {
	a.binding(TypeHTTPS, priority, target, params)
}

func (a *Answer) binding(t Type, priority uint16, target Name, params []Param) {
	if !a.begin(t, hostabi.KindRdata) {
		return
	}
	a.w.AppendUint16(priority)
	a.name(target)
	last := -1
	for _, p := range params {
		a.bad = a.bad || int(p.Key) <= last || len(p.Value) > 0xffff || priority == 0
		last = int(p.Key)
		a.w.AppendUint16(p.Key)
		a.w.AppendUint16(uint16(len(p.Value)))
		a.w.AppendString(p.Value)
	}
	a.w.End()
}
