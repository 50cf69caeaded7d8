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
	b, err := s.cfg.DB.Read().ReminderTarget(ctx, broadcast)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("social: look at what to tell of: %w", err)
	}
	if b.ChannelID != channel || b.State != "live" || b.StartedAt == nil || s.cfg.Now().Sub(b.StartedAt.Time) > worthTelling {
		return nil
	}
	for _, online := range []bool{true, false} {
		if err := s.notifyAudience(ctx, broadcast, b, online); err != nil {
			return err
		}
	}
	return nil
}

// notifyAudience tells all followers, or only those who are online.
func (s *Service) notifyAudience(ctx context.Context, id uuid.UUID, b store.ReminderTargetRow, online bool) error {
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
		if online {
			tell = s.presence.online(tell, s.cfg.Now())
		}
		if err := s.notifyMany(ctx, id, b, tell); err != nil {
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
