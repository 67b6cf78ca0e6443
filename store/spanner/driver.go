package spanner

import (
	"context"
	"errors"
	"io"
	"log"
	"sync"
	"time"

	"cloud.google.com/go/spanner"
	"google.golang.org/grpc"

	"github.com/namelet/namelet/store"
)

// Options of Open; the zero value is ready to use.
type Options struct {
	// Endpoint is HOST:PORT of an emulator, in place of SPANNER_EMULATOR_HOST. Where
	// neither is given the driver talks to Spanner.
	Endpoint string

	dial      []grpc.DialOption // for tests
	retention time.Duration     // of the change log; 0 for the usual time
}

// Driver is a store.Driver over one database.
type Driver struct {
	database  string
	options   Options
	retention time.Duration

	// An emulator aborts the transaction of a session when the session begins
	// another, where Spanner itself knows sessions of many transactions. There,
	// batches are applied in turns.
	turns *sync.Mutex

	making chan struct{} // a token: held by who makes a connection

	mu     sync.Mutex
	conn   *connection // nil: to be made
	schema []byte      // the name of the schema that was found first
	closed bool

	backlog backlog
}

// connection is a client and who uses it.
type connection struct {
	client *spanner.Client
	users  int
	dead   bool // closed when the last user has gone
}

// Times that calls may take.
const (
	attemptTime = 1500 * time.Millisecond // without a word from the other side
	readTime    = 5 * time.Second         // of all attempts of a read, from its last row on
	applyTime   = 15 * time.Second        // of all attempts of a batch
	commitTime  = 4 * time.Second         // of one attempt of a batch

	// keepLog is how far back a position may lie. The rows are there longer.
	keepLog = 48 * time.Hour
)

// Open opens a database and makes sure that it has the schema that this release
// knows. ErrSchema where it has not, ErrUnavailable where Spanner cannot be
// reached, ErrForeign where there is no such database.
func Open(ctx context.Context, database string, o Options) (*Driver, error) {
	if err := CheckName(database); err != nil {
		return nil, err
	}
	d := &Driver{database: database, options: o, retention: o.retention, making: make(chan struct{}, 1)}
	if d.retention == 0 {
		d.retention = keepLog
	}
	if emulatorHost(o.Endpoint) != "" {
		d.turns = &sync.Mutex{}
	}
	err := d.read(ctx, func(context.Context, *connection) error { return nil })
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Capabilities says that everything lasts and that others may write too.
func (d *Driver) Capabilities() store.Capabilities { return store.Capabilities{Durable: true} }

// Close lets calls that are on their way come to their end.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.retire(d.conn)
	return nil
}

// acquire returns the connection, which it makes where there is none, for use until
// release.
func (d *Driver) acquire(ctx context.Context) (*connection, error) {
	select {
	case d.making <- struct{}{}:
		defer func() { <-d.making }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	d.mu.Lock()
	c, closed := d.conn, d.closed
	if c != nil {
		c.users++
	}
	d.mu.Unlock()
	if closed {
		return nil, store.ErrClosed
	}
	if c != nil {
		return c, nil
	}
	return d.connect(ctx)
}

// connect makes a connection that has one user, once it is sure that what is at its
// other end is what it was before.
func (d *Driver) connect(ctx context.Context) (*connection, error) {
	client, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	schema, err := checkSchema(ctx, client, d.database)
	if err == nil {
		var c *connection
		if c, err = d.install(client, schema); err == nil {
			return c, nil
		}
	}
	client.Close()
	return nil, err
}

// dial makes a client, which outlives ctx.
func (d *Driver) dial(ctx context.Context) (*spanner.Client, error) {
	config := spanner.ClientConfig{
		CallOptions:          callOptions(),
		Logger:               log.New(io.Discard, "", 0), // what matters is in the errors of calls
		DisableNativeMetrics: true,                       // they need another permission, and /metrics has ours
		UserAgent:            "namelet",
	}
	return spanner.NewClientWithConfig(context.WithoutCancel(ctx), d.database, config, dialOptions(d.options.Endpoint, d.options.dial)...)
}

func (d *Driver) install(client *spanner.Client, schema []byte) (*connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, store.ErrClosed
	case d.schema != nil && string(d.schema) != string(schema):
		return nil, failf(store.ErrForeign, "%s is another database than it was: restart to use it", d.database)
	}
	d.schema = schema
	d.conn = &connection{client: client, users: 1}
	return d.conn, nil
}

// release ends a use of a connection; one that went silent, or that Spanner no
// longer knows, is not used again.
func (d *Driver) release(c *connection, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.users--
	if !c.dead && err != nil && (errors.Is(err, errSilent) || spanner.ErrCode(err) == deadline || sessionLost(err)) {
		d.retire(c)
		return
	}
	if c.dead && c.users == 0 {
		go c.client.Close()
	}
}

// retire takes a connection out of use; d.mu is held.
func (d *Driver) retire(c *connection) {
	if c == nil || c.dead {
		return
	}
	c.dead = true
	if d.conn == c {
		d.conn = nil
	}
	if c.users == 0 {
		go c.client.Close()
	}
}
