package spanner

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/spanner"
	database "cloud.google.com/go/spanner/admin/database/apiv1"
	"cloud.google.com/go/spanner/admin/database/apiv1/databasepb"
	instance "cloud.google.com/go/spanner/admin/instance/apiv1"
	"cloud.google.com/go/spanner/admin/instance/apiv1/instancepb"
	gax "github.com/googleapis/gax-go/v2"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"

	"github.com/namelet/namelet/store"
)

// MigrateOptions go with Migrate.
type MigrateOptions struct {
	Endpoint string // as in Options
	Create   bool   // make the database where it is not there; with an emulator, the instance too

	silence time.Duration // how long a call may take; 0 for the usual time
}

// adminTime is how long a call may take that makes or asks for something. What was
// begun so is waited for as long as it takes, while it says that it goes on.
const adminTime = 15 * time.Second

// ask makes such a call.
func ask[T any](ctx context.Context, o MigrateOptions, call func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeoutCause(ctx, cmp.Or(o.silence, adminTime), errSilent)
	defer cancel()
	v, err := call(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = errSilent
	}
	return v, err
}

// await waits until an operation is done.
func await(ctx context.Context, o MigrateOptions, op interface{ Done() bool }, poll func(context.Context) error) error {
	for again := (gax.Backoff{Initial: 20 * time.Millisecond, Max: time.Second, Multiplier: 1.5}); ; {
		_, err := ask(ctx, o, func(ctx context.Context) (struct{}, error) { return struct{}{}, poll(ctx) })
		if err != nil || op.Done() {
			return err
		}
		if !sleep(ctx, again.Pause()) {
			return ctx.Err()
		}
	}
}

// Migrated is what Migrate came to.
type Migrated struct {
	From, To int // versions of the schema; From is 0 where there was none
}

// Migrate brings the schema of a database up to the version of this release. It may
// be repeated, also after it was cut off, and several may run at once. ErrSchema
// where the schema is newer, and nothing is done.
func Migrate(ctx context.Context, name string, o MigrateOptions) (Migrated, error) {
	if err := CheckName(name); err != nil {
		return Migrated{}, err
	}
	admin, err := database.NewDatabaseAdminClient(ctx, dialOptions(o.Endpoint, nil)...)
	if err != nil {
		return Migrated{}, explain(name, err)
	}
	defer admin.Close()
	if o.Create {
		if err := create(ctx, admin, name, o); err != nil {
			return Migrated{}, explain(name, err)
		}
	}
	d := &Driver{database: name, options: Options{Endpoint: o.Endpoint}}
	client, err := d.dial(ctx)
	if err != nil {
		return Migrated{}, explain(name, err)
	}
	defer client.Close()
	m, err := migrate(ctx, admin, client, name, o)
	return m, d.explain(ctx, err)
}

func migrate(ctx context.Context, admin *database.DatabaseAdminClient, client *spanner.Client, name string, o MigrateOptions) (Migrated, error) {
	version, err := ask(ctx, o, func(ctx context.Context) (version int, err error) {
		version, _, err = readVersion(ctx, client)
		return version, err
	})
	m := Migrated{From: version, To: version}
	switch {
	case err != nil:
		return m, err
	case version > len(migrations):
		return m, newer(name, version)
	}
	for ; m.To < len(migrations); m.To++ {
		if err := alter(ctx, admin, name, migrations[m.To], o); err != nil {
			return m, fmt.Errorf("store: spanner: %s: migration to version %d: %w", name, m.To+1, explain(name, err))
		}
		if err := enter(ctx, client, m.To+1, o); err != nil {
			return m, err
		}
	}
	return m, nil
}

// alter runs the statements of a migration.
func alter(ctx context.Context, admin *database.DatabaseAdminClient, name string, statements migration, o MigrateOptions) error {
	op, err := ask(ctx, o, func(ctx context.Context) (*database.UpdateDatabaseDdlOperation, error) {
		return admin.UpdateDatabaseDdl(ctx, &databasepb.UpdateDatabaseDdlRequest{Database: name, Statements: statements})
	})
	if err != nil {
		return err
	}
	return await(ctx, o, op, func(ctx context.Context) error { return op.Poll(ctx) })
}

