package chat

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// Pin shows a message above the chat, in place of another that is. What was deleted,
// or was said by nobody, is ErrNotFound.
func (s *Service) Pin(ctx context.Context, id uuid.UUID) (Message, error) {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	m, err := s.Get(ctx, id)
	switch {
	case err != nil:
		return Message{}, err
	case m.Deleted != "" || m.Kind != kindMessage:
		return Message{}, ErrNotFound
	}
	pinned, err := s.cfg.Settings.Pinned(ctx, at.ChannelID)
	if err != nil {
		return Message{}, fmt.Errorf("chat: look up what is pinned: %w", err)
	}
	if pinned == id {
		return m, nil
	}
	if err := s.pin(ctx, id, actionPin, m.Author); err != nil {
		return Message{}, err
	}
	shown := m
	shown.Liked = nil
	s.publish(ctx, at.Slug, eventPinned, Pinned{Message: viewOf(shown), By: p.Name})
	return m, nil
}

// Unpin ends that a message is pinned, if it is.
func (s *Service) Unpin(ctx context.Context, id uuid.UUID) error {
	at := auth.AccessOf(ctx)
	pinned, err := s.cfg.Settings.Pinned(ctx, at.ChannelID)
	if err != nil {
		return fmt.Errorf("chat: look up what is pinned: %w", err)
	}
	if pinned != id || id == uuid.Nil {
		return nil
	}
	if err := s.pin(ctx, uuid.Nil, actionUnpin, Author{}); err != nil {
		return err
	}
	s.publish(ctx, at.Slug, eventUnpinned, Unpinned{ID: id.String()})
	return nil
}

// pin notes that a message is pinned, or none.
func (s *Service) pin(ctx context.Context, id uuid.UUID, action string, author Author) error {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := s.cfg.Settings.Pin(ctx, tx, at.ChannelID, id, p.UserID); err != nil {
			return err
		}
		return s.cfg.Gate.Note(ctx, tx, at.ChannelID, action, author.ID, author.Name, id, nil)
	})
	if err != nil {
		return fmt.Errorf("chat: pin: %w", err)
	}
	return nil
}

// Pinned returns what is pinned in the chat that ctx names: one message, or none.
func (s *Service) Pinned(ctx context.Context) ([]Message, error) {
	r, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	return s.pinned(ctx, r)
}

func (s *Service) pinned(ctx context.Context, r reader) ([]Message, error) {
	id, err := s.cfg.Settings.Pinned(ctx, auth.AccessOf(ctx).ChannelID)
	if err != nil {
		return nil, fmt.Errorf("chat: look up what is pinned: %w", err)
	}
	if id == uuid.Nil {
		return []Message{}, nil
	}
	m, err := s.get(ctx, id, r)
	if errors.Is(err, ErrNotFound) || (err == nil && m.Deleted != "") {
		return []Message{}, nil
	}
	if err != nil {
		return nil, err
	}
	return []Message{m}, nil
}

// state returns how the chat that ctx names is, for whoever opens it.
func (s *Service) state(ctx context.Context) (realtime.Event, error) {
	r, err := s.reader(ctx)
	if err != nil {
		return realtime.Event{}, err
	}
	pinned, err := s.pinned(ctx, r)
	if err != nil {
		return realtime.Event{}, err
	}
	state := State{}
	if len(pinned) > 0 {
		v := viewOf(pinned[0])
		state.Pinned = &v
	}
	if s.cfg.Summary != nil {
		if state.Settings, err = s.cfg.Summary(ctx, auth.AccessOf(ctx).ChannelID); err != nil {
			return realtime.Event{}, fmt.Errorf("chat: what it allows: %w", err)
		}
	}
	return realtime.Event{Type: eventState, Data: state}, nil
}
