package instance

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

// Filter says which entries of the audit log are wanted; what is empty is any.
type Filter struct {
	Actor  string // username
	Action string // such as ban.create
	Target string // id of what it was done to
}

// AuditLog returns a page of the audit log, newest first.
func (s *Service) AuditLog(ctx context.Context, f Filter, cursor string, limit int) (rest.Page[store.AuditLog], error) {
	c, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[store.AuditLog]{}, err
	}
	rows, err := queryAudit(ctx, s.cfg.DB.Read(), f, c, int32(limit)+1)
	if err != nil {
		return rest.Page[store.AuditLog]{}, fmt.Errorf("instance: read the audit log: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, limit, rows, func(e store.AuditLog) rest.Cursor { return rest.Cursor{ID: e.ID} }), nil
}

// queryAudit picks the query whose index leaves the fewest entries to look at.
func queryAudit(ctx context.Context, q *store.Queries, f Filter, c rest.Cursor, most int32) ([]store.AuditLog, error) {
	switch {
	case f.Target != "" && c.Back:
		return q.AuditOfTargetAfter(ctx, store.AuditOfTargetAfterParams{TargetID: f.Target, Actor: f.Actor, Action: f.Action, ID: c.ID, Most: most})
	case f.Target != "":
		return q.AuditOfTargetBefore(ctx, store.AuditOfTargetBeforeParams{TargetID: f.Target, Actor: f.Actor, Action: f.Action, ID: c.ID, Most: most})
	case f.Actor != "" && c.Back:
		return q.AuditByActorAfter(ctx, store.AuditByActorAfterParams{Actor: f.Actor, Action: f.Action, ID: c.ID, Most: most})
	case f.Actor != "":
		return q.AuditByActorBefore(ctx, store.AuditByActorBeforeParams{Actor: f.Actor, Action: f.Action, ID: c.ID, Most: most})
	case f.Action != "" && c.Back:
		return q.AuditOfActionAfter(ctx, store.AuditOfActionAfterParams{Action: f.Action, ID: c.ID, Most: most})
	case f.Action != "":
		return q.AuditOfActionBefore(ctx, store.AuditOfActionBeforeParams{Action: f.Action, ID: c.ID, Most: most})
	case c.Back:
		return q.AuditAfter(ctx, store.AuditAfterParams{ID: c.ID, Limit: most})
	}
	return q.AuditBefore(ctx, store.AuditBeforeParams{ID: c.ID, Limit: most})
}

func idOf(id uuid.NullUUID) string {
	if !id.Valid {
		return ""
	}
	return id.UUID.String()
}
