package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Events that programs of channel owners are told of.
const (
	EventLive  = "broadcast.live"
	EventEnded = "broadcast.ended"
)

// early is how long before its time a publisher may begin a scheduled broadcast.
const early = 30 * time.Minute

// errReplaced is the outcome of a session whose broadcast has ended, and the channel
// has another on air.
var errReplaced = errors.New("broadcast: its channel has another broadcast on air")

// WentLive finds the broadcast that a session belongs to and puts it on air: that
// which the session, or one shortly before it on the channel, has begun; else the
// scheduled one whose time it is, else the prepared one, else a new one. seen is when
// the session was last known to be on air. It may be called again for a session.
// A channel that is gone is ErrNoChannel.
func (s *Service) WentLive(ctx context.Context, session Session, seen time.Time) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, session.ChannelID); err != nil {
			return err
		}
		a := airing{s, tx, session, seen, s.cfg.Now()}
		known, err := tx.AiringOfSession(ctx, session.ID)
		switch {
		case err == nil && known.ChannelID != session.ChannelID:
			return errReplaced // its id is that of another
		case err == nil:
			id = known.ID
			return a.goOn(ctx, known.ID, known.State)
		case !errors.Is(err, db.ErrNotFound):
			return fmt.Errorf("broadcast: look for a session: %w", err)
		}
		if id, err = a.resume(ctx); err != nil {
			return err
		}
		if id == uuid.Nil {
			if id, err = a.next(ctx); err == nil {
				err = a.begin(ctx, id)
			}
			if err != nil {
				return err
			}
		}
		err = tx.CreateBroadcastSession(ctx, store.CreateBroadcastSessionParams{
			ID: session.ID, BroadcastID: id, Node: session.Node,
			StartedAt: column.At(session.StartedAt), SeenAt: column.At(seen),
		})
		if err != nil {
			return fmt.Errorf("broadcast: note a session: %w", err)
		}
		return nil
	})
	return id, err
}

// airing puts a session's broadcast on air, in a transaction that has its channel locked.
type airing struct {
	s       *Service
	tx      *db.Tx
	session Session
	seen    time.Time
	now     time.Time
}

// goOn puts the broadcast of a known session back on air: it counted as gone, and
// was not.
func (a airing) goOn(ctx context.Context, id uuid.UUID, state string) error {
	if state == OnAir {
		return nil
	}
	_, err := a.tx.AiringOfChannel(ctx, a.session.ChannelID)
	switch {
	case err == nil:
		return errReplaced
	case !errors.Is(err, db.ErrNotFound):
		return fmt.Errorf("broadcast: look for another on air: %w", err)
	}
	a.s.metrics.resumed.Inc()
	return a.begin(ctx, id)
}

// resume returns the channel's broadcast that has had a session until shortly before
// this; uuid.Nil if there is none. One that has waited for too long is ended.
func (a airing) resume(ctx context.Context) (uuid.UUID, error) {
	current, err := a.tx.AiringOfChannel(ctx, a.session.ChannelID)
	switch {
	case err == nil && a.isShortlyAfter(current.SeenAt):
		a.s.metrics.resumed.Inc()
		return current.ID, nil
	case err == nil:
		_, err := a.s.end(ctx, a.tx, current.ID, a.now, a.now.Add(maxLength))
		return uuid.Nil, err
	case !errors.Is(err, db.ErrNotFound):
		return uuid.Nil, fmt.Errorf("broadcast: look for one on air: %w", err)
	}
	last, err := a.tx.LastAiring(ctx, a.session.ChannelID)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return uuid.Nil, nil
	case err != nil:
		return uuid.Nil, fmt.Errorf("broadcast: look for the last one: %w", err)
	case last.PublishedAt != nil || !a.isShortlyAfter(last.SeenAt):
		return uuid.Nil, nil
	}
	a.s.metrics.resumed.Inc()
	return last.ID, a.begin(ctx, last.ID)
}

func (a airing) isShortlyAfter(seen *column.Time) bool {
	return seen != nil && a.session.StartedAt.Sub(seen.Time) <= a.s.cfg.Resume
}

