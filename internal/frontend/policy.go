package frontend

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/rr"
)

// PolicyConfig says what the server tells about itself, and how it treats who
// asks. The zero value tells nothing, believes no client subnet and limits
// nobody.
type PolicyConfig struct {
	// NSID is the name of this server, for clients that ask for it (RFC 5001); at
	// most 64 octets, empty for none.
	NSID string

	// VersionBind answers version.bind and version.server in class CH, and
	// IDServer answers hostname.bind and id.server (RFC 4892): at most 255 octets
	// each. What is empty is refused.
	VersionBind string
	IDServer    string

	// HealthName is a name that the server answers for itself, in classes IN and CH,
	// whatever the zones have: see [Server.SetReady]. The zero Name is none.
	HealthName rr.Name

	// Cookies makes and checks cookies. Default: a secret of the process's own.
	Cookies *cookie.Jar

	// SubnetFrom holds the networks whose client subnet option is honoured (RFC
	// 7871 section 11.3 says why not all): others may name any network they like.
	SubnetFrom []netip.Prefix

	// Rate limits responses over UDP to clients without a cookie.
	Rate rrl.Config
}

// Bounds of a PolicyConfig, in octets.
const (
	MaxNSID  = 64
	MaxChaos = 255 // octets of a character-string (RFC 1035 section 3.3)
)

// policy is a PolicyConfig at work. It is immutable but for the limiter's counts, and
// for whether the server is ready.
type policy struct {
	PolicyConfig
	healthName string                 // in wire form and lower case
	healthLen  int                    // of a question for it; 0 for none
	unready    atomic.Pointer[string] // why no queries should be sent here; nil where they should
	stuck      atomic.Bool            // some worker is
	nsid       []byte                 // as an option; empty for none
	limiter    *rrl.Limiter           // nil for none
	started    time.Time
}

// newPolicy makes a policy. The error wraps errConfig or rrl.ErrConfig.
func newPolicy(c PolicyConfig) (*policy, error) {
	p := &policy{PolicyConfig: c, started: time.Now()}
	switch {
	case len(c.NSID) > MaxNSID:
		return nil, fmt.Errorf("%w: NSID has %d octets, want at most %d", errConfig, len(c.NSID), MaxNSID)
	case len(c.VersionBind) > MaxChaos:
		return nil, fmt.Errorf("%w: answer to version.bind has %d octets, want at most %d", errConfig, len(c.VersionBind), MaxChaos)
	case len(c.IDServer) > MaxChaos:
		return nil, fmt.Errorf("%w: answer to id.server has %d octets, want at most %d", errConfig, len(c.IDServer), MaxChaos)
	}
	if c.NSID != "" {
		p.nsid = append([]byte{0, optionNSID, 0, byte(len(c.NSID))}, c.NSID...)
	}
	if !c.HealthName.IsZero() {
		p.healthName = c.HealthName.Lower().Wire()
		p.healthLen = len(p.healthName) + questionFixedLen
	}
	if c.Cookies == nil {
		p.Cookies = cookie.Random()
	}
	var err error
	if p.limiter, err = rrl.New(c.Rate); err != nil {
		return nil, fmt.Errorf("frontend: %w", err)
	}
	return p, nil
}

// believes reports whether a client subnet in a packet from client counts.
func (p *policy) believes(client netip.Addr) bool {
	for _, prefix := range p.SubnetFrom {
		if prefix.Contains(client) {
			return true
		}
	}
	return false
}
