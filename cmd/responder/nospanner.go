//go:build nospanner

package main

import (
	"context"
	"errors"

	"github.com/namelet/namelet/store"
)

var errNoSpanner = errors.New("this program was built without Spanner (tag nospanner)")

func checkSpanner(string) error { return errNoSpanner }

func openSpanner(context.Context, string) (store.Driver, error) { return nil, errNoSpanner }

func migrateSpanner(context.Context, string, bool) (from, to int, err error) {
	return 0, 0, errNoSpanner
}
