package broadcast

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Bounds of plans.
const (
	minLength    = time.Minute
	maxLength    = 7 * 24 * time.Hour
	maxAhead     = 366 * 24 * time.Hour
	maxScheduled = 200 // of a channel, that are not over
)

// Plan is a broadcast to come. Without times it is prepared for the next publisher.
type Plan struct {
	Title, Description, Category string
	Tags                         []string
	Links                        []BroadcastLink
	Start, End                   time.Time // zero for both, or for neither
}

// Create plans a broadcast on the channel of an operation. The outcomes are ErrBad…,
// ErrOverlaps, ErrPrepared, ErrTooMany and ErrNoChannel.
func (s *Service) Create(ctx context.Context, p Plan) (Broadcast, error) {
	now := s.cfg.Now()
	t := texts{p.Title, p.Description, p.Category, p.Tags, p.Links}
	if err := t.clean(); err != nil {
		return Broadcast{}, err
	}
	state := Prepared
	if !p.Start.IsZero() || !p.End.IsZero() {
		state = Scheduled
		p.Start, p.End = column.At(p.Start).Time, column.At(p.End).Time
		if !isPlan(now, p.Start, p.End) || !p.Start.After(now) {
			return Broadcast{}, ErrBadTimes
		}
	}
	channelID := auth.AccessOf(ctx).ChannelID
	var b Broadcast
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, channelID); err != nil {
			return err
		}
		if err := s.hasRoom(ctx, tx, channelID, state, p, now); err != nil {
			return err
		}
		from, err := tx.ChannelForBroadcast(ctx, channelID)
		if err != nil {
			return fmt.Errorf("broadcast: look at its channel: %w", err)
		}
		id, err := insert(ctx, tx, store.CreateBroadcastParams{
			ChannelID: channelID, State: state, ThumbnailID: from.ThumbnailID,
			PlannedStart: maybe(p.Start), PlannedEnd: maybe(p.End),
			CreatedBy: uuid.NullUUID{UUID: auth.User(ctx).UserID, Valid: auth.User(ctx).IsUser()},
			CreatedAt: column.At(now), UpdatedAt: column.At(now),
		}, &t)
		if err != nil {
			return err
		}
		b, err = read(ctx, tx.Queries, id)
		return err
	})
	return b, err
}

// insert adds a broadcast with texts t and returns its id.
func insert(ctx context.Context, tx *db.Tx, p store.CreateBroadcastParams, t *texts) (uuid.UUID, error) {
	var err error
	if p.ID, err = uuid.NewV7(); err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: make an id: %w", err)
	}
	p.Title, p.Description, p.Category = t.title, t.description, t.category
	if p.Links, err = encodeLinks(t.links); err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: encode links: %w", err)
	}
	if err := tx.CreateBroadcast(ctx, p); err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: create: %w", err)
	}
	if err := saveWords(ctx, tx, p.ID, t); err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: create: %w", err)
	}
	return p.ID, nil
}

// hasRoom reports whether the channel, which is locked, takes another plan.
func (s *Service) hasRoom(ctx context.Context, tx *db.Tx, channelID uuid.UUID, state string, p Plan, now time.Time) error {
	if state == Prepared {
		n, err := tx.CountPreparedBroadcasts(ctx, channelID)
		if err != nil {
			return fmt.Errorf("broadcast: count prepared ones: %w", err)
		}
		if n > 0 {
			return ErrPrepared
		}
		return nil
	}
	n, err := tx.CountUpcomingBroadcasts(ctx, store.CountUpcomingBroadcastsParams{
		ChannelID: channelID, Since: column.Maybe(now.Add(-maxLength)), Now: column.Maybe(now),
	})
	if err != nil {
		return fmt.Errorf("broadcast: count scheduled ones: %w", err)
	}
	if n >= maxScheduled {
		return ErrTooMany
	}
	return s.isFree(ctx, tx, channelID, uuid.Nil, p.Start, p.End)
}

// isFree reports whether no other broadcast of the channel, which is locked, than
// that with id is planned for the time.
func (s *Service) isFree(ctx context.Context, tx *db.Tx, channelID, id uuid.UUID, start, end time.Time) error {
	n, err := tx.CountOverlappingBroadcasts(ctx, store.CountOverlappingBroadcastsParams{
		ChannelID: channelID, ID: id,
		Since: column.Maybe(start.Add(-maxLength)), Begin: column.Maybe(start), Until: column.Maybe(end),
	})
	if err != nil {
		return fmt.Errorf("broadcast: look for overlaps: %w", err)
	}
	if n > 0 {
		return ErrOverlaps
	}
	return nil
}

// isPlan reports whether a broadcast can last from start to end.
func isPlan(now, start, end time.Time) bool {
	length := end.Sub(start)
	return !start.After(now.Add(maxAhead)) && end.After(now) && length >= minLength && length <= maxLength
}
