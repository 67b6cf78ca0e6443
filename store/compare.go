package store

import (
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
)

// Compare tells two contents of a zone apart, as a replacement of the first by the
// second would: the RRsets that it takes out and those that it puts in, a changed
// one in both, each in canonical order of owner, then by type. Sets are taken as
// ReplaceZone takes them, and RRSIGs are a set for each type that they cover.
// Letter case of owner names counts. ErrInvalid and ErrTooLarge about a set.
func Compare(zone rr.Name, before, after []rr.Set) (removed, added []rr.Set, err error) {
	var sides [2][]setRow
	for i, sets := range [][]rr.Set{before, after} {
		for _, set := range sets {
			rows, err := rowsOf(zone, set)
			if err != nil {
				return nil, nil, err
			}
			sides[i] = append(sides[i], rows...)
		}
		if sides[i], err = sortRows(zone.Key(), sides[i]); err != nil {
			return nil, nil, err
		}
	}
	d := compareRows(sides[0], sides[1])
	for _, part := range []struct {
		rows []setRow
		sets *[]rr.Set
	}{{d.removed, &removed}, {d.added, &added}} {
		for _, row := range part.rows {
			set, err := decodeSet(zone.Key(), row.key, row.value)
			if err != nil {
				return nil, nil, err
			}
			*part.sets = append(*part.sets, set)
		}
	}
	return removed, added, nil
}

// compareRows merges rows that are in order.
func compareRows(before, after []setRow) delta {
	var d delta
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = strings.Compare(before[0].key, after[0].key)
		}
		if order == 0 && slices.Equal(before[0].value, after[0].value) {
			before, after = before[1:], after[1:]
			continue
		}
		if order <= 0 {
			d.removed, before = append(d.removed, before[0]), before[1:]
		}
		if order >= 0 {
			d.added, after = append(d.added, after[0]), after[1:]
		}
	}
	return d
}
