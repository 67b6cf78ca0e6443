package tap

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/namelet/namelet/rr"
)

// Words of rules.
const (
	ruleNone = "none"
	ruleAll  = "all"
	ruleOff  = "off"
)

// ErrQueryRules is the error of a text that is no rules.
var ErrQueryRules = errors.New("tap: bad rules of a query log")

// QueryRules say which queries are logged: one of so many of those for names in a zone,
// where of several zones the one with the longest name counts, and of all others.
type QueryRules struct {
	zones map[string]uint32 // by apex in wire form and lower case; 0 for none
	rest  uint32            // of all others; 0 for none
}

// ParseQueryRules reads rules, which stand on lines or are separated by commas: a zone
// or "all" for what no zone that is named has, with "=" and how many queries there are
// for each that is logged, or "off"; without that there are sample. "none" says that
// nothing is logged that no zone says. Lines that begin with # are skipped. The error
// wraps ErrQueryRules and names the rule.
func ParseQueryRules(text string, sample int) (*QueryRules, error) {
	r := &QueryRules{zones: map[string]uint32{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		for item := range strings.SplitSeq(line, ",") {
			if err := r.add(strings.TrimSpace(item), sample); err != nil {
				return nil, fmt.Errorf("%w: %q %w", ErrQueryRules, item, err)
			}
		}
	}
	return r, nil
}

// add adds one rule. The error goes on after the rule.
func (r *QueryRules) add(item string, sample int) error {
	what, rate, has := strings.Cut(item, "=")
	what, rate = strings.TrimSpace(what), strings.TrimSpace(rate)
	of := uint32(sample)
	if has {
		n, err := strconv.ParseUint(rate, 10, 31)
		if rate != ruleOff && (err != nil || n == 0) {
			return fmt.Errorf("has after the = neither off nor a number, 1 to %d", math.MaxInt32)
		}
		of = uint32(n)
	}
	switch what {
	case ruleAll:
		r.rest = of
		return nil
	case ruleNone:
		if has {
			return errors.New("is none, and yet of so many")
		}
		return nil
	}
	zone, err := rr.ParseName(what)
	if err != nil {
		return fmt.Errorf("is neither none, nor all, nor a zone: %w", err)
	}
	key := zone.Lower().Wire()
	if _, ok := r.zones[key]; ok {
		return errors.New("is there twice")
	}
	r.zones[key] = of
	return nil
}

// sample returns of how many queries like this one is logged, 0 for none. One whose
// question cannot be read is in no zone.
func (r *QueryRules) sample(query []byte) uint32 {
	if len(r.zones) == 0 || len(query) < headerLen || query[4] != 0 || query[5] != 1 {
		return r.rest
	}
	name, _, err := rr.NameView(query[headerLen:])
	if err != nil {
		return r.rest
	}
	var lower [rr.MaxNameLen]byte
	for key := name.AppendLower(lower[:0]); ; key = key[1+key[0]:] {
		if of, ok := r.zones[string(key)]; ok {
			return of
		}
		if key[0] == 0 {
			return r.rest
		}
	}
}
