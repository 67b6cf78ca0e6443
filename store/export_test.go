package store

import "context"

// TrimAuditTo is TrimAudit with other bounds of a shard.
func (s *Store) TrimAuditTo(ctx context.Context, ofOne, all int) error {
	return s.trimAudit(ctx, auditBounds{ofOne, all})
}
