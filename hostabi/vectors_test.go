package hostabi_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/hostabi/conformance"
)

func loadVectors(tb testing.TB) []conformance.Vector {
	tb.Helper()
	vectors, err := conformance.Vectors(os.DirFS("testdata/vectors"))
	if err != nil {
		tb.Fatal(err)
	}
	return vectors
}

func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			fields, problem := conformance.Describe(v)
			if problem != v.Error {
				t.Fatalf("%s\ngot problem %q, want %q", v.Subject, problem, v.Error)
			}
			if diff := cmp.Diff(v.Fields, fields); diff != "" {
				t.Errorf("%s\nfields (-want +got):\n%s", v.Subject, diff)
			}
			if v.Error == "" && v.Canonical {
				if diff := cmp.Diff(v.Bytes, rewrite(t, v)); diff != "" {
					t.Errorf("%s\nwritten again (-want +got):\n%s", v.Subject, diff)
				}
			}
		})
	}
}

// TestVectorsCutShort reads every proper prefix of every good vector: none may read beyond its end,
// and only of structs that are sequences without a count may a prefix be good.
func TestVectorsCutShort(t *testing.T) {
	for _, v := range loadVectors(t) {
		if v.Error != "" || v.Struct == "rdata" || v.Name == "question-grown" {
			continue
		}
		for n := range v.Bytes {
			cut := v
			cut.Bytes = v.Bytes[:n:n]
			if _, problem := conformance.Describe(cut); problem == "" {
				t.Errorf("%s cut to %d of %d bytes was read without a problem", v.Name, n, len(v.Bytes))
			}
		}
	}
}

// rewrite reads a vector and writes what it read.
func rewrite(t *testing.T, v conformance.Vector) []byte {
	t.Helper()
	out := make([]byte, 24)
	switch v.Struct {
	case "answer":
		return rewriteAnswer(t, v.Bytes)
	case "question":
		var q hostabi.Question
		check(t, hostabi.ParseQuestion(v.Bytes, &q))
		return hostabi.AppendQuestion(nil, &q)
	case "config":
		return rewriteConfig(t, v.Bytes)
	case "buffers":
		b, err := hostabi.ParseBuffers(v.Bytes, 1<<16)
		check(t, err)
		hostabi.PutBuffers(out, b)
		return out[:hostabi.BuffersSize]
	case "client":
		c, err := hostabi.ParseClient(v.Bytes)
		check(t, err)
		hostabi.PutClient(out, c)
		return out
	case "lookup-request":
		r, _, err := hostabi.ParseLookupRequest(v.Bytes)
		check(t, err)
		hostabi.PutLookupRequest(out, r)
		hostabi.PutLookupResult(out, r.Result)
		return out
	case "rrset-info":
		s, err := hostabi.ParseRRsetInfo(v.Bytes)
		check(t, err)
		hostabi.PutRRsetInfo(out, s)
		return out
	case "rdata":
		return rewriteRdata(v.Bytes)
	}
	t.Fatalf("no writer for struct %q", v.Struct)
	return nil
}

func rewriteAnswer(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := hostabi.ReadAnswer(b)
	check(t, err)
	var w hostabi.AnswerWriter
	out := make([]byte, len(b))
	w.Reset(out, r.Disposition())
	w.SetNegativeTTL(r.NegativeTTL())
	var rec hostabi.RecordView
	for r.Next(&rec) {
		writeRecord(&w, &rec)
	}
	n, err := w.Finish()
	check(t, err)
	return out[:n]
}

func writeRecord(w *hostabi.AnswerWriter, rec *hostabi.RecordView) {
	head := hostabi.RecordHead{Type: rec.Type, Kind: rec.Kind, TTL: rec.TTL, HasTTL: rec.HasTTL, Owner: rec.Owner}
	if rec.Kind == hostabi.KindHandle {
		w.Handle(head, rec.Handle)
		return
	}
	w.Begin(head)
	w.AppendBytes(rec.Data)
	w.End()
}

func rewriteConfig(t *testing.T, b []byte) []byte {
	t.Helper()
	c, err := hostabi.ParseConfig(b)
	check(t, err)
	values := map[string]string{}
	for key, value := range c.All {
		values[string(key)] = string(value)
	}
	out, err := hostabi.AppendConfig(nil, values)
	check(t, err)
	return out
}

func rewriteRdata(rest []byte) []byte {
	out := []byte(nil)
	for len(rest) > 0 {
		rdata, after, _ := hostabi.NextRdata(rest)
		out, rest = hostabi.AppendRdata(out, rdata), after
	}
	return out
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
