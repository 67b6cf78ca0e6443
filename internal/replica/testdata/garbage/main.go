// Package main is a guest that makes 16 KiB of garbage for each answer.
package main

import "github.com/namelet/namelet/sdk"

var garbage []byte

func main() {}

func init() {
	sdk.Handle(func(_ *sdk.Query, a *sdk.Answer) {
		garbage = make([]byte, 16<<10)
		a.TXT("fresh")
	})
}
