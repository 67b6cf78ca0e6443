package hostabi

import (
	"errors"
	"maps"
	"slices"
)

// ErrConfig is the error of [AppendConfig]: a key is empty or longer than [MaxConfigKey], or there
// are more than [MaxConfigValues] values.
var ErrConfig = errors.New("hostabi: configuration key or number of values out of range")

// AppendConfig appends the encoding of values to dst, sorted by key.
func AppendConfig(dst []byte, values map[string]string) ([]byte, error) {
	if len(values) > MaxConfigValues {
		return dst, ErrConfig
	}
	var head [ConfigSize]byte
	put32(head[:], ConfigSize)
	put32(head[4:], uint32(len(values)))
	out := append(dst, head[:]...)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(key) == 0 || len(key) > MaxConfigKey {
			return dst, ErrConfig
		}
		value := values[key]
		put32(head[:], uint32(len(key)))
		put32(head[4:], uint32(len(value)))
		out = append(append(append(out, head[:]...), key...), value...)
	}
	return out, nil
}

// Config reads a configuration from bytes that it does not copy. The zero value is an empty one.
type Config struct {
	entries []byte
	count   int
}

// ParseConfig checks the whole of b. The error is a *MalformedError.
func ParseConfig(b []byte) (Config, error) {
	size, problem := fixedPart(b, ConfigSize)
	if problem != 0 {
		return Config{}, malformed("config", -1, problem)
	}
	count := u32(b[4:])
	if count > MaxConfigValues {
		return Config{}, malformed("config", -1, ProblemCount)
	}
	c := Config{entries: b[size:], count: int(count)}
	if entry, problem := c.check(); problem != 0 {
		return Config{}, malformed("config", entry, problem)
	}
	return c, nil
}

// check walks all entries and gives the first bad one.
func (c Config) check() (int, Problem) {
	rest, last := c.entries, []byte(nil)
	for i := range c.count {
		key, _, after, ok := nextEntry(rest)
		switch {
		case !ok:
			return i, ProblemShort
		case len(key) == 0 || len(key) > MaxConfigKey:
			return i, ProblemData
		case string(key) <= string(last):
			return i, ProblemOrder
		}
		rest, last = after, key
	}
	if len(rest) > 0 {
		return -1, ProblemTrailing
	}
	return 0, 0
}

// Len gives the number of values.
func (c Config) Len() int { return c.count }

// Get gives the value of key. The slice points into the configuration's bytes.
func (c Config) Get(key string) ([]byte, bool) {
	for k, v := range c.All {
		if string(k) == key {
			return v, true
		}
	}
	return nil, false
}

// All calls yield with every key and value, by key in byte order, until it returns false. It is an
// iterator: for key, value := range c.All.
func (c Config) All(yield func(key, value []byte) bool) {
	rest := c.entries
	for range c.count {
		key, value, after, _ := nextEntry(rest)
		if !yield(key, value) {
			return
		}
		rest = after
	}
}

func nextEntry(b []byte) (key, value, rest []byte, ok bool) {
	if len(b) < ConfigEntrySize {
		return nil, nil, b, false
	}
	keyLen, valueLen := uint64(u32(b)), uint64(u32(b[4:]))
	if keyLen+valueLen > uint64(len(b)-ConfigEntrySize) {
		return nil, nil, b, false
	}
	keyEnd := ConfigEntrySize + int(keyLen)
	end := keyEnd + int(valueLen)
	return b[ConfigEntrySize:keyEnd:keyEnd], b[keyEnd:end:end], b[end:], true
}
