package sdk

import (
	"errors"
	"strconv"

	"github.com/namelet/namelet/hostabi"
)

// ErrWeights is the error of Weights.Configure for weights that do not add up to 1 to 65,536.
var ErrWeights = errors.New("sdk: the weights must add up to 1 to 65536")

// Weights chooses among names, each as often as its weight says. The zero value is to be configured.
type Weights struct {
	names []Name
	ends  []int // ends[i] is the sum of the weights up to and with name i
}

// Configure takes all values of a configuration, each a name and its weight: {"blue.example": "9",
// "green.example": "1"}. It fits OnInit. The error is ErrWeights, or says which name or weight is none; w is
// then unchanged.
func (w *Weights) Configure(c Config) error {
	var next Weights
	total := 0
	for key, value := range c.All {
		name, err := ParseName(key)
		if err != nil {
			return errors.New("sdk: weights: " + key + " is no name: " + err.Error())
		}
		weight, err := strconv.ParseUint(value, 10, 17)
		if err != nil {
			return errors.New("sdk: weights: " + key + ": " + value + " is no weight")
		}
		total += int(weight)
		next.names, next.ends = append(next.names, name), append(next.ends, total)
	}
	if total < 1 || total > hostabi.MaxPick {
		return ErrWeights
	}
	*w = next
	return nil
}

// Pick draws a name. It is one pick of the query.
func (w *Weights) Pick(q *Query) Name {
	if len(w.ends) == 0 {
		q.fail(StatusInvalid)
		return Name{}
	}
	draw := q.Pick(w.ends[len(w.ends)-1])
	i := 0
	for draw >= w.ends[i] {
		i++
	}
	return w.names[i]
}
