// Package main is a guest that does one thing for each first label, for benchmarks.
package main

import "github.com/namelet/namelet/sdk"

var host = sdk.MustName("host.example")

func main() {}

func init() {
	sdk.Handle(func(q *sdk.Query, a *sdk.Answer) {
		switch q.Name().Label() {
		case "static":
		case "record":
			a.A([4]byte{192, 0, 2, 1})
		case "lookup":
			q.Lookup(host, sdk.TypeA)
			a.A([4]byte{192, 0, 2, 1})
		case "rrset":
			a.From(host)
		case "inputs":
			q.Client(24, 56)
			q.Now(60)
			q.Pick(10)
			a.A([4]byte{192, 0, 2, 1})
		}
	})
}
