package rr

import (
	"errors"
	"strconv"
)

// Type is an RR type or a question type.
type Type uint16

// RR types (IANA "Resource Record (RR) TYPEs"). To add one, add its constant
// and its row in typeNames.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeMD         Type = 3
	TypeMF         Type = 4
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypeMB         Type = 7
	TypeMG         Type = 8
	TypeMR         Type = 9
	TypeNULL       Type = 10
	TypeWKS        Type = 11
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMINFO      Type = 14
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeRP         Type = 17
	TypeAFSDB      Type = 18
	TypeX25        Type = 19
	TypeISDN       Type = 20
	TypeRT         Type = 21
	TypeSIG        Type = 24
	TypeKEY        Type = 25
	TypePX         Type = 26
	TypeGPOS       Type = 27
	TypeAAAA       Type = 28
	TypeLOC        Type = 29
	TypeNXT        Type = 30
	TypeEID        Type = 31
	TypeNIMLOC     Type = 32
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeKX         Type = 36
	TypeCERT       Type = 37
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeAPL        Type = 42
	TypeDS         Type = 43
	TypeSSHFP      Type = 44
	TypeIPSECKEY   Type = 45
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeDHCID      Type = 49
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeTLSA       Type = 52
	TypeSMIMEA     Type = 53
	TypeHIP        Type = 55
	TypeNINFO      Type = 56
	TypeRKEY       Type = 57
	TypeTALINK     Type = 58
	TypeCDS        Type = 59
	TypeCDNSKEY    Type = 60
	TypeOPENPGPKEY Type = 61
	TypeCSYNC      Type = 62
	TypeZONEMD     Type = 63
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeSPF        Type = 99
	TypeUINFO      Type = 100
	TypeUID        Type = 101
	TypeGID        Type = 102
	TypeNID        Type = 104
	TypeL32        Type = 105
	TypeL64        Type = 106
	TypeLP         Type = 107
	TypeEUI48      Type = 108
	TypeEUI64      Type = 109
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
	TypeURI        Type = 256
	TypeCAA        Type = 257
	TypeAVC        Type = 258
	TypeTA         Type = 32768
	TypeDLV        Type = 32769
)

// typeNames is a switch in table form: sorted by use, searched in order. It is
// small enough that a map would only cost guests memory at start.
var typeNames = [...]struct {
	t    Type
	name string
}{
	{TypeA, "A"}, {TypeAAAA, "AAAA"}, {TypeCNAME, "CNAME"}, {TypeTXT, "TXT"}, {TypeNS, "NS"},
	{TypeSOA, "SOA"}, {TypeMX, "MX"}, {TypePTR, "PTR"}, {TypeSRV, "SRV"}, {TypeCAA, "CAA"},
	{TypeHTTPS, "HTTPS"}, {TypeSVCB, "SVCB"}, {TypeDS, "DS"}, {TypeDNSKEY, "DNSKEY"},
	{TypeRRSIG, "RRSIG"}, {TypeNSEC, "NSEC"}, {TypeNSEC3, "NSEC3"}, {TypeNSEC3PARAM, "NSEC3PARAM"},
	{TypeDNAME, "DNAME"}, {TypeTLSA, "TLSA"}, {TypeNAPTR, "NAPTR"}, {TypeSSHFP, "SSHFP"},
	{TypeANY, "ANY"}, {TypeAXFR, "AXFR"}, {TypeIXFR, "IXFR"}, {TypeOPT, "OPT"}, {TypeURI, "URI"},
	{TypeCDS, "CDS"}, {TypeCDNSKEY, "CDNSKEY"}, {TypeCSYNC, "CSYNC"}, {TypeZONEMD, "ZONEMD"},
	{TypeMD, "MD"}, {TypeMF, "MF"}, {TypeMB, "MB"}, {TypeMG, "MG"}, {TypeMR, "MR"},
	{TypeNULL, "NULL"}, {TypeWKS, "WKS"}, {TypeHINFO, "HINFO"}, {TypeMINFO, "MINFO"}, {TypeRP, "RP"},
	{TypeAFSDB, "AFSDB"}, {TypeX25, "X25"}, {TypeISDN, "ISDN"}, {TypeRT, "RT"}, {TypeSIG, "SIG"},
	{TypeKEY, "KEY"}, {TypePX, "PX"}, {TypeGPOS, "GPOS"}, {TypeLOC, "LOC"}, {TypeNXT, "NXT"},
	{TypeEID, "EID"}, {TypeNIMLOC, "NIMLOC"}, {TypeKX, "KX"}, {TypeCERT, "CERT"}, {TypeAPL, "APL"},
	{TypeIPSECKEY, "IPSECKEY"}, {TypeDHCID, "DHCID"}, {TypeSMIMEA, "SMIMEA"}, {TypeHIP, "HIP"},
	{TypeNINFO, "NINFO"}, {TypeRKEY, "RKEY"}, {TypeTALINK, "TALINK"}, {TypeOPENPGPKEY, "OPENPGPKEY"},
	{TypeSPF, "SPF"}, {TypeUINFO, "UINFO"}, {TypeUID, "UID"}, {TypeGID, "GID"}, {TypeNID, "NID"},
	{TypeL32, "L32"}, {TypeL64, "L64"}, {TypeLP, "LP"}, {TypeEUI48, "EUI48"}, {TypeEUI64, "EUI64"},
	{TypeTKEY, "TKEY"}, {TypeTSIG, "TSIG"}, {TypeMAILB, "MAILB"}, {TypeMAILA, "MAILA"},
	{TypeAVC, "AVC"}, {TypeTA, "TA"}, {TypeDLV, "DLV"},
}

// String returns the mnemonic, or TYPE123 (RFC 3597 section 5).
func (t Type) String() string {
	for i := range typeNames {
		if typeNames[i].t == t {
			return typeNames[i].name
		}
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ErrUnknownType is the error of ParseType.
var ErrUnknownType = errors.New("unknown type (a type without a mnemonic is written TYPE123)")

// ParseType reads a mnemonic in either letter case, or TYPE123.
func ParseType(s string) (Type, error) {
	for i := range typeNames {
		if n := typeNames[i].name; len(n) == len(s) && equalFold(n, s) {
			return typeNames[i].t, nil
		}
	}
	if len(s) > 4 && equalFold(s[:4], "TYPE") {
		if v, err := strconv.ParseUint(s[4:], 10, 16); err == nil {
			return Type(v), nil
		}
	}
	return 0, ErrUnknownType
}

// IsMeta reports whether t can stand in a question or a message only and never
// in a zone: OPT and the types 128 to 255 (RFC 6895 section 3.1), and 0.
func (t Type) IsMeta() bool {
	return t == 0 || t == TypeOPT || (t >= 128 && t <= 255)
}
