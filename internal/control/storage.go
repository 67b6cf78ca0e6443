package control

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/namelet/namelet/store"
)

// Backup says what a backup is of.
type Backup struct {
	Identity string    `json:"identity"` // of the store
	Time     time.Time `json:"time"`
	Rows     uint64    `json:"rows"`
	Bytes    int64     `json:"bytes"`
}

// BackupOf makes a Backup of the store's word for it.
func BackupOf(i store.BackupInfo) Backup {
	return Backup{Identity: i.Identity, Time: i.Time, Rows: i.Rows, Bytes: i.Bytes}
}

// StoreCheck is what a check of the store has looked at, and found.
type StoreCheck struct {
	Zones    int      `json:"zones"`
	RRsets   uint64   `json:"rrsets"`
	Journal  uint64   `json:"journal_entries"`
	Modules  int      `json:"modules"`
	Rows     uint64   `json:"rows"`
	Found    int      `json:"found"`    // how much is wrong
	Findings []string `json:"findings"` // the first thousand, a line each
}

// maxFindings is how many lines a StoreCheck has.
const maxFindings = 1000

// CheckStore reads the whole store and holds it against itself. What is wrong is in
// the result; the error is that of a store that cannot be read.
func (s *Service) CheckStore(ctx context.Context) (StoreCheck, error) {
	findings := []string{}
	seen, err := s.store.Verify(ctx, func(line string) error {
		if len(findings) < maxFindings {
			findings = append(findings, line)
		}
		return nil
	})
	if err != nil {
		return StoreCheck{}, classify(err)
	}
	return StoreCheck{
		Zones: seen.Zones, RRsets: seen.RRsets, Journal: seen.Journal, Modules: seen.Modules, Rows: seen.Rows,
		Found: seen.Findings, Findings: findings,
	}, nil
}

// BackupStore writes a backup of the store as it is now, while others use it.
func (s *Service) BackupStore(ctx context.Context, w io.Writer) (Backup, error) {
	info, err := s.store.Backup(ctx, w)
	return BackupOf(info), classify(err)
}

// writeTime is how long a client may take to take in a part of what goes on for as
// long as it is large.
const writeTime = time.Minute

func (s *Service) serveBackup(w http.ResponseWriter, r *http.Request, _ struct{}) error {
	out := &patientWriter{w: w, control: http.NewResponseController(w)}
	if _, err := s.BackupStore(r.Context(), out); err != nil {
		if out.begun {
			panic(http.ErrAbortHandler) // the client must see that it is cut short
		}
		return err
	}
	return nil
}

// patientWriter begins a response with its first octets, and gives the client time
// anew for each part.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *patientWriter) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		p.w.Header().Set("Content-Type", typeBackup)
	}
	// Where the connection takes no deadline that of the server stands.
	_ = p.control.SetWriteDeadline(time.Now().Add(writeTime))
	return p.w.Write(b)
}

// BackupStore is that of Service. What has been written is a whole backup only
// where the error is nil.
func (c *Client) BackupStore(ctx context.Context, w io.Writer) (Backup, error) {
	response, err := c.send(ctx, http.MethodPost, pathStoreBackup, nil, typeJSON, bytes.NewReader([]byte("{}")))
	if err != nil {
		return Backup{}, err
	}
	defer response.Body.Close()
	info, err := store.ReadBackup(io.TeeReader(response.Body, w), func(store.Table, string, []byte) error { return nil })
	return BackupOf(info), err
}

// CheckStore is that of Service.
func (c *Client) CheckStore(ctx context.Context) (StoreCheck, error) {
	return call[StoreCheck](ctx, c, pathStoreCheck, struct{}{})
}
