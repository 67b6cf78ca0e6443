package trial

import (
	"fmt"
	"slices"
)

// Report is what a trial found out about a module.
type Report struct {
	Imports   []string `json:"imports"`   // the host functions that the module can call, MODULE.NAME
	Inputs    []string `json:"inputs"`    // those by which it reads something beside the question
	Size      int      `json:"size"`      // of the module in bytes
	Functions int      `json:"functions"` // that it defines
	Copied    bool     `json:"copied"`    // instances are copies of an initialised one

	CompileSeconds float64 `json:"compile_seconds"` // to inspect, meter and compile it, nothing of it known before
	InitFuel       uint64  `json:"init_fuel"`       // units that its start burnt
	Memory         int     `json:"memory"`          // bytes that an instance had at most
	Configured     bool    `json:"configured"`      // it starts without configuration; else only scenarios asked it
	Asked          int     `json:"asked"`           // questions
	FuelMedian     uint64  `json:"fuel_median"`     // units a question
	FuelMost       uint64  `json:"fuel_most"`       // units of one question
	Scenarios      int     `json:"scenarios"`

	Failures []Finding `json:"failures,omitempty"` // why it must not become a version
	Remarks  []Finding `json:"remarks,omitempty"`  // what its author may want to know
	Left     int       `json:"left,omitempty"`     // failures and remarks beyond those listed

	fuel []uint64 // of each question
}

// Finding is one thing that went wrong in a trial.
type Finding struct {
	Scenario string `json:"scenario,omitempty"` // empty for what every guest is asked
	Question string `json:"question,omitempty"` // "www.example. A"; empty where none was asked
	Problem  string `json:"problem"`            // one line
}

// String gives the finding in one line.
func (f Finding) String() string {
	text := f.Problem
	if f.Question != "" {
		text = f.Question + ": " + text
	}
	if f.Scenario != "" {
		text = "scenario " + f.Scenario + ": " + text
	}
	return text
}

// Bounds of a report.
const (
	maxFindings = 20  // failures, and remarks
	maxProblem  = 300 // bytes of each text of a finding
)

// Failed reports whether the module must not become a version.
func (r *Report) Failed() bool { return len(r.Failures) > 0 }

// Problem words what failed in one line; empty where nothing did.
func (r *Report) Problem() string {
	switch more := len(r.Failures) - 1; {
	case more < 0:
		return ""
	case more == 0:
		return r.Failures[0].String()
	default:
		return fmt.Sprintf("%v (and %d more)", r.Failures[0], more+r.Left)
	}
}

func (r *Report) fail(f Finding) { r.Failures = r.add(r.Failures, f) }

func (r *Report) remark(f Finding) { r.Remarks = r.add(r.Remarks, f) }

func (r *Report) add(to []Finding, f Finding) []Finding {
	f = Finding{oneLine(f.Scenario, maxProblem), oneLine(f.Question, maxProblem), oneLine(f.Problem, maxProblem)}
	if slices.Contains(to, f) {
		return to
	}
	if len(to) == maxFindings {
		r.Left++
		return to
	}
	return append(to, f)
}

// burnt counts a question.
func (r *Report) burnt(fuel uint64) { r.fuel = append(r.fuel, fuel) }

// finish fills what is known in the end only.
func (r *Report) finish() {
	r.Asked = len(r.fuel)
	if r.Asked > 0 {
		slices.Sort(r.fuel)
		r.FuelMedian, r.FuelMost = r.fuel[(r.Asked-1)/2], r.fuel[r.Asked-1]
	}
}
