package hostabi_test

import (
	"errors"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// writeExample writes an answer of three records, one of each kind.
func writeExample(w *hostabi.AnswerWriter, buf []byte) (int, error) {
	w.Reset(buf, hostabi.DispositionAnswer)
	w.Begin(hostabi.RecordHead{Type: rr.TypeA, TTL: 30, HasTTL: true})
	w.Append(192, 0, 2, 1)
	w.End()
	w.Begin(hostabi.RecordHead{Type: rr.TypeMX, Kind: hostabi.KindText, Owner: []byte("\x01a\x00")})
	w.AppendString("10 mx")
	w.End()
	w.Handle(hostabi.RecordHead{Type: rr.TypeAAAA}, 7)
	return w.Finish()
}

func TestAnswerWriterNeedsExactRoom(t *testing.T) {
	var w hostabi.AnswerWriter
	want, err := writeExample(&w, make([]byte, 1024))
	if err != nil {
		t.Fatal(err)
	}
	for size := range want + 2 {
		// Bytes past the buffer's end stand guard against a write beyond it.
		guarded := make([]byte, size+8)
		for i := range guarded[size:] {
			guarded[size+i] = 0xa5
		}
		got, err := writeExample(&w, guarded[:size])
		if got != want {
			t.Errorf("room %d: got length %d, want %d", size, got, want)
		}
		if small := size < want; errors.Is(err, hostabi.ErrTooSmall) != small {
			t.Errorf("room %d of %d: got error %v", size, want, err)
		}
		for _, b := range guarded[size:] {
			if b != 0xa5 {
				t.Fatalf("room %d: a byte beyond the buffer was written", size)
			}
		}
	}
}

func TestAnswerWriterTooLarge(t *testing.T) {
	tests := []struct {
		name  string
		write func(w *hostabi.AnswerWriter)
	}{
		{"257 records", func(w *hostabi.AnswerWriter) {
			for range hostabi.MaxRecords + 1 {
				w.Handle(hostabi.RecordHead{Type: rr.TypeA}, 0)
			}
		}},
		{"data of 65536 bytes", func(w *hostabi.AnswerWriter) {
			w.Begin(hostabi.RecordHead{Type: rr.TypeTXT})
			w.AppendBytes(make([]byte, 65536))
			w.End()
		}},
		{"owner of 256 bytes", func(w *hostabi.AnswerWriter) {
			w.Handle(hostabi.RecordHead{Type: rr.TypeA, Owner: make([]byte, 256)}, 0)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w hostabi.AnswerWriter
			w.Reset(make([]byte, 1<<17), hostabi.DispositionAnswer)
			tt.write(&w)
			if _, err := w.Finish(); !errors.Is(err, hostabi.ErrTooLarge) {
				t.Errorf("got error %v, want ErrTooLarge", err)
			}
		})
	}
}

func TestAnswerOf256Records(t *testing.T) {
	var w hostabi.AnswerWriter
	buf := make([]byte, 1<<16)
	w.Reset(buf, hostabi.DispositionAnswer)
	for i := range hostabi.MaxRecords {
		w.Handle(hostabi.RecordHead{Type: rr.TypeA}, int32(i))
	}
	n, err := w.Finish()
	check(t, err)
	r, err := hostabi.ReadAnswer(buf[:n])
	check(t, err)
	var rec hostabi.RecordView
	read := 0
	for r.Next(&rec) {
		if rec.Handle != int32(read) {
			t.Errorf("record %d: got handle %d", read, rec.Handle)
		}
		read++
	}
	if r.Err() != nil || read != hostabi.MaxRecords {
		t.Errorf("got %d records, error %v", read, r.Err())
	}
}

func TestQuestionIsLowered(t *testing.T) {
	q := hostabi.Question{QName: []byte("\x03WwW\x07EXAMPLE\x00"), QType: rr.TypeA, ZoneOff: 4, AttachOff: 4}
	var got hostabi.Question
	check(t, hostabi.ParseQuestion(hostabi.AppendQuestion(nil, &q), &got))
	if want := "\x03www\x07example\x00"; string(got.QName) != want {
		t.Errorf("got qname %q, want %q", got.QName, want)
	}
	if string(got.Zone()) != "\x07example\x00" || string(got.Attach()) != "\x07example\x00" {
		t.Errorf("got zone %q and attachment point %q", got.Zone(), got.Attach())
	}
}

func TestNoAllocations(t *testing.T) {
	var w hostabi.AnswerWriter
	buf, question := make([]byte, 1024), make([]byte, 0, 512)
	q := hostabi.Question{QName: []byte("\x03www\x07example\x00"), QType: rr.TypeA, ZoneOff: 4}
	allocs := testing.AllocsPerRun(100, func() {
		question = hostabi.AppendQuestion(question[:0], &q)
		var parsed hostabi.Question
		if hostabi.ParseQuestion(question, &parsed) != nil {
			t.Fatal("the question is malformed")
		}
		n, err := writeExample(&w, buf)
		r, bad := hostabi.ReadAnswer(buf[:n])
		var rec hostabi.RecordView
		for r.Next(&rec) {
		}
		if err != nil || bad != nil || r.Err() != nil {
			t.Fatal(err, bad, r.Err())
		}
	})
	if allocs != 0 {
		t.Errorf("a question and an answer through the codec: got %v allocations, want 0", allocs)
	}
}

func BenchmarkAnswer(b *testing.B) {
	b.ReportAllocs()
	var w hostabi.AnswerWriter
	buf := make([]byte, 1024)
	for b.Loop() {
		n, _ := writeExample(&w, buf)
		r, _ := hostabi.ReadAnswer(buf[:n])
		var rec hostabi.RecordView
		for r.Next(&rec) {
		}
	}
}
