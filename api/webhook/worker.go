package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
	"bandstand/storage/jobs"
)

// Deliverer is the worker of deliveries.
type Deliverer struct {
	river.WorkerDefaults[DeliverArgs]

	service *Service
}

// Deliverer returns the worker of deliveries.
func (s *Service) Deliverer() *Deliverer { return &Deliverer{service: s} }

// Timeout implements river.Worker.
func (d *Deliverer) Timeout(*river.Job[DeliverArgs]) time.Duration {
	return d.service.cfg.Timeout + 20*time.Second // with what it writes down
}

// Work makes one attempt. When the next is due is not told by errors, which are for
// what goes wrong here, but by putting the job off.
func (d *Deliverer) Work(ctx context.Context, job *river.Job[DeliverArgs]) error {
	s, id := d.service, job.Args.Delivery
	row, err := s.cfg.DB.Read().WebhookDeliveryJob(ctx, id)
	if errors.Is(err, db.ErrNotFound) { // deleted meanwhile
		return nil
	}
	if err != nil {
		return fmt.Errorf("webhook: read what to deliver: %w", err)
	}
	if row.State != statePending {
		return nil
	}
	if !row.Enabled && !job.Args.Asked {
		return s.giveUp(ctx, id, problemDisabled)
	}
	secret, err := s.boxes.open(row.WebhookID, row.SecretBox)
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "a webhook cannot be signed for", "webhook", row.WebhookID, "err", err)
		return s.giveUp(ctx, id, problemSecret)
	}
	status, why := s.post(ctx, row.Url, secret, id.String(), row.Payload)
	if ctx.Err() != nil && why != delivered { // told to stop: it did not count
		return fmt.Errorf("webhook: deliver: %w", ctx.Err())
	}
	s.metrics.attempts.WithLabelValues(why.label()).Inc()
	return s.attempted(ctx, id, row, status, why)
}

func (s *Service) giveUp(ctx context.Context, id uuid.UUID, why problem) error {
	_, err := s.cfg.DB.Write().WebhookDeliveryGivenUp(ctx, store.WebhookDeliveryGivenUpParams{ID: id, Problem: string(why)})
	if err != nil {
		return fmt.Errorf("webhook: give a delivery up: %w", err)
	}
	return nil
}

// attempted writes down how an attempt ended. It returns when there is to be another
// as what River takes for that.
func (s *Service) attempted(ctx context.Context, id uuid.UUID, row store.WebhookDeliveryJobRow, status int, why problem) error {
	// What has happened is written down even if the program is told to stop just now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	state, wait := outcome(row.Event, row.Attempts+1, why)
	disabled := ""
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		var err error
		if disabled, err = s.count(ctx, tx, row, why); err != nil {
			return err
		}
		if disabled != "" {
			state = stateFailed
		}
		_, err = tx.WebhookDeliveryAttempted(ctx, store.WebhookDeliveryAttemptedParams{
			ID: id, State: state, StatusCode: int64(status), Problem: string(why), AttemptedAt: column.Maybe(s.cfg.Now()),
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("webhook: note an attempt: %w", err)
	}
	if disabled != "" {
		s.metrics.disabled.Inc()
		s.cfg.Logger.InfoContext(ctx, "webhook disabled", "webhook", row.WebhookID, "reason", disabled)
	}
	if state == statePending {
		return river.JobSnooze(wait)
	}
	return nil
}

// outcome returns what becomes of a delivery after so many attempts, and when the
// next is due.
func outcome(event string, attempts int64, why problem) (state string, wait time.Duration) {
	switch {
	case why == delivered:
		return stateDelivered, 0
	case why == problemGone, event == Ping, attempts > int64(len(retryAfter)):
		return stateFailed, 0
	}
	return statePending, retryAfter[max(attempts, 1)-1]
}

// Notes of webhooks that were disabled.
const (
	noteGone     = "gone"     // the receiver said 410
	noteFailures = "failures" // too many in a row
)

// count keeps the failures in a row of a webhook, and disables it if that is called
// for: then it returns why.
func (s *Service) count(ctx context.Context, tx *db.Tx, row store.WebhookDeliveryJobRow, why problem) (note string, err error) {
	if why == delivered {
		_, err = tx.WebhookSucceeded(ctx, row.WebhookID)
		return "", err
	}
	failures, err := tx.WebhookFailed(ctx, row.WebhookID)
	if errors.Is(err, db.ErrNotFound) { // deleted meanwhile
		return "", nil
	}
	switch {
	case err != nil:
		return "", err
	case why == problemGone:
		note = noteGone
	case failures >= giveUpAfter:
		note = noteFailures
	default:
		return "", nil
	}
	n, err := tx.DisableWebhook(ctx, store.DisableWebhookParams{
		ID: row.WebhookID, Note: note, UpdatedAt: column.At(s.cfg.Now()),
	})
	if err != nil || n == 0 { // disabled already
		return "", err
	}
	return note, auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: "webhook.disable", TargetKind: "webhook", TargetID: row.WebhookID.String(), Target: hostOf(row.Url),
		Detail: map[string]any{"reason": note, "failures": failures},
	})
}

// Workers returns what does the work in the background. Its deliveries are in Queue.
func (s *Service) Workers() []jobs.Worker {
	return []jobs.Worker{jobs.Work(s.Deliverer()), jobs.Work(s.Purger())}
}

// Periodic returns the work that comes by the clock.
func Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{jobs.Every(24*time.Hour, PurgeArgs{})}
}
