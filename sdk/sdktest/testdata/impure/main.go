// Package main is a guest that breaks the rule that earlier queries must not show: it counts them, and
// asks for the time in every second one.
package main

import (
	"strconv"

	"github.com/namelet/namelet/sdk"
)

var queries int

func main() {}

func init() {
	sdk.Handle(func(q *sdk.Query, a *sdk.Answer) {
		queries++
		if q.Name().Label() == "counts" {
			a.TXT(strconv.Itoa(queries))
			return
		}
		if queries%2 == 0 {
			q.Now(60)
		}
		a.TXT("same")
	})
}
