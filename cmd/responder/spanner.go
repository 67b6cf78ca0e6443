//go:build !nospanner

package main

import (
	"context"

	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/spanner"
)

// This file is all that ties the program to Spanner and to what its client brings.

func checkSpanner(database string) error { return spanner.CheckName(database) }

func openSpanner(ctx context.Context, database string) (store.Driver, error) {
	d, err := spanner.Open(ctx, database, spanner.Options{})
	if err != nil {
		return nil, err // d in an interface would not be nil
	}
	return d, nil
}

// migrateSpanner returns the versions of the schema before and after.
func migrateSpanner(ctx context.Context, database string, create bool) (from, to int, err error) {
	m, err := spanner.Migrate(ctx, database, spanner.MigrateOptions{Create: create})
	return m.From, m.To, err
}