// enter says that a migration is done, where nobody has.
func enter(ctx context.Context, client *spanner.Client, version int, o MigrateOptions) error {
	put := func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		_, err := tx.ReadRow(ctx, tableVersions, spanner.Key{int64(version)}, []string{"Version"})
		if spanner.ErrCode(err) != codes.NotFound {
			return err
		}
		var schema []byte
		if version == 1 {
			schema = make([]byte, 16)
			rand.Read(schema)
		}
		return tx.BufferWrite([]*spanner.Mutation{spanner.Insert(tableVersions, []string{"Version", "Schema", "Applied"}, []any{int64(version), schema, spanner.CommitTimestamp})})
	}
	_, err := ask(ctx, o, func(ctx context.Context) (time.Time, error) { return client.ReadWriteTransaction(ctx, put) })
	return err
}

// readVersion returns the version and the name of the schema; 0 where there is none.
func readVersion(ctx context.Context, client *spanner.Client) (version int, schema []byte, err error) {
	rows := client.Single().ReadWithOptions(ctx, tableVersions, spanner.AllKeys(), []string{"Version", "Schema"}, &spanner.ReadOptions{RequestTag: "namelet.schema"})
	defer rows.Stop()
	for {
		row, err := rows.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return version, schema, nil
		case tableMissing(err):
			return 0, nil, nil
		case err != nil:
			return 0, nil, err
		}
		var n int64
		var name []byte
		if err := row.Columns(&n, &name); err != nil {
			return 0, nil, err
		}
		version = max(version, int(n))
		if n == 1 {
			schema = name
		}
	}
}

func tableMissing(err error) bool {
	return spanner.ErrCode(err) == codes.NotFound && strings.Contains(spanner.ErrDesc(err), "Table not found")
}

// checkSchema refuses a schema that is not this release's, and returns its name.
func checkSchema(ctx context.Context, client *spanner.Client, name string) ([]byte, error) {
	version, schema, err := readVersion(ctx, client)
	switch {
	case err != nil:
		return nil, err
	case version == 0:
		return nil, failf(store.ErrSchema, "%s has no tables yet: run: responder store migrate", name)
	case version < len(migrations):
		return nil, failf(store.ErrSchema, "%s has schema %d, older than the %d of this release: run: responder store migrate", name, version, len(migrations))
	case version > len(migrations):
		return nil, newer(name, version)
	}
	return schema, nil
}

func newer(name string, version int) error {
	return failf(store.ErrSchema, "%s has schema %d, newer than the %d of this release: run a newer responder", name, version, len(migrations))
}

// create makes the database where it is not there.
func create(ctx context.Context, admin *database.DatabaseAdminClient, name string, o MigrateOptions) error {
	parent, id, _ := strings.Cut(name, "/databases/")
	if emulatorHost(o.Endpoint) != "" {
		if err := createInstance(ctx, parent, o); err != nil {
			return err
		}
	}
	_, err := ask(ctx, o, func(ctx context.Context) (*databasepb.Database, error) {
		return admin.GetDatabase(ctx, &databasepb.GetDatabaseRequest{Name: name})
	})
	if spanner.ErrCode(err) != codes.NotFound || strings.Contains(spanner.ErrDesc(err), "Instance not found") {
		return err
	}
	op, err := ask(ctx, o, func(ctx context.Context) (*database.CreateDatabaseOperation, error) {
		return admin.CreateDatabase(ctx, &databasepb.CreateDatabaseRequest{Parent: parent, CreateStatement: "CREATE DATABASE `" + id + "`"})
	})
	if err == nil {
		err = await(ctx, o, op, func(ctx context.Context) error { _, err := op.Poll(ctx); return err })
	}
	if spanner.ErrCode(err) == codes.AlreadyExists {
		return nil
	}
	return err
}

// createInstance makes the instance in an emulator, which begins with none.
func createInstance(ctx context.Context, name string, o MigrateOptions) error {
	admin, err := instance.NewInstanceAdminClient(ctx, dialOptions(o.Endpoint, nil)...)
	if err != nil {
		return err
	}
	defer admin.Close()
	project, id, _ := strings.Cut(name, "/instances/")
	op, err := ask(ctx, o, func(ctx context.Context) (*instance.CreateInstanceOperation, error) {
		return admin.CreateInstance(ctx, &instancepb.CreateInstanceRequest{
			Parent: project, InstanceId: id,
			Instance: &instancepb.Instance{Name: name, Config: project + "/instanceConfigs/emulator-config", DisplayName: id, NodeCount: 1},
		})
	})
	if err == nil {
		err = await(ctx, o, op, func(ctx context.Context) error { _, err := op.Poll(ctx); return err })
	}
	if spanner.ErrCode(err) == codes.AlreadyExists {
		return nil
	}
	return err
}
