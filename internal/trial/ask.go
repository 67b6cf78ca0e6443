package trial

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// reply is what came of a question.
type reply struct {
	fault *runtime.Fault // the guest's failure; the rest is then the fallback
	lines []string       // as Case.Want, in order
	reads []string       // as Case.Reads
	fuel  uint64
	guest bool // it was asked at all
}

// ask asks an instance one question, with a resolver of its own, so that nothing is remembered from question
// to question.
func (p *places) ask(ctx context.Context, s Scenario, a asked, instance *runtime.Instance) (reply, error) {
	now := time.Unix(cmp.Or(a.Now, defaultNow), 0)
	resolver := resolve.New(resolve.Config{
		Site: s.Site,
		Now:  func() time.Time { return now },
		Draw: func(k, n int) int {
			if k >= len(a.Picks) {
				return 0
			}
			return a.Picks[k] % n
		},
	})
	worker := resolver.NewWorker()
	defer worker.Close()
	recorder := &recorder{Instance: instance}
	routing, problems := resolve.NewRouting(p.zones, []*resolve.Attachment{{
		Zone: p.zone, At: p.at, Grants: p.grants, Guest: recorder, Label: "the guest on trial",
		Fuel: cmp.Or(s.Fuel, runtime.DefaultFuel),
	}})
	if err := errors.Join(problems...); err != nil {
		return reply{}, err
	}
	resolver.SetRouting(ctx, routing)
	var response resolve.Response
	worker.Resolve(a.question, a.client, &response)
	recorder.said.lines = lines(recorder.said.fault, &response)
	return recorder.said, recorder.host
}

// recorder stands between a resolver and an instance and keeps what happened. It is the resolver's Guest
// too: one that has this instance alone and does not close it.
type recorder struct {
	*runtime.Instance
	said reply
	host error // a failure that is not the guest's
}

func (r *recorder) NewInstance(context.Context) (resolve.Instance, error) { return r, nil }

func (r *recorder) Close(context.Context) error { return nil }

func (r *recorder) Answer(q *hostabi.Question, fuel uint64, h runtime.Host, a *runtime.Answer) error {
	err := r.Instance.Answer(q, fuel, h, a)
	var fault *runtime.Fault
	if errors.As(err, &fault) {
		r.said.fault = fault
	} else if err != nil {
		r.host = err
	}
	r.said.guest = true
	r.said.fuel += a.Fuel
	lookups := r.Lookups()
	for _, e := range r.Trace() {
		r.said.reads = append(r.said.reads, e.Describe(lookups))
	}
	return err
}

// lines words a response as Case.Want does.
func lines(fault *runtime.Fault, response *resolve.Response) []string {
	var out []string
	if fault != nil {
		out = append(out, "FAILED")
	}
	if response.Outcome != authority.OutcomeAnswer {
		out = append(out, outcomes[response.Outcome])
	}
	for _, set := range response.Answer.Answer {
		out = append(out, zonefile.FormatSet(set)...)
	}
	slices.Sort(out)
	return out
}

var outcomes = map[authority.Outcome]string{
	authority.OutcomeNoData: "NODATA", authority.OutcomeNXDomain: "NXDOMAIN", authority.OutcomeReferral: "REFERRAL",
	authority.OutcomeRefused: "REFUSED", authority.OutcomeFailed: "SERVFAIL",
}

// normal is the lines of a Case.Want as a reply has them: one space between words, sorted.
func normal(want []string) []string {
	var out []string
	for _, line := range want {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

// listed words an answer's lines in one.
func listed(lines []string) string {
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, ", ")
}

// oneLine makes one line of at most n bytes of a text, with nothing that a terminal would act on: names of
// functions and what a guest writes are whatever its author likes.
func oneLine(s string, n int) string {
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.Join(strings.Fields(s), " "))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}
