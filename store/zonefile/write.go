package zonefile

import (
	"bufio"
	"io"
	"slices"
	"strconv"

	"github.com/namelet/namelet/rr"
)

// Write writes the RRsets of the zone origin, one record a line, with absolute
// names, in the order of Parse, whatever order they come in. Parse reads the
// same RRsets back. The error is that of w.
func Write(w io.Writer, origin rr.Name, sets []rr.Set) error {
	return WriteWatched(w, origin, sets, func(int) {})
}

// watchEvery is how many sets are written between two calls of a watcher.
const watchEvery = 1024

// WriteWatched is Write, and calls wrote, from time to time, with how many of the
// sets have been written.
func WriteWatched(w io.Writer, origin rr.Name, sets []rr.Set, wrote func(n int)) error {
	ids := make([]setID, len(sets))
	order := make([]int, len(sets))
	for i, s := range sets {
		order[i] = i
		ids[i] = setID{owner: s.Name.Key(), t: s.Type}
		if s.Type == rr.TypeRRSIG && len(s.Data) > 0 {
			ids[i].covered = rr.Covered(s.Data[0])
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareIDs(ids[a], ids[b]) })
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString("$ORIGIN ")
	out.WriteString(origin.String())
	out.WriteByte('\n')
	var p rdataParser
	for n, i := range order {
		writeSet(out, &p, sets[i])
		if (n+1)%watchEvery == 0 {
			wrote(n + 1)
		}
	}
	return out.Flush()
}

// writeSet leaves errors to the Flush of out, which keeps the first.
func writeSet(out *bufio.Writer, p *rdataParser, s rr.Set) {
	head := s.Name.String() + "\t" + itoa(int(s.TTL)) + "\tIN\t" + s.Type.String() + "\t"
	for _, data := range s.Data {
		out.WriteString(head)
		out.WriteString(p.format(s.Type, data))
		out.WriteByte('\n')
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
