package runtime

import "bytes"

// delta is what one memory has otherwise than another of its size: pages, one after another. The zero
// delta is that of two that are the same.
type delta struct {
	runs  []pageRun
	heap  []byte  // the pages, where there is no file for them
	spilt *extent // or where they lie
}

// pageRun is pages of a memory that follow each other.
type pageRun struct{ first, count int }

// differences gives what memory has otherwise than base, and whether that is worth it: less than half
// of what memory holds.
func (e *Engine) differences(base *frozenMemory, memory []byte) (d delta, worth bool) {
	before := make([]byte, base.size)
	if err := base.readInto(before); err != nil {
		return delta{}, false // it stands alone then
	}
	var pages []byte
	for at := 0; at < len(memory); at += sparsePage {
		page := memory[at : at+sparsePage]
		if bytes.Equal(page, before[at:at+sparsePage]) {
			continue
		}
		n := at / sparsePage
		if last := len(d.runs) - 1; last >= 0 && d.runs[last].first+d.runs[last].count == n {
			d.runs[last].count++
		} else {
			d.runs = append(d.runs, pageRun{n, 1})
		}
		pages = append(pages, page...)
	}
	if 2*len(pages) > filled(memory)*sparsePage {
		return delta{}, false
	}
	if len(pages) == 0 {
		return d, true
	}
	if e.deltas != nil {
		var err error
		if d.spilt, err = e.deltas.put(pages); err == nil {
			return d, true
		}
	}
	d.heap = pages
	return d, true
}

// bytes is what the pages take.
func (d *delta) bytes() (n int) {
	for _, r := range d.runs {
		n += r.count * sparsePage
	}
	return n
}

// apply puts the pages into a memory that is otherwise the base.
func (d *delta) apply(memory []byte) error {
	from := 0
	for _, r := range d.runs {
		into := memory[r.first*sparsePage:][:r.count*sparsePage]
		if d.spilt == nil {
			copy(into, d.heap[from:])
		} else if _, err := d.spilt.spill.file.ReadAt(into, d.spilt.at+int64(from)); err != nil {
			return err
		}
		from += len(into)
	}
	return nil
}
