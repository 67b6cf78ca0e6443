// Package sdktest asks guests questions in Go tests: zones as text, a client, a time, draws, and the
// answer that must come.
//
//	func TestWeighted(t *testing.T) {
//		sdktest.Run(t, sdktest.Here(), sdktest.Setup{
//			Zones:  []sdktest.Zone{{Apex: "example", File: "testdata/example.zone"}},
//			Config: map[string]string{"blue.example": "9", "green.example": "1"},
//		}, []sdktest.Case{
//			{Ask: "www.example A", Picks: []int{9}, Want: "www.example. 300 A 192.0.2.2"},
//		})
//	}
//
// [Run] asks each case three times: natively, where a debugger and coverage work; of a compiled
// module's instance that has answered before; and of a fresh instance. Answers and the inputs they were made from must
// be the same, since a server keeps answers by their inputs. Questions go the way they go in the server,
// through its resolver and runtime, so that fallbacks, CNAME chains, wildcards and the checks on answers are the
// real ones.
//
// It builds modules with the compilers of their languages; a test that lacks one fails and says how to get it. [NewServer] is for tests that need more than Run.
package sdktest
