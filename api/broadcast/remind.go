package broadcast

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	remindBatch   = 100              // mails planned in one transaction
	remindFor     = 10 * time.Minute // how long one job may take
	worthSending  = 2 * time.Hour    // after which nobody wants to hear that it has begun
	remindAttempt = 8
)

// RemindArgs is the work of telling followers that a broadcast has begun.
type RemindArgs struct {
	Broadcast uuid.UUID `json:"broadcast"`
}

// Kind implements river.JobArgs.
func (RemindArgs) Kind() string { return "broadcast_reminders" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (RemindArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: remindAttempt} }

// planReminders has followers told, once for a broadcast.
func (s *Service) planReminders(ctx context.Context, tx *db.Tx, id uuid.UUID, now time.Time) error {
	if s.cfg.Jobs == nil || s.cfg.Mailer == nil {
		return nil
	}
	n, err := tx.BeginReminding(ctx, store.BeginRemindingParams{
		ID: id, Now: column.Maybe(now), Nobody: uuid.NullUUID{Valid: true},
	})
	if err != nil {
		return fmt.Errorf("broadcast: note that followers are told: %w", err)
	}
	if n == 0 {
		return nil
	}
	if err := s.cfg.Jobs.Insert(ctx, tx, RemindArgs{Broadcast: id}, nil); err != nil {
		return fmt.Errorf("broadcast: plan reminders: %w", err)
	}
	return nil
}

// RemindWorker tells those who asked for it that a broadcast has begun.
type RemindWorker struct {
	river.WorkerDefaults[RemindArgs]

	s *Service
}

// Reminders returns the worker of RemindArgs.
func (s *Service) Reminders() *RemindWorker { return &RemindWorker{s: s} }

// Timeout implements river.Worker.
func (*RemindWorker) Timeout(*river.Job[RemindArgs]) time.Duration { return remindFor }

// Work plans the mails of a broadcast. How far it has come is written down together
// with them, so that one who is told is told once, however often a job runs. It stops
// when the broadcast ends.
func (w *RemindWorker) Work(ctx context.Context, job *river.Job[RemindArgs]) error {
	for {
		more, err := w.s.remindSome(ctx, job.Args.Broadcast)
		if err != nil || !more {
			return err
		}
	}
}

// errTaken is the outcome of telling those whom another job tells.
var errTaken = errors.New("broadcast: others tell of it")

// remindSome plans the next mails, and reports whether there may be more.
func (s *Service) remindSome(ctx context.Context, id uuid.UUID) (more bool, err error) {
	told := 0
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		b, err := tx.ReminderTarget(ctx, id)
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("broadcast: look at what to tell of: %w", err)
		}
		if b.State != OnAir || s.cfg.Now().Sub(b.StartedAt.Time) > worthSending {
			return nil
		}
		audience, err := tx.ReminderAudience(ctx, store.ReminderAudienceParams{
			ChannelID: b.ChannelID, BroadcastID: id, Beyond: b.RemindedTo.UUID, Most: remindBatch,
		})
		if err != nil {
			return fmt.Errorf("broadcast: look whom to tell: %w", err)
		}
		if len(audience) == 0 {
			return nil
		}
		for _, person := range audience {
			if person.Reachable == 0 || !isAddress(person.Email) || (b.Visibility == "private" && person.Member == 0 && person.ID != b.OwnerID) {
				continue
			}
			if err := s.cfg.Mailer.Queue(ctx, tx, s.letter(b, person)); err != nil {
				return fmt.Errorf("broadcast: plan a reminder: %w", err)
			}
			told++
		}
		n, err := tx.AdvanceReminding(ctx, store.AdvanceRemindingParams{
			ID: id, Was: b.RemindedTo, RemindedTo: uuid.NullUUID{UUID: audience[len(audience)-1].ID, Valid: true},
		})
		if err != nil {
			return fmt.Errorf("broadcast: note who was told: %w", err)
		}
		if n == 0 {
			return errTaken
		}
		more = true
		return nil
	})
	if errors.Is(err, errTaken) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.metrics.reminded.Add(float64(told))
	return more, nil
}

// isAddress reports whether a mail can be sent to email: one person's must not keep
// the others from being told.
func isAddress(email string) bool {
	a, err := netmail.ParseAddress(email)
	return err == nil && a.Address == email
}

// letter is the mail to one person.
func (s *Service) letter(b store.ReminderTargetRow, to store.ReminderAudienceRow) mail.Message {
	name := to.DisplayName
	if name == "" {
		name = to.Username
	}
	return mail.Message{
		To: to.Email, Template: mail.WentLive, Until: b.StartedAt.Add(worthSending),
		Data: mail.Data{
			Name: name, Channel: b.ChannelTitle, Title: b.Title, Path: pagePath(b.Slug),
			Unsubscribe: s.unsubscribeLink(asked{user: to.ID, channel: b.ChannelID}),
		},
	}
}
