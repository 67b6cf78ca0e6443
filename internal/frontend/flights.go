package frontend

// flights are the questions that are being computed, each with those who have
// asked the same since and wait for it. It is not safe for concurrent use.
type flights struct {
	of     map[string][]*exchange
	joined int // exchanges that wait
}

func newFlights() flights { return flights{of: map[string][]*exchange{}} }

// begin notes that a question is being computed, unless it is already.
func (f *flights) begin(key string) bool {
	if _, has := f.of[key]; has {
		return false
	}
	f.of[key] = nil
	return true
}

// join makes an exchange wait for the question. Where more than most would, the
// oldest of them does not any more and is returned.
func (f *flights) join(key string, x *exchange, most int) (oldest *exchange) {
	waiting := f.of[key]
	if len(waiting) > 0 && len(waiting) >= most {
		oldest, waiting = waiting[0], waiting[1:]
		f.joined--
	}
	f.of[key] = append(waiting, x)
	f.joined++
	return oldest
}

// end notes that the question has been computed, and returns who waited for it.
func (f *flights) end(key string) []*exchange {
	waiting := f.of[key]
	delete(f.of, key)
	f.joined -= len(waiting)
	return waiting
}