// next returns the broadcast that is to begin.
func (a airing) next(ctx context.Context) (uuid.UUID, error) {
	at := a.session.StartedAt
	id, err := a.tx.DueBroadcast(ctx, store.DueBroadcastParams{
		ChannelID: a.session.ChannelID,
		Since:     column.Maybe(at.Add(-maxLength)), Soon: column.Maybe(at.Add(early)), Now: column.Maybe(at),
	})
	if errors.Is(err, db.ErrNotFound) {
		id, err = a.tx.PreparedBroadcast(ctx, a.session.ChannelID)
	}
	if errors.Is(err, db.ErrNotFound) {
		return a.create(ctx)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: look for the next: %w", err)
	}
	return id, nil
}

// create makes a broadcast that nobody planned, as the channel says.
func (a airing) create(ctx context.Context) (uuid.UUID, error) {
	from, err := a.tx.ChannelForBroadcast(ctx, a.session.ChannelID)
	if err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: look at its channel: %w", err)
	}
	t := texts{title: from.BroadcastTitle, category: from.Category}
	if t.title == "" {
		t.title = from.Title
	}
	if t.tags, err = a.tx.ChannelTagsForBroadcast(ctx, a.session.ChannelID); err != nil {
		return uuid.Nil, fmt.Errorf("broadcast: look at the tags of its channel: %w", err)
	}
	return insert(ctx, a.tx, store.CreateBroadcastParams{
		ChannelID: a.session.ChannelID, State: Prepared, ThumbnailID: from.ThumbnailID,
		CreatedAt: column.At(a.now), UpdatedAt: column.At(a.now),
	}, &t)
}

// begin puts a broadcast on air and tells of it.
func (a airing) begin(ctx context.Context, id uuid.UUID) error {
	_, err := a.tx.BeginAiring(ctx, store.BeginAiringParams{
		ID: id, At: column.Maybe(a.session.StartedAt), SeenAt: column.Maybe(a.seen), Now: column.At(a.now),
	})
	if err != nil {
		return fmt.Errorf("broadcast: put on air: %w", err)
	}
	a.s.metrics.begun.Inc()
	if err := a.s.planReminders(ctx, a.tx, id, a.now); err != nil {
		return err
	}
	if err := a.tx.Notify(ctx, auth.TopicBroadcast, id.String()); err != nil {
		return err
	}
	if a.s.cfg.Begins != nil {
		if err := a.s.cfg.Begins(ctx, a.tx, a.session.ChannelID, id); err != nil {
			return fmt.Errorf("broadcast: tell that it begins: %w", err)
		}
	}
	return a.s.fire(ctx, a.tx, id, EventLive)
}

// end ends a broadcast of a locked channel if nothing was heard of it since before.
func (s *Service) end(ctx context.Context, tx *db.Tx, id uuid.UUID, now, before time.Time) (bool, error) {
	n, err := tx.EndAiring(ctx, store.EndAiringParams{ID: id, Now: column.At(now), Before: column.Maybe(before)})
	if err != nil {
		return false, fmt.Errorf("broadcast: end: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if err := tx.EndSessionsOf(ctx, id); err != nil {
		return false, fmt.Errorf("broadcast: end its sessions: %w", err)
	}
	if err := tx.Notify(ctx, auth.TopicBroadcast, id.String()); err != nil {
		return false, err
	}
	s.metrics.ended.Inc()
	return true, s.fire(ctx, tx, id, EventEnded)
}

func (s *Service) fire(ctx context.Context, tx *db.Tx, id uuid.UUID, event string) error {
	b, err := read(ctx, tx.Queries, id)
	if err != nil {
		return err
	}
	if err := s.cfg.Hooks.Fire(ctx, tx, b.ChannelID, event, s.publicView(&b)); err != nil {
		return fmt.Errorf("broadcast: tell of %s: %w", event, err)
	}
	return nil
}

// Sweep ends the broadcasts of which nothing was heard for as long as one waits for
// its publisher to return, be they of nodes that died.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.cfg.Now()
	before := now.Add(-s.cfg.Resume)
	stale, err := s.cfg.DB.Read().StaleAirings(ctx, column.Maybe(before))
	if err != nil {
		return fmt.Errorf("broadcast: look for those that are over: %w", err)
	}
	var errs []error
	for _, b := range stale {
		var ended bool
		err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
			if err := lock(ctx, tx, b.ChannelID); err != nil {
				return err
			}
			var err error
			ended, err = s.end(ctx, tx, b.ID, now, before)
			return err
		})
		if err != nil && !errors.Is(err, ErrNoChannel) {
			errs = append(errs, err)
		}
		if ended {
			s.cfg.Logger.InfoContext(ctx, "broadcast ended", "broadcast", b.ID)
		}
	}
	return errors.Join(errs...)
}
