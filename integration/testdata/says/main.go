// Package main is a guest whose versions differ in the address that they answer.
package main

import "github.com/namelet/namelet/sdk"

// version is set by the linker.
var version = "0"

func main() {}

func init() {
	sdk.Handle(func(q *sdk.Query, a *sdk.Answer) {
		a.TTL(60)
		a.A([4]byte{192, 0, 2, version[0] - '0'})
	})
}
