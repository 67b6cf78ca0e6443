// Package main is a guest that allocates 16 KiB for each query.
package main

import "github.com/namelet/namelet/sdk"

var last []byte

func main() {}

func init() {
	sdk.Handle(func(_ *sdk.Query, a *sdk.Answer) {
		last = make([]byte, 16<<10)
		a.TXT(string(last[:8]))
	})
}
