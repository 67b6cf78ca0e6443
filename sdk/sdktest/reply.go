package sdktest

import (
	"context"
	"strings"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// Reply is what came of a question.
type Reply struct {
	Err         error    // the guest's failure, a *runtime.Fault; the rest is then the fallback
	Outcome     string   // ANSWER, NODATA, NXDOMAIN, REFERRAL, REFUSED or SERVFAIL
	Records     []string // answer section: owner in lower case, TTL, type, rdata in presentation form
	NegativeTTL uint32   // seconds; of a negative answer
	Reads       []string // the inputs the answer was made from, in the order they were first asked for
	Fuel        uint64   // units burnt; zero natively
}

// String gives the reply as [Case.Want] has it: FAILED when the guest did, then the outcome when it is not
// ANSWER, then the records, each on a line.
func (r Reply) String() string {
	var lines []string
	if r.Err != nil {
		lines = append(lines, "FAILED")
	}
	if r.Outcome != "ANSWER" {
		lines = append(lines, r.Outcome)
	}
	return strings.Join(append(lines, r.Records...), "\n")
}

// recorder stands between a resolver and an instance and keeps what happened. It is the resolver's Guest too:
// one that has this instance alone and does not close it.
type recorder struct {
	instance
	err   error
	fuel  uint64
	reads []string
}

func (r *recorder) NewInstance(context.Context) (resolve.Instance, error) { return r, nil }

func (r *recorder) Close(context.Context) error { return nil }

func (r *recorder) Answer(q *hostabi.Question, fuel uint64, h runtime.Host, a *runtime.Answer) error {
	err := r.instance.Answer(q, fuel, h, a)
	if err != nil {
		r.err = err
	}
	r.fuel += a.Fuel
	lookups := r.Lookups()
	for _, e := range r.Trace() {
		r.reads = append(r.reads, e.Describe(lookups))
	}
	return err
}

func (r *recorder) reply(resp *resolve.Response) Reply {
	reply := Reply{Err: r.err, Fuel: r.fuel, Reads: r.reads, Outcome: outcomes[resp.Outcome]}
	for _, set := range resp.Answer.Answer {
		reply.Records = append(reply.Records, zonefile.FormatSet(set)...)
	}
	if resp.Outcome == authority.OutcomeNoData || resp.Outcome == authority.OutcomeNXDomain {
		for _, set := range resp.Authority {
			if set.Type == rr.TypeSOA {
				reply.NegativeTTL = set.TTL
			}
		}
	}
	return reply
}

var outcomes = map[authority.Outcome]string{
	authority.OutcomeAnswer: "ANSWER", authority.OutcomeNoData: "NODATA", authority.OutcomeNXDomain: "NXDOMAIN",
	authority.OutcomeReferral: "REFERRAL", authority.OutcomeRefused: "REFUSED", authority.OutcomeFailed: "SERVFAIL",
}
