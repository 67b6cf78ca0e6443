package zonefile

import "github.com/namelet/namelet/rr"

// ParseName reads a name as a zone file has it: @ is the origin, and a name
// without a final dot is relative to it. The error is one line and shows the name.
func ParseName(text string, origin rr.Name) (rr.Name, error) { return absolute([]byte(text), origin) }

// ParseTTL reads a TTL as a zone file has it, in seconds or with the units w, d,
// h, m and s, such as 1h30m. The result is in seconds.
func ParseTTL(text string) (uint32, error) {
	if text == "" {
		return 0, errorf("bad TTL %s", quote(text))
	}
	return parseTTL([]byte(text))
}

// ParseType reads a type that can stand in a zone: a mnemonic, or TYPE123.
func ParseType(text string) (rr.Type, error) { return parseType(text) }
