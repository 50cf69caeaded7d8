package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// States of deliveries.
const (
	statePending   = "pending"
	stateDelivered = "delivered"
	stateFailed    = "failed"
)

// Delivery is one message to a webhook.
type Delivery struct {
	ID          uuid.UUID
	Event       string
	State       string
	Attempts    int64
	StatusCode  int64 // of the last response; 0 without one
	Problem     string
	CreatedAt   time.Time
	AttemptedAt time.Time // zero if never
}

func deliveryOf(row store.WebhookDeliveryOfRow) Delivery {
	d := Delivery{
		ID: row.ID, Event: row.Event, State: row.State, Attempts: row.Attempts,
		StatusCode: row.StatusCode, Problem: row.Problem, CreatedAt: row.CreatedAt.Time,
	}
	if row.AttemptedAt != nil {
		d.AttemptedAt = row.AttemptedAt.Time
	}
	return d
}

// Deliveries returns a page of what was sent to a webhook of the channel, newest first.
func (s *Service) Deliveries(ctx context.Context, channelID uuid.UUID, id, cursor string, limit int) (rest.Page[Delivery], error) {
	none := rest.Page[Delivery]{}
	c, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return none, err
	}
	q := s.cfg.DB.Read()
	hook, err := s.row(ctx, q, channelID, id)
	if err != nil {
		return none, err
	}
	var deliveries []Delivery
	if c.Back {
		rows, err := q.WebhookDeliveriesAfter(ctx, store.WebhookDeliveriesAfterParams{WebhookID: hook.ID, ID: c.ID, Most: int32(limit) + 1})
		if err != nil {
			return none, fmt.Errorf("webhook: list deliveries: %w", err)
		}
		for _, row := range rows {
			deliveries = append(deliveries, deliveryOf(store.WebhookDeliveryOfRow(row)))
		}
	} else {
		rows, err := q.WebhookDeliveriesBefore(ctx, store.WebhookDeliveriesBeforeParams{WebhookID: hook.ID, ID: c.ID, Most: int32(limit) + 1})
		if err != nil {
			return none, fmt.Errorf("webhook: list deliveries: %w", err)
		}
		for _, row := range rows {
			deliveries = append(deliveries, deliveryOf(store.WebhookDeliveryOfRow(row)))
		}
	}
	return rest.NewPage(rest.ByNewest, c, limit, deliveries, func(d Delivery) rest.Cursor { return rest.Cursor{ID: d.ID} }), nil
}

// PurgeArgs is the work of forgetting old deliveries, once a day.
type PurgeArgs struct{}

// Kind implements river.JobArgs.
func (PurgeArgs) Kind() string { return "webhook_purge" }

// Purger is the worker that forgets old deliveries.
type Purger struct {
	river.WorkerDefaults[PurgeArgs]

	service *Service
}

// Purger returns the worker that forgets old deliveries.
func (s *Service) Purger() *Purger { return &Purger{service: s} }

// purgeBatch bounds how long one statement keeps other writers waiting.
const purgeBatch = 500

// Work implements river.Worker.
func (p *Purger) Work(ctx context.Context, _ *river.Job[PurgeArgs]) error {
	s := p.service
	before := column.At(s.cfg.Now().Add(-s.cfg.KeepFor))
	for {
		n, err := s.cfg.DB.Write().PurgeWebhookDeliveries(ctx, store.PurgeWebhookDeliveriesParams{Before: before, Most: purgeBatch})
		if err != nil {
			return fmt.Errorf("webhook: forget old deliveries: %w", err)
		}
		if n < purgeBatch {
			return nil
		}
	}
}
