// Package main is a guest that is impure: it answers with whichever key a range over a map meets
// first. One instance gives different answers to the same question, and another than a fresh one; the
// host has to notice, since guest memory is an input that no trace shows.
package main

import "github.com/namelet/namelet/sdk"

// addresses has more entries than a map keeps in order.
var addresses = map[string]bool{}

func main() {}

func init() {
	for _, a := range []string{
		"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8",
		"192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14", "192.0.2.15", "192.0.2.16",
	} {
		addresses[a] = true
	}
	sdk.Handle(func(_ *sdk.Query, a *sdk.Answer) {
		for address := range addresses {
			a.TXT(address)
			return
		}
	})
}
