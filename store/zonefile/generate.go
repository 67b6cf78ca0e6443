package zonefile

import (
	"errors"
	"strconv"
	"strings"
)

// maxGenerated bounds the records that all $GENERATE of an import make.
const maxGenerated = 1 << 20

// maxGenerateValue is the greatest value of an iterator.
const maxGenerateValue = 1<<31 - 1

// generate makes records from a pattern: $GENERATE start-stop[/step] and an
// entry in which $ stands for the value, ${offset,width,base} for the value
// shifted and formatted, and $$ or \$ for a dollar sign.
func (p *parser) generate(f *file, rest []byte, line int) error {
	token, pattern := field(rest)
	start, stop, step, err := generateRange(string(token))
	if err != nil {
		return err
	}
	first, pattern := field(pattern)
	if len(first) == 0 {
		return errors.New("$GENERATE wants an owner name after its range")
	}
	pattern = append(append([]byte{}, first...), pattern...)
	var text []byte
	for v := start; v <= stop; v += step {
		if p.generated--; p.generated < 0 {
			return errorf("$GENERATE makes more than %d records in all", maxGenerated)
		}
		if text, err = expand(text[:0], pattern, v); err != nil {
			return err
		}
		if err := p.record(f, text, line); err != nil {
			return errorf("$GENERATE at %d: %w", v, err)
		}
	}
	return nil
}

func generateRange(s string) (start, stop, step int, err error) {
	span, stepText, hasStep := strings.Cut(s, "/")
	from, to, ok := strings.Cut(span, "-")
	start, okStart := parseDecimal(from, maxGenerateValue)
	stop, okStop := parseDecimal(to, maxGenerateValue)
	step, okStep := 1, true
	if hasStep {
		step, okStep = parseDecimal(stepText, maxGenerateValue)
	}
	if !ok || !okStart || !okStop || !okStep || step == 0 || stop < start {
		return 0, 0, 0, errorf("$GENERATE wants a range such as 1-10 or 0-100/2, not %s", quote(s))
	}
	return start, stop, step, nil
}

// expand appends the pattern with v put in.
func expand(dst, pattern []byte, v int) ([]byte, error) {
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		next := byte(0)
		if i+1 < len(pattern) {
			next = pattern[i+1]
		}
		switch {
		case c == '\\' && next == '$', c == '$' && next == '$':
			dst = append(dst, '$')
			i++
		case c == '\\' && next != 0:
			dst = append(dst, c, next)
			i++
		case c == '$' && next == '{':
			modifier, _, ok := strings.Cut(string(pattern[i+2:]), "}")
			if !ok {
				return nil, errors.New("$GENERATE: ${ without a closing }")
			}
			var err error
			if dst, err = appendModified(dst, modifier, v); err != nil {
				return nil, err
			}
			i += len("{}") + len(modifier)
		case c == '$':
			dst = strconv.AppendInt(dst, int64(v), 10)
		default:
			dst = append(dst, c)
		}
		if len(dst) > maxEntry {
			return nil, errEntryTooLong
		}
	}
	return dst, nil
}

// appendModified appends v as the modifier offset[,width[,base]] says.
func appendModified(dst []byte, modifier string, v int) ([]byte, error) {
	bad := errorf("$GENERATE wants a modifier such as ${0,3,d}, not %s", quote("${"+modifier+"}"))
	parts := strings.Split(modifier, ",")
	digits, negative := strings.CutPrefix(parts[0], "-")
	offset, ok := parseDecimal(digits, maxGenerateValue)
	if negative {
		offset = -offset
	}
	if v += offset; !ok || v < 0 || len(parts) > 3 {
		return nil, bad
	}
	width, base := 0, "d"
	if len(parts) > 1 {
		if width, ok = parseDecimal(parts[1], 255); !ok {
			return nil, bad
		}
	}
	if len(parts) > 2 {
		base = parts[2]
	}
	radix, ok := map[string]int{"d": 10, "o": 8, "x": 16, "X": 16}[base]
	if !ok {
		return nil, bad
	}
	number := strconv.FormatInt(int64(v), radix)
	if base == "X" {
		number = strings.ToUpper(number)
	}
	for i := len(number); i < width; i++ {
		dst = append(dst, '0')
	}
	return append(dst, number...), nil
}
