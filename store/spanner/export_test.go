package spanner

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"google.golang.org/grpc"

	"github.com/namelet/namelet/store"
)

// Intercepted returns options whose calls go through interceptors.
func Intercepted(o Options, unary grpc.UnaryClientInterceptor, stream grpc.StreamClientInterceptor) Options {
	o.dial = append(o.dial, grpc.WithChainUnaryInterceptor(unary), grpc.WithChainStreamInterceptor(stream))
	return o
}

// Impatient returns options whose calls may take so long.
func Impatient(o MigrateOptions, silence time.Duration) MigrateOptions {
	o.silence = silence
	return o
}

// SchemaVersion is the version of the schema that this release works with.
func SchemaVersion() int { return len(migrations) }

// SetVersion makes a database say that its schema is of a version.
func SetVersion(t *testing.T, database, endpoint string, version int) {
	t.Helper()
	ctx := context.Background()
	d := &Driver{database: database, options: Options{Endpoint: endpoint}}
	client, err := d.dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	changes := []*spanner.Mutation{spanner.Delete(tableVersions, spanner.AllKeys())}
	for n := range version {
		changes = append(changes, spanner.Insert(tableVersions, []string{"Version", "Schema", "Applied"}, []any{int64(n + 1), make([]byte, 16), spanner.CommitTimestamp}))
	}
	if _, err := client.Apply(ctx, changes); err != nil {
		t.Fatal(err)
	}
}

// The migrations make a table for each of the driver's.
func TestMigrationsMakeAllTables(t *testing.T) {
	var all strings.Builder
	for _, m := range migrations {
		all.WriteString(strings.Join(m, "\n") + "\n")
	}
	for _, table := range store.Tables() {
		if !strings.Contains(all.String(), "CREATE TABLE IF NOT EXISTS "+table.String()+" (") {
			t.Errorf("no migration makes table %v: add one", table)
		}
	}
}
