package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"bandstand/storage/db"
)

// SystemMessage says in the chat of the channel at slug what happened: text is for
// people, event names it for programs, and data, which becomes a JSON object, is more of
// it; nil for nothing. Called after what happened is committed.
func (s *Service) SystemMessage(ctx context.Context, channel uuid.UUID, slug, text, event string, data any) error {
	text, err := cleanBody(text)
	if err != nil {
		return fmt.Errorf("chat: a system message: %w", err)
	}
	m := Message{Kind: kindSystem, Body: text, Detail: detail{Event: event}}
	if data != nil {
		encoded, err := json.Marshal(data)
		if err == nil {
			err = json.Unmarshal(encoded, &m.Detail.Data)
		}
		if err != nil {
			return fmt.Errorf("chat: data of a system message: %w", err)
		}
	}
	broadcast, err := s.cfg.DB.Read().ChatOnAir(ctx, channel)
	switch {
	case err == nil:
		m.BroadcastID = idOf(broadcast)
	case !errors.Is(err, db.ErrNotFound):
		return fmt.Errorf("chat: look up what is on air: %w", err)
	}
	_, err = s.post(ctx, channel, slug, "", &m)
	return err
}
