package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Create makes a webhook of the channel and returns its secret, which nobody is
// shown again. The outcomes are ErrBadURL, ErrInternalURL, ErrBadEvents and ErrTooMany.
func (s *Service) Create(ctx context.Context, channelID uuid.UUID, address string, events []string) (Webhook, string, error) {
	address, err := s.checkURL(address)
	if err != nil {
		return Webhook{}, "", err
	}
	if err := checkEvents(events); err != nil {
		return Webhook{}, "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Webhook{}, "", fmt.Errorf("webhook: make an id: %w", err)
	}
	secret := newSecret()
	now := column.At(s.cfg.Now())
	row := store.Webhook{
		ID: id, ChannelID: channelID, Url: address, Events: joinEvents(events),
		SecretBox: s.boxes.seal(id, secret), Enabled: true, CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		n, err := tx.WebhookLockChannel(ctx, channelID)
		if err != nil {
			return err
		}
		if n == 0 { // deleted meanwhile
			return errChannelNotFound
		}
		count, err := tx.CountWebhooksOf(ctx, channelID)
		if err != nil {
			return err
		}
		if count >= int64(s.cfg.MaxPerChannel) {
			return ErrTooMany
		}
		err = tx.CreateWebhook(ctx, store.CreateWebhookParams{
			ID: id, ChannelID: channelID, Url: row.Url, Events: row.Events,
			SecretBox: row.SecretBox, Enabled: true, CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, "webhook.create", row, map[string]any{"events": row.Events})
	})
	if err != nil {
		return Webhook{}, "", fmt.Errorf("webhook: create: %w", err)
	}
	return webhookOf(row), secret, nil
}

// List returns the webhooks of a channel, the oldest first.
func (s *Service) List(ctx context.Context, channelID uuid.UUID) ([]Webhook, error) {
	rows, err := s.cfg.DB.Read().WebhooksOf(ctx, channelID)
	if err != nil {
		return nil, fmt.Errorf("webhook: list: %w", err)
	}
	hooks := make([]Webhook, len(rows))
	for i, row := range rows {
		hooks[i] = webhookOf(row)
	}
	return hooks, nil
}

// Get returns a webhook of the channel, or ErrNotFound.
func (s *Service) Get(ctx context.Context, channelID uuid.UUID, id string) (Webhook, error) {
	row, err := s.row(ctx, s.cfg.DB.Read(), channelID, id)
	if err != nil {
		return Webhook{}, err
	}
	return webhookOf(row), nil
}

func (s *Service) row(ctx context.Context, q *store.Queries, channelID uuid.UUID, id string) (store.Webhook, error) {
	parsed, ok := parseID(id)
	if !ok {
		return store.Webhook{}, ErrNotFound
	}
	row, err := q.WebhookOf(ctx, store.WebhookOfParams{ID: parsed, ChannelID: channelID})
	if errors.Is(err, db.ErrNotFound) {
		return store.Webhook{}, ErrNotFound
	}
	if err != nil {
		return store.Webhook{}, fmt.Errorf("webhook: get: %w", err)
	}
	return row, nil
}

// Change is what Update sets; a field that is nil stays as it is.
type Change struct {
	URL     *string
	Events  []string
	Enabled *bool
}

// Update changes a webhook of the channel. Enabling one forgets its failures. The
// outcomes are those of Create, ErrNotFound and rest.ErrChanged.
func (s *Service) Update(ctx context.Context, channelID uuid.UUID, id string, match rest.IfMatch, change Change) (Webhook, error) {
	if change.URL != nil {
		address, err := s.checkURL(*change.URL)
		if err != nil {
			return Webhook{}, err
		}
		change.URL = &address
	}
	if change.Events != nil {
		if err := checkEvents(change.Events); err != nil {
			return Webhook{}, err
		}
	}
	const tries = 3 // deliveries that disable it come between
	for range tries {
		hook, err := s.tryUpdate(ctx, channelID, id, match, change)
		if !errors.Is(err, rest.ErrChanged) || match.Given() {
			return hook, err
		}
	}
	return Webhook{}, rest.ErrChanged
}

func (s *Service) tryUpdate(ctx context.Context, channelID uuid.UUID, id string, match rest.IfMatch, change Change) (Webhook, error) {
	var row store.Webhook
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if row, err = s.row(ctx, tx.Queries, channelID, id); err != nil {
			return err
		}
		if err := match.Check(row.Version); err != nil {
			return err
		}
		detail := change.apply(&row)
		row.UpdatedAt = column.At(s.cfg.Now())
		n, err := tx.UpdateWebhook(ctx, store.UpdateWebhookParams{
			Url: row.Url, Events: row.Events, Enabled: row.Enabled, Failures: row.Failures, Note: row.Note,
			UpdatedAt: row.UpdatedAt, ID: row.ID, ChannelID: channelID, Version: row.Version,
		})
		if err != nil {
			return fmt.Errorf("webhook: update: %w", err)
		}
		if n == 0 {
			return rest.ErrChanged
		}
		row.Version++
		return s.audit(ctx, tx, "webhook.update", row, detail)
	})
	if err != nil {
		return Webhook{}, err
	}
	return webhookOf(row), nil
}

// apply changes row, and returns what the audit log is told of that.
func (c Change) apply(row *store.Webhook) map[string]any {
	detail := map[string]any{}
	if c.URL != nil && *c.URL != row.Url {
		row.Url = *c.URL
		detail["host"] = hostOf(row.Url)
	}
	if c.Events != nil {
		row.Events = joinEvents(c.Events)
		detail["events"] = row.Events
	}
	if c.Enabled != nil {
		row.Enabled = *c.Enabled
		detail["enabled"] = row.Enabled
		row.Note = ""
		if row.Enabled {
			row.Failures = 0
		}
	}
	return detail
}

// Delete removes a webhook of the channel with its deliveries. What is on its way to
// it may still arrive.
func (s *Service) Delete(ctx context.Context, channelID uuid.UUID, id string) error {
	return s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		row, err := s.row(ctx, tx.Queries, channelID, id)
		if err != nil {
			return err
		}
		n, err := tx.DeleteWebhook(ctx, store.DeleteWebhookParams{ID: row.ID, ChannelID: channelID})
		if err != nil {
			return fmt.Errorf("webhook: delete: %w", err)
		}
		if n == 0 {
			return ErrNotFound
		}
		return s.audit(ctx, tx, "webhook.delete", row, nil)
	})
}

// audit notes what was done to a webhook. Of its URL only the host is written down:
// the rest may be a secret.
func (s *Service) audit(ctx context.Context, tx *db.Tx, name string, row store.Webhook, detail map[string]any) error {
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: name, TargetKind: "webhook", TargetID: row.ID.String(), Target: hostOf(row.Url), Detail: detail,
	})
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// parseID returns the id that text is in its usual form.
func parseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}
