package rr

import "errors"

// ErrRdata is the error of CheckRdata: the rdata is not what its type needs.
var ErrRdata = errors.New("rdata is malformed for its type")

// A field is one part of a type's rdata.
type field uint8

const (
	fieldEnd     field = iota
	field1             // one octet
	field2             // two octets
	field4             // four octets
	field16            // sixteen octets
	fieldName          // an uncompressed name
	fieldString        // a character-string (RFC 1035 section 3.3)
	fieldStrings       // one or more character-strings, to the end
	fieldRest          // anything, to the end
	fieldSome          // at least one octet, to the end
	fieldParams        // SvcParams, to the end (RFC 9460 section 2.2)
)

// layouts gives the rdata of the types whose inside a server has to trust: those
// with names, and those of fixed length. All other types are opaque (RFC 3597).
var layouts = [...]struct {
	t      Type
	fields [8]field
}{
	{TypeA, [8]field{field4}},
	{TypeAAAA, [8]field{field16}},
	{TypeNS, [8]field{fieldName}},
	{TypeCNAME, [8]field{fieldName}},
	{TypePTR, [8]field{fieldName}},
	{TypeDNAME, [8]field{fieldName}},
	{TypeMB, [8]field{fieldName}},
	{TypeMD, [8]field{fieldName}},
	{TypeMF, [8]field{fieldName}},
	{TypeMG, [8]field{fieldName}},
	{TypeMR, [8]field{fieldName}},
	{TypeSOA, [8]field{fieldName, fieldName, field4, field4, field4, field4, field4}},
	{TypeMINFO, [8]field{fieldName, fieldName}},
	{TypeRP, [8]field{fieldName, fieldName}},
	{TypeMX, [8]field{field2, fieldName}},
	{TypeAFSDB, [8]field{field2, fieldName}},
	{TypeRT, [8]field{field2, fieldName}},
	{TypeKX, [8]field{field2, fieldName}},
	{TypePX, [8]field{field2, fieldName, fieldName}},
	{TypeSRV, [8]field{field2, field2, field2, fieldName}},
	{TypeNAPTR, [8]field{field2, field2, fieldString, fieldString, fieldString, fieldName}},
	{TypeTXT, [8]field{fieldStrings}},
	{TypeSPF, [8]field{fieldStrings}},
	{TypeHINFO, [8]field{fieldString, fieldString}},
	{TypeCAA, [8]field{field1, fieldString, fieldRest}},
	{TypeURI, [8]field{field2, field2, fieldSome}},
	{TypeSVCB, [8]field{field2, fieldName, fieldParams}},
	{TypeHTTPS, [8]field{field2, fieldName, fieldParams}},
	{TypeDS, [8]field{field2, field1, field1, fieldSome}},
	{TypeCDS, [8]field{field2, field1, field1, fieldSome}},
	{TypeDNSKEY, [8]field{field2, field1, field1, fieldSome}},
	{TypeCDNSKEY, [8]field{field2, field1, field1, fieldSome}},
	{TypeTLSA, [8]field{field1, field1, field1, fieldSome}},
	{TypeSMIMEA, [8]field{field1, field1, field1, fieldSome}},
	{TypeSSHFP, [8]field{field1, field1, fieldSome}},
	{TypeRRSIG, [8]field{field2, field2, field4, field4, field4, field2, fieldName, fieldSome}},
	{TypeNSEC, [8]field{fieldName, fieldRest}},
}

// CheckRdata reports whether data can be sent as rdata of type t: its fields are
// all there, its names are names, and nothing follows. The length is at most
// 65,535 octets. Types whose inside Namelet does not know are opaque and always
// pass. It allocates nothing. The error is [ErrRdata].
func CheckRdata(t Type, data Rdata) error {
	if len(data) > 65535 {
		return ErrRdata
	}
	for i := range layouts {
		if layouts[i].t == t {
			return checkFields(layouts[i].fields, data)
		}
	}
	return nil
}

func checkFields(fields [8]field, data string) error {
	for _, f := range fields {
		n, ok := fieldLen(f, data)
		if !ok || n > len(data) {
			return ErrRdata
		}
		data = data[n:]
		if f == fieldEnd {
			break
		}
	}
	if data != "" {
		return ErrRdata
	}
	return nil
}

// fieldLen returns how long the field at the front of data is.
func fieldLen(f field, data string) (n int, ok bool) {
	switch f {
	case field1:
		return 1, true
	case field2:
		return 2, true
	case field4:
		return 4, true
	case field16:
		return 16, true
	case fieldName:
		n, err := wireLen(data)
		return n, err == nil
	case fieldString:
		if data == "" {
			return 0, false
		}
		return 1 + int(data[0]), true
	case fieldStrings:
		return len(data), data != "" && wholeStrings(data)
	case fieldSome:
		return len(data), data != ""
	case fieldRest:
		return len(data), true
	case fieldParams:
		return len(data), wholeParams(data)
	}
	return 0, true
}

func wholeStrings(data string) bool {
	for data != "" {
		n := 1 + int(data[0])
		if n > len(data) {
			return false
		}
		data = data[n:]
	}
	return true
}

// wholeParams checks that the keys strictly increase and the values end where
// the rdata ends (RFC 9460 section 2.2).
func wholeParams(data string) bool {
	for last := -1; data != ""; {
		if len(data) < 4 {
			return false
		}
		key := int(data[0])<<8 | int(data[1])
		n := 4 + int(data[2])<<8 + int(data[3])
		if key <= last || n > len(data) {
			return false
		}
		last, data = key, data[n:]
	}
	return true
}
