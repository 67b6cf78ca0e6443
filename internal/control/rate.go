package control

import (
	"strconv"
	"sync"

	"golang.org/x/time/rate"
)

// rates bounds how often each caller comes. A caller may come as often as in a second
// all at once.
type rates struct {
	limit int // requests a second; 0 for none

	mu   sync.Mutex
	each map[string]*rate.Limiter
	rest *rate.Limiter // of all that there is no room for
}

// maxRates bounds how many callers are told apart at a time.
const maxRates = 4096

func newRates(limit int) *rates {
	r := &rates{limit: limit, each: map[string]*rate.Limiter{}}
	r.rest = r.fresh()
	return r
}

func (r *rates) fresh() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.limit), r.limit) }

// take counts a request; CodeRate where it is one too many.
func (r *rates) take(who string) error {
	if r.limit == 0 || r.of(who).Allow() {
		return nil
	}
	return &Error{Code: CodeRate, Detail: "more than " + strconv.Itoa(r.limit) + " requests a second (RESPONDER_CONTROL_RATE): try again in a second"}
}

func (r *rates) of(who string) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.each[who]; l != nil {
		return l
	}
	if len(r.each) >= maxRates {
		for name, l := range r.each { // who has not come for a second is as new
			if l.Tokens() >= float64(r.limit) {
				delete(r.each, name)
			}
		}
	}
	if len(r.each) >= maxRates {
		return r.rest
	}
	l := r.fresh()
	r.each[who] = l
	return l
}
