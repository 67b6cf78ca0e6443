package sdk

import (
	"strings"

	"github.com/namelet/namelet/hostabi"
)

// Config is the attachment's configuration, valid while OnInit runs. Strings got from it are copies
// and may be kept.
type Config struct{ raw hostabi.Config }

// Len gives the number of values.
func (c Config) Len() int { return c.raw.Len() }

// Get gives the value of key, and whether there is one.
func (c Config) Get(key string) (string, bool) {
	v, ok := c.raw.Get(key)
	return string(v), ok
}

// All calls yield with every key and value, by key in byte order: for key, value := range c.All.
func (c Config) All(yield func(key, value string) bool) {
	for k, v := range c.raw.All {
		if !yield(strings.Clone(view(k)), strings.Clone(view(v))) {
			return
		}
	}
}
