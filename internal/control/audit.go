package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// AuditEntry says who changed something.
type AuditEntry struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Who       string    `json:"who"`            // a token, a certificate or a user
	From      string    `json:"from,omitempty"` // an address
	Operation string    `json:"operation"`
	Subjects  []string  `json:"subjects"` // zones, points of attachments, guests with or without a version, tokens; arguments of a command that ran without a server
}

// AuditQuery asks for the newest entries that fit.
type AuditQuery struct {
	Limit     int    `json:"limit,omitempty"`      // 100 where 0, at most 10,000
	Subject   string `json:"subject,omitempty"`    // as in AuditEntry, whole; of a guest without a version all of them
	Who       string `json:"who,omitempty"`        // a part of it
	RequestID string `json:"request_id,omitempty"` // whole
}

// Bounds of AuditQuery.Limit.
const (
	auditLimit    = 100
	maxAuditLimit = 10_000
)

// Audit lists changes, the newest first; CodeInvalid.
func (s *Service) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	if q.Limit == 0 {
		q.Limit = auditLimit
	}
	if q.Limit < 0 || q.Limit > maxAuditLimit {
		return nil, invalid("limit: want 1 to 10000")
	}
	found, err := s.store.Audit(ctx, q.Limit, q.wants)
	if err != nil {
		return nil, classify(err)
	}
	all := make([]AuditEntry, len(found))
	for i, e := range found {
		all[i] = AuditEntry{Time: e.Time, RequestID: e.RequestID, Who: e.Who, From: e.From, Operation: e.Operation, Subjects: append([]string{}, e.Subjects...)}
	}
	return all, nil
}

func (q AuditQuery) wants(e *store.AuditEntry) bool {
	if q.RequestID != "" && e.RequestID != q.RequestID || !strings.Contains(e.Who, q.Who) {
		return false
	}
	if q.Subject == "" {
		return true
	}
	return slices.ContainsFunc(e.Subjects, func(subject string) bool { return sameSubject(subject, q.Subject) })
}

// sameSubject reports whether a subject is the one that is looked for: the same text, the
// same name written in another way, or any version of a guest.
func sameSubject(a, b string) bool {
	if guest, _, versioned := strings.Cut(a, "@"); a == b || versioned && guest == b {
		return true
	}
	if !strings.Contains(a+b, `\`) {
		return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
	}
	n, err := rr.ParseName(a)
	m, bad := rr.ParseName(b)
	return err == nil && bad == nil && n.Equal(m)
}

// Audit is that of Service.
func (c *Client) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	return call[[]AuditEntry](ctx, c, pathAuditList, q)
}

// subjects are what of a touch goes into the audit: zones as the store writes them,
// however the request did.
func (t touch) subjects() []string {
	all := []string{}
	for _, text := range t.zones {
		if name, err := rr.ParseName(text); err == nil {
			text = name.Lower().String()
		}
		all = append(all, text)
	}
	if t.audit != nil {
		return append(all, t.audit...)
	}
	return append(append(all, t.guests...), t.tokens...)
}

// audited returns the context for an operation that may change something.
func audited(ctx context.Context, r *route, t touch) context.Context {
	if !r.changes {
		return ctx
	}
	c := callerOf(ctx)
	return store.WithAudit(ctx, store.AuditEntry{
		RequestID: c.request, Who: c.name, From: c.from,
		Operation: strings.TrimPrefix(r.path, "/v1/"), Subjects: t.subjects(),
	})
}

// headerRequestID is the header with the id of a request, which the caller may give.
const headerRequestID = "X-Request-Id"

const maxRequestID = 64 // octets

// requestID takes the caller's id for a request where it is plain, else makes one.
func requestID(r *http.Request) string {
	given := r.Header.Values(headerRequestID)
	if len(given) == 1 && plainID(given[0]) {
		return given[0]
	}
	return NewRequestID()
}

// NewRequestID makes an id that no other request has.
func NewRequestID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func plainID(s string) bool {
	for _, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && !strings.ContainsRune("-_.:", rune(c)) {
			return false
		}
	}
	return s != "" && len(s) <= maxRequestID
}
