package broadcast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Change is what Update sets; a field that is nil stays as it is.
type Change struct {
	Title, Description, Category *string
	Tags                         *[]string
	Links                        *[]BroadcastLink
	Start, End                   *time.Time // only of one that is scheduled
}

// errVersion is the outcome of changing a version that is no longer the last.
var errVersion = errors.New("broadcast: changed meanwhile")

// Update changes the broadcast that an operation is about, if match agrees with its
// version. What it is called can be changed on air too. The outcomes are
// rest.ErrChanged, ErrBad…, ErrNotScheduled, ErrOverlaps and ErrNotFound.
func (s *Service) Update(ctx context.Context, match rest.IfMatch, c Change) (Broadcast, error) {
	const tries = 5 // against others who change it at the same time
	for try := 1; ; try++ {
		b, err := s.update(ctx, match, c)
		if !errors.Is(err, errVersion) {
			return b, err
		}
		if match.Given() || try == tries {
			return Broadcast{}, rest.ErrChanged
		}
	}
}

func (s *Service) update(ctx context.Context, match rest.IfMatch, c Change) (Broadcast, error) {
	at := auth.AccessOf(ctx)
	now := s.cfg.Now()
	var b Broadcast
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, at.ChannelID); err != nil {
			return err
		}
		var err error
		if b, err = read(ctx, tx.Queries, at.BroadcastID); err != nil {
			return err
		}
		if err := match.Check(b.Version); err != nil {
			return err
		}
		if err := s.retime(ctx, tx, &b, c, now); err != nil {
			return err
		}
		t := c.texts(&b)
		if err := t.clean(); err != nil {
			return err
		}
		links, err := encodeLinks(t.links)
		if err != nil {
			return fmt.Errorf("broadcast: encode links: %w", err)
		}
		n, err := tx.UpdateBroadcast(ctx, store.UpdateBroadcastParams{
			ID: b.ID, Version: b.Version, Title: t.title, Description: t.description, Category: t.category, Links: links,
			PlannedStart: b.PlannedStart, PlannedEnd: b.PlannedEnd, UpdatedAt: column.At(now),
		})
		if err != nil {
			return fmt.Errorf("broadcast: update: %w", err)
		}
		if n == 0 {
			return errVersion
		}
		if t.title != b.Title || t.description != b.Description || t.category != b.Category || !slices.Equal(t.tags, b.Tags) {
			if err := saveWords(ctx, tx, b.ID, &t); err != nil {
				return fmt.Errorf("broadcast: update: %w", err)
			}
		}
		if at.Role&(auth.Owner|auth.Broadcaster) == 0 { // staff
			if err := s.audit(ctx, tx, &b, "broadcast.update"); err != nil {
				return err
			}
		}
		if err := tx.Notify(ctx, auth.TopicBroadcast, b.ID.String()); err != nil {
			return err
		}
		b, err = read(ctx, tx.Queries, b.ID)
		return err
	})
	return b, err
}

// texts returns what b will say of itself.
func (c *Change) texts(b *Broadcast) texts {
	t := texts{b.Title, b.Description, b.Category, b.Tags, b.Links}
	set(&t.title, c.Title)
	set(&t.description, c.Description)
	set(&t.category, c.Category)
	set(&t.tags, c.Tags)
	set(&t.links, c.Links)
	return t
}

func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// retime gives b, whose channel is locked, other times. One whose time has begun
// without it may last longer.
func (s *Service) retime(ctx context.Context, tx *db.Tx, b *Broadcast, c Change, now time.Time) error {
	if c.Start == nil && c.End == nil {
		return nil
	}
	if b.State != Scheduled {
		return ErrNotScheduled
	}
	start, end := b.PlannedStart.Time, b.PlannedEnd.Time
	set(&start, c.Start)
	set(&end, c.End)
	start, end = column.At(start).Time, column.At(end).Time
	if !isPlan(now, start, end) || (!start.Equal(b.PlannedStart.Time) && !start.After(now)) {
		return ErrBadTimes
	}
	b.PlannedStart, b.PlannedEnd = column.Maybe(start), column.Maybe(end)
	return s.isFree(ctx, tx, b.ChannelID, b.ID, start, end)
}

// Publish shows the broadcast that an operation is about to whoever sees its channel.
// One that has not ended is ErrNotEnded.
func (s *Service) Publish(ctx context.Context) (Broadcast, error) {
	return s.show(ctx, "broadcast.publish", func(tx *db.Tx, id uuid.UUID, now column.Time) (int64, error) {
		return tx.PublishBroadcast(ctx, store.PublishBroadcastParams{ID: id, PublishedAt: &now, UpdatedAt: now})
	})
}

// Unpublish hides it again.
func (s *Service) Unpublish(ctx context.Context) (Broadcast, error) {
	return s.show(ctx, "broadcast.unpublish", func(tx *db.Tx, id uuid.UUID, now column.Time) (int64, error) {
		return tx.UnpublishBroadcast(ctx, store.UnpublishBroadcastParams{ID: id, UpdatedAt: now})
	})
}

func (s *Service) show(ctx context.Context, action string, do func(*db.Tx, uuid.UUID, column.Time) (int64, error)) (Broadcast, error) {
	var b Broadcast
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		n, err := do(tx, auth.AccessOf(ctx).BroadcastID, column.At(s.cfg.Now()))
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		if b, err = read(ctx, tx.Queries, auth.AccessOf(ctx).BroadcastID); err != nil {
			return err
		}
		if b.State != Ended {
			return ErrNotEnded
		}
		if n == 0 { // it is so already
			return nil
		}
		return s.audit(ctx, tx, &b, action)
	})
	return b, err
}

// Delete removes the broadcast that an operation is about, with all that was
// measured. One that is on air is ErrOnAir.
func (s *Service) Delete(ctx context.Context) error {
	at := auth.AccessOf(ctx)
	return s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, at.ChannelID); err != nil {
			return err
		}
		b, err := read(ctx, tx.Queries, at.BroadcastID)
		if err != nil {
			return err
		}
		if b.State == OnAir {
			return ErrOnAir
		}
		if _, err := tx.DeleteBroadcast(ctx, b.ID); err != nil {
			return fmt.Errorf("broadcast: delete: %w", err)
		}
		return s.audit(ctx, tx, &b, "broadcast.delete")
	})
}

func (s *Service) audit(ctx context.Context, tx *db.Tx, b *Broadcast, action string) error {
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: action, TargetKind: "broadcast", TargetID: b.ID.String(), Target: b.Title,
		Detail: map[string]any{"channel": b.ChannelSlug},
	})
}
