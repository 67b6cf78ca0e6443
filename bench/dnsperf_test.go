package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// perfText is the end of what dnsperf 2.10 prints.
const perfText = `[Status] Testing complete (time limit)

Statistics:

  Queries sent:         51712
  Queries completed:    51651
  Queries lost:         61 (0.12%)

  Response codes:       NOERROR 46491 (90.01%), SERVFAIL 7 (0.01%), NXDOMAIN 5153 (9.98%)
  Average packet size:  request 40, response 61
  Run time (s):         1.000091
  Queries per second:   51646.300187

  Average Latency (s):  0.003851 (min 0.000022, max 0.155621)
  Latency StdDev (s):   0.011215
`

func TestParsePerf(t *testing.T) {
	got, err := parsePerf(perfText)
	if err != nil {
		t.Fatal(err)
	}
	want := perfResult{
		sent: 51712, completed: 51651, lost: 61, seconds: 1.000091, rate: 51646.300187, octets: 61,
		codes: map[string]int64{"NOERROR": 46491, "SERVFAIL": 7, "NXDOMAIN": 5153},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(perfResult{})); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if got.failures() != 7 {
		t.Errorf("got %d failures, want 7", got.failures())
	}
}

// A line that is not there is an error, never a zero.
func TestParsePerfIncomplete(t *testing.T) {
	for _, line := range []string{"Queries sent", "Queries completed", "Queries lost", "Run time", "Queries per second", "Average packet size"} {
		text := strings.Replace(perfText, line, "Something", 1)
		if _, err := parsePerf(text); err == nil {
			t.Errorf("without %q: no error", line)
		}
	}
}
