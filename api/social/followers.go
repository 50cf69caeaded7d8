package social

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

const (
	audienceBatch = 100              // people looked at, and told, at a time
	audienceFor   = 10 * time.Minute // how long one job may take
	worthTelling  = 2 * time.Hour    // after which nobody wants to hear that it has begun
	justBegun     = time.Minute      // within which those who are online hear of it at once
	maxBegun      = 64               // broadcasts that wait for that
)

// LiveArgs is the job of telling followers that a channel is on air.
type LiveArgs struct {
	Channel   uuid.UUID `json:"channel"`
	Broadcast uuid.UUID `json:"broadcast"`
}

// Kind implements river.JobArgs.
func (LiveArgs) Kind() string { return "social_channel_live" }

// LiveWorker does it.
type LiveWorker struct {
	river.WorkerDefaults[LiveArgs]

	s *Service
}

// Timeout implements river.Worker.
func (*LiveWorker) Timeout(*river.Job[LiveArgs]) time.Duration { return audienceFor }

// Work implements river.Worker. Whoever was told is not told again, however often it runs.
func (w *LiveWorker) Work(ctx context.Context, job *river.Job[LiveArgs]) error {
	return w.s.NotifyFollowers(ctx, job.Args.Channel, job.Args.Broadcast)
}

// NotifyFollowers puts into the inboxes of those who asked for it that a broadcast has
// begun: first of those who are online, then of the others. Each is told once, however
// often it is called, also at the same time. It does nothing about what is not on air,
// or has been for long.
func (s *Service) NotifyFollowers(ctx context.Context, channel, broadcast uuid.UUID) error {
	b, err := s.onAir(ctx, broadcast, worthTelling)
	if err != nil || b.ChannelID != channel {
		return err
	}
	online := func(users []uuid.UUID) []uuid.UUID { return s.presence.online(users, s.cfg.Now()) }
	if err := s.notifyAudience(ctx, broadcast, b, online); err != nil {
		return err
	}
	return s.notifyAudience(ctx, broadcast, b, func(users []uuid.UUID) []uuid.UUID { return users })
}

// topicBegun is the topic under which the database tells which broadcasts have begun.
const topicBegun = "social_begun"

// Begins has followers told, in the transaction in which a broadcast goes on air: those
// who are connected at once, by the nodes that have their sockets, the others by a job.
func (s *Service) Begins(ctx context.Context, tx *db.Tx, channel, broadcast uuid.UUID) error {
	if s.cfg.Jobs != nil {
		if err := s.cfg.Jobs.Insert(ctx, tx, LiveArgs{Channel: channel, Broadcast: broadcast}, nil); err != nil {
			return fmt.Errorf("social: plan to tell followers: %w", err)
		}
	}
	return tx.Notify(ctx, topicBegun, broadcast.String())
}

// heardBegun hears that a broadcast has begun. What does not fit in the queue is left to
// the job.
func (s *Service) heardBegun(key string) {
	if id, err := uuid.Parse(key); err == nil {
		select {
		case s.begun <- id:
		default:
		}
	}
}

// tellBegun tells followers who are connected to this node of what has begun, at once:
// jobs are not that fast. It returns when ctx ends.
func (s *Service) tellBegun(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-s.begun:
			b, err := s.onAir(ctx, id, justBegun)
			if err == nil && b.ChannelID != uuid.Nil {
				err = s.notifyAudience(ctx, id, b, func(users []uuid.UUID) []uuid.UUID { return s.presence.among(users, s.cfg.Now()) })
			}
			if err != nil && ctx.Err() == nil {
				s.cfg.Logger.WarnContext(ctx, "followers are not told at once", "broadcast", id, "err", err)
			}
		}
	}
}

// onAir returns a broadcast that is on air and began within a time; the zero row if it
// is not, or did not.
func (s *Service) onAir(ctx context.Context, id uuid.UUID, within time.Duration) (store.ReminderTargetRow, error) {
	b, err := s.cfg.DB.Read().ReminderTarget(ctx, id)
	if errors.Is(err, db.ErrNotFound) {
		return store.ReminderTargetRow{}, nil
	}
	if err != nil {
		return store.ReminderTargetRow{}, fmt.Errorf("social: look at what to tell of: %w", err)
	}
	if b.State != "live" || b.StartedAt == nil || s.cfg.Now().Sub(b.StartedAt.Time) > within {
		return store.ReminderTargetRow{}, nil
	}
	return b, nil
}

// notifyAudience tells those followers whom choose returns.
func (s *Service) notifyAudience(ctx context.Context, id uuid.UUID, b store.ReminderTargetRow, choose func([]uuid.UUID) []uuid.UUID) error {
	beyond := uuid.Nil
	for {
		audience, err := s.cfg.DB.Read().InboxAudience(ctx, store.InboxAudienceParams{
			OwnerID: b.OwnerID, ChannelID: b.ChannelID, BroadcastID: id, Beyond: beyond, Most: audienceBatch,
		})
		if err != nil {
			return fmt.Errorf("social: look whom to tell: %w", err)
		}
		if len(audience) == 0 {
			return nil
		}
		beyond = audience[len(audience)-1].ID
		tell := make([]uuid.UUID, 0, len(audience))
		for _, person := range audience {
			if person.Reachable == 1 && person.Apart == 0 && person.ID != b.OwnerID && (b.Visibility != "private" || person.Member == 1) {
				tell = append(tell, person.ID)
			}
		}
		if err := s.notifyMany(ctx, id, b, choose(tell)); err != nil {
			return err
		}
	}
}

// notifyMany tells people, in the order of ids: others who do the same wait then.
func (s *Service) notifyMany(ctx context.Context, id uuid.UUID, b store.ReminderTargetRow, tell []uuid.UUID) error {
	if len(tell) == 0 {
		return nil
	}
	data := map[string]any{"channel": b.Slug, "channel_title": b.ChannelTitle, "broadcast": id.String(), "title": b.Title}
	var written []store.CreateNotificationParams
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		for _, user := range tell {
			n, err := s.notification(user, ChannelLive, b.OwnerID, data, "channel_live:"+id.String())
			if err != nil {
				return err
			}
			created, err := tx.CreateNotification(ctx, n)
			if err != nil {
				return err
			}
			if created == 1 {
				written = append(written, n)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("social: tell followers: %w", err)
	}
	for _, n := range written {
		s.notified(ctx, n)
	}
	return nil
}

// NewLiveWorker returns the worker that tells followers.
func NewLiveWorker(s *Service) *LiveWorker { return &LiveWorker{s: s} }
