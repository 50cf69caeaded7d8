package moderation

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Pin makes a message the one that is pinned in a chat, in the name of by; none if it
// is uuid.Nil.
func (s *Service) Pin(ctx context.Context, tx *db.Tx, channel, message, by uuid.UUID) error {
	if err := s.ensure(ctx, tx, channel); err != nil {
		return fmt.Errorf("moderation: pin: %w", err)
	}
	if message == uuid.Nil {
		by = uuid.Nil
	}
	err := tx.PinChatMessage(ctx, store.PinChatMessageParams{ChannelID: channel, PinnedID: maybe(message), PinnedBy: maybe(by)})
	if err != nil {
		return fmt.Errorf("moderation: pin: %w", err)
	}
	return tx.Notify(ctx, topicRules, channel.String())
}

// Pinned returns the message that is pinned in a chat; uuid.Nil for none.
func (s *Service) Pinned(ctx context.Context, channel uuid.UUID) (uuid.UUID, error) {
	r, err := s.rulesFor(ctx, channel)
	if err != nil {
		return uuid.Nil, err
	}
	return r.pinned, nil
}

// Cleared notes that a chat was cleared of all that was written before at.
func (s *Service) Cleared(ctx context.Context, tx *db.Tx, channel uuid.UUID, at time.Time) error {
	if err := s.ensure(ctx, tx, channel); err != nil {
		return fmt.Errorf("moderation: clear: %w", err)
	}
	if err := tx.NoteChatCleared(ctx, store.NoteChatClearedParams{ChannelID: channel, At: column.Maybe(at)}); err != nil {
		return fmt.Errorf("moderation: clear: %w", err)
	}
	return tx.Notify(ctx, topicRules, channel.String())
}
