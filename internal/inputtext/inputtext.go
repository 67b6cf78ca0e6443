// Package inputtext puts what guests asked for into words, so that a trace, a look into
// a cache and the log of slow answers say the same of the same input. [Of] does so for
// all inputs but lookups, which have more to tell than a value.
package inputtext

import (
	"strconv"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
)

// Words are an input for people.
type Words struct {
	Input string // its name
	Grain string // how finely it was asked for; empty where there is no such thing
	Value string
}

// String is the words on one line.
func (w Words) String() string {
	if w.Grain == "" {
		return w.Input + " = " + w.Value
	}
	return w.Input + " (" + w.Grain + ") = " + w.Value
}

// Of puts an input into words, which is no lookup. The site of a server is not in the
// input, and is given.
func Of(in *resolve.Input, site string) Words {
	w := Words{Input: in.Kind.String(), Value: strconv.FormatInt(in.Value, 10)}
	switch in.Kind {
	case resolve.InputClient, resolve.InputSource:
		w.Input, w.Grain, w.Value = "client", "/"+strconv.Itoa(int(in.V4))+" of IPv4, /"+strconv.Itoa(int(in.V6))+" of IPv6", in.Prefix.String()
	case resolve.InputNow:
		w.Grain, w.Value = (time.Duration(in.Arg) * time.Second).String(), time.Unix(in.Value, 0).UTC().Format(time.RFC3339)
	case resolve.InputBefore:
		w.Grain, w.Value = time.Unix(in.Arg, 0).UTC().Format(time.RFC3339), strconv.FormatBool(in.Value == 1)
	case resolve.InputPick:
		w.Grain = "of " + strconv.FormatInt(in.Arg, 10)
	case resolve.InputTransport:
		w.Value = hostabi.Transport(in.Value).String()
	case resolve.InputSite:
		w.Value = site
	case resolve.InputRelease:
		w.Input, w.Value = "release", "active"
		if in.Value == 1 {
			w.Value = "candidate"
		}
	}
	return w
}
