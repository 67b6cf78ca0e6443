package authority_test

import (
	"fmt"
	goruntime "runtime"
	"testing"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

var benchSizes = []int{10_000, 1_000_000}

// BenchmarkLookup asks for names all over a zone, so that caches of the processor
// do not flatter it.
func BenchmarkLookup(b *testing.B) {
	for _, size := range benchSizes {
		s := buildWide(b, size)
		zones := served(s)
		kinds := []struct {
			name string
			ask  func(i int) string
			want authority.Outcome
		}{
			{"hit", func(i int) string { return fmt.Sprintf("host-%07d.example.", i-i%10+1) }, authority.OutcomeAnswer},
			{"referral", func(i int) string { return fmt.Sprintf("www.host-%07d.example.", i-i%10) }, authority.OutcomeReferral},
			{"nxdomain", func(i int) string { return fmt.Sprintf("host-%07dx.example.", i) }, authority.OutcomeNXDomain},
			{"wildcard", func(i int) string { return fmt.Sprintf("x%d.wild.example.", i) }, authority.OutcomeAnswer},
		}
		for _, kind := range kinds {
			questions := make([]authority.Question, 1<<14)
			for i := range questions {
				questions[i] = authority.Question{Name: name(b, kind.ask(i*7919%size)), Type: rr.TypeA}
			}
			b.Run(fmt.Sprintf("%s/%d", kind.name, size), func(b *testing.B) {
				benchQuestions(b, zones, questions, kind.want)
			})
		}
	}
}

func benchQuestions(b *testing.B, zones *authority.Zones, questions []authority.Question, want authority.Outcome) {
	var a authority.Answer
	zones.Lookup(questions[0], &a)
	if a.Outcome != want {
		b.Fatalf("%v: got outcome %d, want %d", questions[0].Name, a.Outcome, want)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		zones.Lookup(questions[i&(len(questions)-1)], &a)
	}
}

func BenchmarkSignedNXDomain(b *testing.B) {
	zones := served(zoneOf(b, "testdata/signed.txt", "example."))
	benchQuestions(b, zones, []authority.Question{question(b, "ml.example. A do")}, authority.OutcomeNXDomain)
}

func BenchmarkApply(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := buildWide(b, size)
			names := make([]rr.Name, 1<<12)
			for i := range names {
				names[i] = wideName(i * 7919 % size)
			}
			changes := []authority.Change{{Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x01x"}}}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				changes[0].Name = names[i&(len(names)-1)]
				next, err := s.Apply(uint64(i), changes)
				if err != nil {
					b.Fatal(err)
				}
				s = next
			}
		})
	}
}

// BenchmarkBuild reports what a name of a zone costs in memory that stays: with
// its address, and for every tenth an NS and glue.
func BenchmarkBuild(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			var before, after goruntime.MemStats
			var s *authority.Snapshot
			for b.Loop() {
				s = nil
				goruntime.GC()
				goruntime.ReadMemStats(&before)
				s = buildWide(b, size)
				goruntime.GC()
				goruntime.ReadMemStats(&after)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(s.Names()), "B/name")
		})
	}
}
