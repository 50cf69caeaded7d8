package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Action is a privileged action as the audit log names it: "user.suspend".
type Action struct {
	Name       string         // KIND.VERB
	TargetKind string         // "user", "channel", …
	TargetID   string         // id of what it was done to
	Target     string         // its name, for people
	Detail     map[string]any // what changed; never a secret
}

// Audit notes in the transaction of q that whoever ctx speaks for does a. What the
// program does by itself is noted as done by "system".
func Audit(ctx context.Context, q interface {
	CreateAuditEntry(ctx context.Context, arg store.CreateAuditEntryParams) error
}, at time.Time, a Action,
) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("auth: make an id: %w", err)
	}
	entry := store.CreateAuditEntryParams{
		ID: id, Actor: "system", Action: a.Name,
		TargetKind: a.TargetKind, TargetID: a.TargetID, Target: a.Target, CreatedAt: column.At(at),
	}
	if p := User(ctx); p.Name != "" {
		entry.Actor = p.Name
		entry.ActorID = uuid.NullUUID{UUID: p.UserID, Valid: p.UserID != uuid.Nil}
	}
	if c := ClientOf(ctx); c.Addr.IsValid() {
		entry.Address = c.Addr.String()
	}
	if a.Detail != nil {
		if entry.Detail, err = json.Marshal(a.Detail); err != nil {
			return fmt.Errorf("auth: encode an entry of the audit log: %w", err)
		}
	}
	if err := q.CreateAuditEntry(ctx, entry); err != nil {
		return fmt.Errorf("auth: write the audit log: %w", err)
	}
	return nil
}
