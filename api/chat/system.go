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
	object, err := objectOf(data)
	if err != nil {
		return err
	}
	return s.system(ctx, channel, slug, text, event, object)
}

// System is SystemMessage for what is all in detail: of that, "event" names what
// happened. A failure is logged: what happened has happened.
func (s *Service) System(ctx context.Context, channel uuid.UUID, slug string, detail any) {
	data, err := objectOf(detail)
	if err == nil {
		event, _ := data["event"].(string)
		delete(data, "event")
		text := systemTexts[event]
		if text == "" {
			text = "Something happened: " + event
		}
		err = s.system(ctx, channel, slug, text, "chat."+event, data)
	}
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "a chat is not told what happened", "channel", slug, "err", err)
	}
}

// systemTexts are for people whose program does not know an event.
var systemTexts = map[string]string{
	"settings": "The rules of this chat have changed.",
	"timeout":  "Somebody may not write for a while.",
	"ban":      "Somebody may not write here any more.",
	"unban":    "Somebody may write here again.",
}

// objectOf returns what data is in JSON, which must be an object; nil for nil.
func objectOf(data any) (map[string]any, error) {
	if data == nil {
		return nil, nil
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("chat: encode a system message: %w", err)
	}
	var object map[string]any
	if err := json.Unmarshal(encoded, &object); err != nil {
		return nil, fmt.Errorf("chat: a system message is no object: %w", err)
	}
	return object, nil
}

func (s *Service) system(ctx context.Context, channel uuid.UUID, slug, text, event string, data map[string]any) error {
	text, err := cleanBody(text)
	if err != nil {
		return fmt.Errorf("chat: a system message: %w", err)
	}
	m := Message{Kind: kindSystem, Body: text, Detail: detail{Event: event, Data: data}}
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
