// Package conformance runs the suites of hostabi/conformance over this repository's host: the raw
// guest in src, and the guests of the Go SDK, of the C header and of the libraries in Rust and
// AssemblyScript.
package conformance

import (
	"testing"

	"github.com/namelet/namelet/hostabi/conformance"
	"github.com/namelet/namelet/sdk/sdktest"
)

// host is the real resolver and runtime behind sdktest.
type host struct{}

func (host) Start(tb testing.TB, wasm []byte, s conformance.Setup) conformance.Asker {
	setup := sdktest.Setup{Zone: s.Apex, Grants: s.Grants, Config: s.Config, Site: s.Site}
	for _, z := range s.Zones {
		setup.Zones = append(setup.Zones, sdktest.Zone{Apex: z.Apex, Text: z.Text, Private: z.Private})
	}
	return asker{sdktest.NewServer(tb, sdktest.Module(wasm), setup)}
}

type asker struct{ server *sdktest.Server }

func (a asker) Ask(tb testing.TB, qname, qtype string, in conformance.Inputs) conformance.Reply {
	got := a.server.Ask(tb, sdktest.Question{
		Ask: qname + " " + qtype, Client: in.Client, Transport: in.Transport, Picks: in.Picks, Now: conformance.Now,
	})
	rcodes := map[string]string{"ANSWER": "NOERROR", "NODATA": "NOERROR"}
	outcome, ok := rcodes[got.Outcome]
	if !ok {
		outcome = got.Outcome
	}
	return conformance.Reply{
		Failed: got.Err != nil, Outcome: outcome, Records: got.Records, NegativeTTL: got.NegativeTTL,
	}
}

func TestHost(t *testing.T) {
	conformance.RunHost(t, host{}, sdktest.BuildC(t, "src/conformance.c", "../../sdk/c"))
}

func TestGoSDK(t *testing.T) {
	conformance.RunGuest(t, host{}, sdktest.BuildGo(t, "gosdk"))
}

func TestCSDK(t *testing.T) {
	conformance.RunGuest(t, host{}, sdktest.BuildC(t, "src/csdk.c", "../../sdk/c"))
}

func TestRustSDK(t *testing.T) {
	conformance.RunGuest(t, host{}, sdktest.Build(t, "rust"))
}

func TestAssemblyScriptSDK(t *testing.T) {
	conformance.RunGuest(t, host{}, sdktest.Build(t, "assemblyscript"))
}
