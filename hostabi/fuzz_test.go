package hostabi_test

import (
	"bytes"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/hostabi/conformance"
)

// seed adds every vector of a struct to a fuzz corpus.
func seed(f *testing.F, structName string) {
	for _, v := range loadVectors(f) {
		if v.Struct == structName {
			f.Add(v.Bytes)
		}
	}
}

// FuzzAnswer reads anything as an answer; what is good is written again, and read to the same records.
func FuzzAnswer(f *testing.F) {
	seed(f, "answer")
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, problem := conformance.Describe(conformance.Vector{Struct: "answer", Bytes: b})
		if problem != "" {
			return
		}
		again, problem := conformance.Describe(conformance.Vector{Struct: "answer", Bytes: rewriteAnswer(t, b)})
		if problem != "" {
			t.Fatalf("an answer written from a good one has problem %q", problem)
		}
		for i := range fields {
			if fields[i] != again[i] {
				t.Errorf("part %d: got %q after writing, %q before", i, again[i], fields[i])
			}
		}
	})
}

// FuzzQuestion reads anything as a question; a good one survives being written.
func FuzzQuestion(f *testing.F) {
	seed(f, "question")
	f.Fuzz(func(t *testing.T, b []byte) {
		var q, again hostabi.Question
		if hostabi.ParseQuestion(b, &q) != nil {
			return
		}
		written := hostabi.AppendQuestion(nil, &q)
		if err := hostabi.ParseQuestion(written, &again); err != nil {
			t.Fatal(err)
		}
		if !bytes.EqualFold(again.QName, q.QName) || again.QType != q.QType || len(again.Zone()) != len(q.Zone()) {
			t.Errorf("got %+v after writing, %+v before", again, q)
		}
	})
}

// FuzzConfig reads anything as a configuration; a good one has ascending keys that Get finds.
func FuzzConfig(f *testing.F) {
	seed(f, "config")
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := hostabi.ParseConfig(b)
		if err != nil {
			return
		}
		count := 0
		for key, value := range c.All {
			if got, ok := c.Get(string(key)); !ok || !bytes.Equal(got, value) {
				t.Errorf("Get(%q): got %q, want %q", key, got, value)
			}
			count++
		}
		if count != c.Len() {
			t.Errorf("got %d values, want %d", count, c.Len())
		}
	})
}
