package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Purge is the job of erasing what nobody can restore any more. It should come once
// an hour.
type Purge struct{}

// Kind implements river.JobArgs.
func (Purge) Kind() string { return "account_purge" }

// PurgerConfig is what a Purger needs. Fields without a default are required.
type PurgerConfig struct {
	DB     *db.DB
	Batch  int              // rows asked for at a time; 100 if zero
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger
}

// Purger does the job Purge.
type Purger struct {
	river.WorkerDefaults[Purge]

	cfg PurgerConfig
}

// NewPurger returns a Purger.
func NewPurger(cfg PurgerConfig) (*Purger, error) {
	if cfg.DB == nil || cfg.Logger == nil {
		return nil, errors.New("account: a purger needs a database and a logger")
	}
	if cfg.Batch == 0 {
		cfg.Batch = 100
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Purger{cfg: cfg}, nil
}

// Work implements river.Worker: it erases accounts that were deleted longer ago than
// RestoreWindow, with their channels and all that belongs to them, each in a
// transaction of its own; and the traces of links in mails that have expired. Names
// and addresses are free again then.
func (p *Purger) Work(ctx context.Context, _ *river.Job[Purge]) error {
	if err := p.forgetLinks(ctx); err != nil {
		return err
	}
	before := column.Maybe(p.cfg.Now().Add(-RestoreWindow))
	for {
		gone, err := p.cfg.DB.Read().UsersToPurge(ctx, store.UsersToPurgeParams{DeletedAt: before, Limit: int32(p.cfg.Batch)})
		if err != nil {
			return fmt.Errorf("account: look for what is to be erased: %w", err)
		}
		for _, user := range gone {
			if err := p.erase(ctx, user, before); err != nil {
				return fmt.Errorf("account: erase: %w", err)
			}
		}
		if len(gone) < p.cfg.Batch {
			return nil
		}
	}
}

// forgetLinks deletes links that have expired, but keeps those that bound how much
// mail an address gets.
func (p *Purger) forgetLinks(ctx context.Context) error {
	for {
		n, err := p.cfg.DB.Write().DeleteExpiredMailTokens(ctx, store.DeleteExpiredMailTokensParams{
			ExpiresAt: column.At(p.cfg.Now().Add(-addressWindow)), Limit: int32(p.cfg.Batch),
		})
		if err != nil {
			return fmt.Errorf("account: forget links: %w", err)
		}
		if n < int64(p.cfg.Batch) {
			return nil
		}
	}
}

// erase removes user for good, unless others have restored or erased it meanwhile.
func (p *Purger) erase(ctx context.Context, user store.UsersToPurgeRow, before *column.Time) error {
	now := p.cfg.Now()
	erased := false
	err := p.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		n, err := tx.ClaimUserToPurge(ctx, store.ClaimUserToPurgeParams{ID: user.ID, DeletedBefore: before})
		if err != nil || n == 0 {
			return err
		}
		if err := tx.PurgeUserPictures(ctx, store.PurgeUserPicturesParams{UserID: user.ID, Now: column.At(now)}); err != nil {
			return fmt.Errorf("pictures: %w", err)
		}
		if err := tx.PurgeUserFollows(ctx, user.ID); err != nil {
			return fmt.Errorf("follows: %w", err)
		}
		slugs, err := tx.PurgeUserChannels(ctx, user.ID)
		if err != nil {
			return fmt.Errorf("channels: %w", err)
		}
		for _, slug := range slugs {
			if err := tx.Notify(ctx, auth.TopicChannel, slug); err != nil {
				return err
			}
		}
		if err := tx.PurgeUserChat(ctx, uuid.NullUUID{UUID: user.ID, Valid: true}); err != nil {
			return err
		}
		if _, err := tx.PurgeUser(ctx, user.ID); err != nil {
			return err
		}
		if err := tx.Notify(ctx, auth.TopicUser, user.ID.String()); err != nil {
			return err
		}
		erased = true
		return auth.Audit(ctx, tx, now, auth.Action{
			Name: "user.purge", TargetKind: "user", TargetID: user.ID.String(), Target: user.Username,
			Detail: map[string]any{"channels": slugs},
		})
	})
	if err == nil && erased {
		p.cfg.Logger.InfoContext(ctx, "account erased", "user", user.ID)
	}
	return err
}
