package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Queue is the queue of deliveries. It is their own, so that receivers that take
// their time hold nothing up but other webhooks.
const Queue = "webhooks"

// DeliverArgs is the work of one delivery.
type DeliverArgs struct {
	Delivery uuid.UUID `json:"delivery"`
	Asked    bool      `json:"asked,omitempty"` // for by its owner: also if the webhook is disabled
}

// Kind implements river.JobArgs.
func (DeliverArgs) Kind() string { return "webhook_deliver" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (DeliverArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: Queue} }

// Fire tells in tx the webhooks of a channel that wait for event: payload goes to
// each once tx is committed. payload is public: its JSON leaves the server.
func (s *Service) Fire(ctx context.Context, tx *db.Tx, channelID uuid.UUID, event string, payload any) error {
	if !slices.Contains(chosen, event) {
		return fmt.Errorf("webhook: there is no event %q", event)
	}
	hooks, err := tx.WebhooksOf(ctx, channelID)
	if err != nil {
		return fmt.Errorf("webhook: look for those of a channel: %w", err)
	}
	for _, hook := range hooks {
		if !hook.Enabled || !slices.Contains(strings.Fields(hook.Events), event) {
			continue
		}
		if _, err := s.send(ctx, tx, hook.ID, event, payload, false); err != nil {
			return err
		}
	}
	return nil
}

// send makes a delivery and the job for it.
func (s *Service) send(ctx context.Context, tx *db.Tx, hook uuid.UUID, event string, payload any, asked bool) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("webhook: make an id: %w", err)
	}
	now := s.cfg.Now()
	body, err := encodeMessage(event, now, payload)
	if err != nil {
		return uuid.Nil, err
	}
	err = tx.CreateWebhookDelivery(ctx, store.CreateWebhookDeliveryParams{
		ID: id, WebhookID: hook, Event: event, Payload: body, CreatedAt: column.At(now),
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("webhook: note a delivery: %w", err)
	}
	if err := s.cfg.Jobs.Insert(ctx, tx, DeliverArgs{Delivery: id, Asked: asked}, nil); err != nil {
		return uuid.Nil, fmt.Errorf("webhook: plan a delivery: %w", err)
	}
	return id, nil
}

// Test sends a ping to a webhook of the channel, once, though it may be disabled.
func (s *Service) Test(ctx context.Context, channelID uuid.UUID, channel, id string) (Delivery, error) {
	var made store.WebhookDeliveryOfRow
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		hook, err := s.row(ctx, tx.Queries, channelID, id)
		if err != nil {
			return err
		}
		delivery, err := s.send(ctx, tx, hook.ID, Ping, map[string]any{"channel": channel, "webhook_id": id}, true)
		if err != nil {
			return err
		}
		made, err = tx.WebhookDeliveryOf(ctx, store.WebhookDeliveryOfParams{ID: delivery, WebhookID: hook.ID})
		if err != nil {
			return fmt.Errorf("webhook: read a delivery: %w", err)
		}
		return nil
	})
	return deliveryOf(made), err
}

// Redeliver sends a delivery that is over once more, with the id and the body that it
// had. One that is still under way is ErrPending.
func (s *Service) Redeliver(ctx context.Context, channelID uuid.UUID, id, delivery string) (Delivery, error) {
	var again store.WebhookDeliveryOfRow
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		hook, err := s.row(ctx, tx.Queries, channelID, id)
		if err != nil {
			return err
		}
		deliveryID, ok := parseID(delivery)
		if !ok {
			return ErrDeliveryNotFound
		}
		at := store.WebhookDeliveryOfParams{ID: deliveryID, WebhookID: hook.ID}
		again, err = tx.WebhookDeliveryOf(ctx, at)
		switch {
		case errors.Is(err, db.ErrNotFound):
			return ErrDeliveryNotFound
		case err != nil:
			return fmt.Errorf("webhook: read a delivery: %w", err)
		}
		n, err := tx.WebhookDeliveryAgain(ctx, deliveryID)
		if err != nil {
			return fmt.Errorf("webhook: begin a delivery again: %w", err)
		}
		if n == 0 {
			return ErrPending
		}
		again.State, again.Attempts = statePending, 0
		if err := s.cfg.Jobs.Insert(ctx, tx, DeliverArgs{Delivery: deliveryID, Asked: true}, nil); err != nil {
			return fmt.Errorf("webhook: plan a delivery: %w", err)
		}
		return nil
	})
	return deliveryOf(again), err
}
