package broadcast

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Remind notes that whoever asks wants a mail when the broadcast of an operation
// begins. One that has begun is ErrNotUpcoming.
func (s *Service) Remind(ctx context.Context) error {
	b, err := s.Get(ctx)
	if err != nil {
		return err
	}
	if b.State != Scheduled && b.State != Prepared {
		return ErrNotUpcoming
	}
	err = s.cfg.DB.Write().PutBroadcastReminder(ctx, store.PutBroadcastReminderParams{
		BroadcastID: b.ID, UserID: auth.User(ctx).UserID, CreatedAt: column.At(s.cfg.Now()),
	})
	if db.IsForeignKey(err) { // deleted meanwhile
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("broadcast: note a reminder: %w", err)
	}
	return nil
}

// Forget takes back what Remind noted, if anything.
func (s *Service) Forget(ctx context.Context, broadcast string) error {
	id, err := uuid.Parse(broadcast)
	if err != nil {
		return nil // of none can there be a reminder
	}
	_, err = s.cfg.DB.Write().DeleteBroadcastReminder(ctx, store.DeleteBroadcastReminderParams{
		BroadcastID: id, UserID: auth.User(ctx).UserID,
	})
	if err != nil {
		return fmt.Errorf("broadcast: forget a reminder: %w", err)
	}
	return nil
}

// reminds reports whether whoever asks wants a mail when the broadcast begins; nil
// if nobody is signed in.
func (s *Service) reminds(ctx context.Context, id uuid.UUID) (*bool, error) {
	p := auth.User(ctx)
	if !p.IsUser() {
		return nil, nil
	}
	n, err := s.cfg.DB.Read().CountBroadcastReminder(ctx, store.CountBroadcastReminderParams{BroadcastID: id, UserID: p.UserID})
	if err != nil {
		return nil, fmt.Errorf("broadcast: look for a reminder: %w", err)
	}
	is := n > 0
	return &is, nil
}
