package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// operations are what commands do. control.Service does them on an open store,
// control.Client through a running server.
type operations interface {
	Zones(context.Context) ([]control.Zone, error)
	Zone(context.Context, control.ZoneName) (control.Zone, error)
	SetZone(context.Context, control.ZoneSet) (control.Zone, error)
	ImportZone(context.Context, control.ZoneImport, []rr.Set) (control.Zone, error)
	ImportZoneWatched(context.Context, control.ZoneImport, []rr.Set, func(control.ImportProgress)) (control.Zone, error)
	ExportZone(context.Context, control.ZoneName) ([]rr.Set, error)
	DeleteZone(context.Context, control.ZoneName) error
	Records(context.Context, control.RecordQuery) (control.Records, error)
	SetRecords(context.Context, control.RecordSetRequest) (control.Change, error)
	DeleteRecords(context.Context, control.RecordDeleteRequest) (control.Change, error)
	ApplyRecords(context.Context, control.RecordApply) (control.Change, error)
	Guests(context.Context) ([]control.GuestVersion, error)
	PushGuest(context.Context, control.GuestPush, []byte) (control.GuestVersion, error)
	Attachments(context.Context) ([]control.Attachment, error)
	Attach(context.Context, control.Attachment) (control.Attachment, error)
	DeleteGuest(context.Context, control.GuestVersionName) error
	Detach(context.Context, control.AttachmentPoint) error
	Activate(context.Context, control.Activation) (control.Attachment, error)
	RollBack(context.Context, control.RollbackRequest) (control.Attachment, error)
	GuestStatus(context.Context, control.GuestStatusQuery) ([]control.GuestStatus, error)
	Tokens(context.Context) ([]control.Token, error)
	CreateToken(context.Context, control.TokenRequest) (control.NewToken, error)
	DeleteToken(context.Context, control.TokenName) error
	Audit(context.Context, control.AuditQuery) ([]control.AuditEntry, error)
	CheckStore(context.Context) (control.StoreCheck, error)
	BackupStore(context.Context, io.Writer) (control.Backup, error)
	Close() error
}

// patience is how long a command waits for a store that another command has, or
// for a server that has the store and is about to listen.
const patience = 5 * time.Second

// operate opens the operations, calls do and closes them. The store must be there.
func (p *program) operate(ctx context.Context, do func(operations) error) error {
	spec, err := parseStore(p.config.Store)
	if err == nil {
		err = spec.exists()
	}
	if err != nil {
		return err
	}
	return p.operateOn(ctx, spec, do)
}

// operateNew is operate for what a store begins with: it is made where it is not there.
func (p *program) operateNew(ctx context.Context, do func(operations) error) error {
	spec, err := parseStore(p.config.Store)
	if err != nil {
		return err
	}
	return p.operateOn(ctx, spec, do)
}

func (p *program) operateOn(ctx context.Context, spec storeSpec, do func(operations) error) error {
	ops, err := p.operations(ctx, spec)
	if err != nil {
		return err
	}
	return errors.Join(do(ops), ops.Close())
}

// operations opens the store where it is free; where a server has it, the
// operations go through the server.
func (p *program) operations(ctx context.Context, spec storeSpec) (operations, error) {
	if spec.kind == storeMemory || spec.kind == storeServer {
		return p.remote(ctx, spec)
	}
	for deadline := time.Now().Add(patience); ; {
		st, err := spec.open(ctx)
		if err == nil {
			return p.local(ctx, st)
		}
		if !errors.Is(err, store.ErrLocked) {
			return nil, err
		}
		ops, err := p.remote(ctx, spec)
		if err == nil || !errors.Is(err, control.ErrUnreachable) {
			return ops, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("store %s: another process has it, and no server that could be asked answers on %s", spec, p.config.controlAddress())
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// local makes the operations of this process over an open store.
func (p *program) local(ctx context.Context, st *store.Store) (operations, error) {
	engine, err := p.engine(ctx)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	service, err := p.service(st, engine)
	if err != nil {
		return nil, errors.Join(err, engine.Close(context.WithoutCancel(ctx)), st.Close())
	}
	return &localOperations{Service: service, close: func() error {
		return errors.Join(engine.Close(context.WithoutCancel(ctx)), st.Close())
	}}, nil
}

// service makes the operations over a store, with modules tried in processes of their own.
func (p *program) service(st *store.Store, engine *runtime.Engine) (*control.Service, error) {
	child, err := p.trials()
	if err != nil {
		return nil, err
	}
	keys, err := p.config.guestKeys()
	if err != nil {
		return nil, err
	}
	service := control.NewService(st, engine)
	service.Allow(p.config.guestLimits())
	service.Trust(keys)
	service.TryWith(child)
	return service, nil
}

type localOperations struct {
	*control.Service
	close func() error
}

// GuestStatus tells of the servers that the store knows of: none is here.
func (l *localOperations) GuestStatus(ctx context.Context, q control.GuestStatusQuery) ([]control.GuestStatus, error) {
	return l.Service.GuestStatus(ctx, q, nil, nil)
}

func (l *localOperations) Close() error { return l.close() }

// remote makes the operations of the running server.
func (p *program) remote(ctx context.Context, spec storeSpec) (operations, error) {
	client, err := p.running(ctx, spec)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// running makes a client of the running server, once it is sure that the server has
// the store that is meant.
func (p *program) running(ctx context.Context, spec storeSpec) (*control.Client, error) {
	client, err := p.config.client()
	if err != nil {
		return nil, err
	}
	address := p.config.controlAddress()
	status, err := client.Status(ctx)
	if err != nil {
		if spec.kind == storeMemory && errors.Is(err, control.ErrUnreachable) {
			return nil, fmt.Errorf("store memory: lives in a running server only, and none answers on %s", address)
		}
		if spec.kind == storeServer && errors.Is(err, control.ErrUnreachable) {
			return nil, fmt.Errorf("no server answers on %s", address)
		}
		if errors.Is(err, control.ErrSilent) {
			return nil, fmt.Errorf("what listens on %s does not answer", address)
		}
		return nil, err
	}
	if spec.kind != storeServer && status.Store != spec.String() {
		return nil, fmt.Errorf("the server on %s has the store %s, not %s: set RESPONDER_STORE or RESPONDER_CONTROL_LISTEN", address, status.Store, spec)
	}
	return client, nil
}

// runningHere is running for the store that the configuration names.
func (p *program) runningHere(ctx context.Context) (*control.Client, error) {
	spec, err := parseStore(p.config.Store)
	if err != nil {
		return nil, err
	}
	return p.running(ctx, spec)
}

// token reads the secret of the control endpoint; empty where there is none.
func (c *config) token() (string, error) {
	if c.ControlTokenFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.ControlTokenFile)
	if err != nil {
		return "", fmt.Errorf("RESPONDER_CONTROL_TOKEN_FILE: %w", pathError(err))
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("RESPONDER_CONTROL_TOKEN_FILE: %s is empty", c.ControlTokenFile)
	}
	return token, nil
}
