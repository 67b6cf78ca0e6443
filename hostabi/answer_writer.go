package hostabi

import (
	"errors"

	"github.com/namelet/namelet/rr"
)

// Errors of [AnswerWriter.Finish].
var (
	ErrTooSmall = errors.New("hostabi: the buffer is too small for the answer")
	ErrTooLarge = errors.New("hostabi: the answer has too many records or too long a record")
)

// recordFlagTTL is the record flag that says the TTL field counts.
const recordFlagTTL = 1

// RecordHead is what an answer record says beside its data.
type RecordHead struct {
	Type   rr.Type
	Kind   Kind
	TTL    uint32 // seconds; counts only with HasTTL
	HasTTL bool
	Owner  []byte // wire form; empty stands for the qname
}

// AnswerWriter encodes an answer in place in a buffer that the caller owns, and never writes past
// its end. What does not fit is counted all the same, so that [AnswerWriter.Finish] can say how
// much room the answer needs.
//
//	w.Reset(out, DispositionAnswer)
//	w.Begin(RecordHead{Type: rr.TypeA})
//	w.Append(192, 0, 2, 1)
//	w.End()
//	n, err := w.Finish()
type AnswerWriter struct {
	buf    []byte
	length int // bytes the answer needs so far, which may be beyond buf
	count  int
	record int  // where the open record begins
	data   int  // where its data begin
	broken bool // a count or a length does not fit its field
}

// Reset starts a new answer in buf with the given disposition.
func (w *AnswerWriter) Reset(buf []byte, d Disposition) {
	// Field by field, since clearing a struct that holds pointers is dear on wasm.
	w.buf, w.length, w.count, w.record, w.data, w.broken = buf, AnswerSize, 0, 0, 0, false
	if len(buf) < AnswerSize {
		return
	}
	put32(buf, AnswerSize)
	put32(buf[4:], uint32(d))
	put32(buf[8:], 0)
	put32(buf[12:], 0)
}

// SetDisposition changes the disposition given to Reset.
func (w *AnswerWriter) SetDisposition(d Disposition) {
	if len(w.buf) >= AnswerSize {
		w.buf[4] = byte(d)
	}
}

// SetNegativeTTL bounds, in seconds, how long a NODATA or NXDOMAIN answer may be remembered. Zero
// leaves it to the zone (RFC 2308 section 5).
func (w *AnswerWriter) SetNegativeTTL(ttl uint32) {
	if len(w.buf) >= AnswerSize {
		put32(w.buf[8:], ttl)
	}
}

// Count gives the number of records begun so far.
func (w *AnswerWriter) Count() int { return w.count }

// Begin opens a record. Its data follow by Append, AppendBytes or AppendString, then End closes it.
func (w *AnswerWriter) Begin(h RecordHead) {
	w.begin(&h, 0)
	w.AppendBytes(h.Owner)
	w.data = w.length
}

// Add adds a record whose data are at hand: Begin, AppendBytes and End in one.
func (w *AnswerWriter) Add(h RecordHead, data []byte) {
	w.begin(&h, len(data))
	w.broken = w.broken || len(data) > 0xffff
	if len(h.Owner) > 0 {
		w.AppendBytes(h.Owner)
	}
	w.AppendBytes(data)
}

// begin writes the fixed part of a record.
func (w *AnswerWriter) begin(h *RecordHead, dataLen int) {
	w.record = w.length
	if head := w.room(RecordSize); head != nil {
		put32(head, RecordSize)
		put16(head[4:], uint16(h.Type))
		head[6] = byte(h.Kind)
		if h.HasTTL {
			head[7] = recordFlagTTL
			put32(head[8:], h.TTL)
		} else {
			head[7] = 0
			put32(head[8:], 0)
		}
		put16(head[12:], uint16(len(h.Owner)))
		put16(head[14:], uint16(dataLen))
	}
	w.count++
	w.broken = w.broken || len(h.Owner) > MaxName || w.count > MaxRecords
}

// Append adds bytes to the data of the open record.
func (w *AnswerWriter) Append(data ...byte) { w.AppendBytes(data) }

// AppendBytes adds bytes to the data of the open record.
func (w *AnswerWriter) AppendBytes(data []byte) { copy(w.room(len(data)), data) }

// AppendString adds a string's bytes to the data of the open record.
func (w *AnswerWriter) AppendString(data string) { copy(w.room(len(data)), data) }

// AppendUint16 adds a number in network order, as rdata has it.
func (w *AnswerWriter) AppendUint16(v uint16) {
	if p := w.room(2); p != nil {
		p[0], p[1] = byte(v>>8), byte(v)
	}
}

// End closes the open record.
func (w *AnswerWriter) End() {
	n := w.length - w.data
	w.broken = w.broken || n > 0xffff
	if w.length <= len(w.buf) {
		put16(w.buf[w.record+14:], uint16(n))
	}
}

// Handle adds a whole RRset by its handle. Without h.HasTTL the RRset keeps its own TTL.
func (w *AnswerWriter) Handle(h RecordHead, handle int32) {
	h.Kind = KindHandle
	var data [4]byte
	put32(data[:], uint32(handle))
	w.Add(h, data[:])
}

// Finish closes the answer and gives the length in bytes that it needs. When the buffer is smaller
// than that the error is [ErrTooSmall]; when the records are more than [MaxRecords], or one is
// longer than its length field can say, it is [ErrTooLarge]. In both cases the buffer holds no answer.
func (w *AnswerWriter) Finish() (int, error) {
	switch {
	case w.broken:
		return w.length, ErrTooLarge
	case w.length > len(w.buf):
		return w.length, ErrTooSmall
	}
	put16(w.buf[6:], uint16(w.count))
	return w.length, nil
}

// room gives the next n bytes of the buffer, or nil when they are not there, and counts them.
func (w *AnswerWriter) room(n int) []byte {
	at := w.length
	w.length += n
	if w.length > len(w.buf) {
		return nil
	}
	return w.buf[at:w.length]
}
