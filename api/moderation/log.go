package moderation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Note writes into the log of a channel that whoever ctx speaks for did something:
// to a person and their message, where these are not uuid.Nil. detail is what else
// there is to know, in JSON; never an address.
func (s *Service) Note(ctx context.Context, tx *db.Tx, channel uuid.UUID, action string, target uuid.UUID, targetName string, message uuid.UUID, detail any) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("moderation: make an id: %w", err)
	}
	p := auth.User(ctx)
	entry := store.CreateChatLogEntryParams{
		ID: id, ChannelID: channel, ActorID: maybe(p.UserID), Actor: p.Name, Action: action,
		TargetID: maybe(target), Target: targetName, MessageID: maybe(message), CreatedAt: column.At(s.cfg.Now()),
	}
	if entry.Actor == "" {
		entry.Actor = "system"
	}
	if detail != nil {
		if entry.Detail, err = json.Marshal(detail); err != nil {
			return fmt.Errorf("moderation: encode an entry of the log: %w", err)
		}
	}
	if err := tx.CreateChatLogEntry(ctx, entry); err != nil {
		return fmt.Errorf("moderation: write the log: %w", err)
	}
	return nil
}

// Log returns a page of what moderators of a channel did, newest first: to the person
// with a name, or at all if that is empty.
func (s *Service) Log(ctx context.Context, channel uuid.UUID, username string, page rest.PageQuery) (rest.Page[store.ChatLog], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[store.ChatLog]{}, err
	}
	rows, err := s.readLog(ctx, channel, username, c, int32(page.Limit)+1)
	if err != nil {
		return rest.Page[store.ChatLog]{}, fmt.Errorf("moderation: read the log: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, rows, func(e store.ChatLog) rest.Cursor { return rest.Cursor{ID: e.ID} }), nil
}

func (s *Service) readLog(ctx context.Context, channel uuid.UUID, username string, c rest.Cursor, most int32) ([]store.ChatLog, error) {
	q := s.cfg.DB.Read()
	if username == "" {
		if c.Back {
			return q.ChatLogAfter(ctx, store.ChatLogAfterParams{ChannelID: channel, Edge: c.ID, Most: most})
		}
		return q.ChatLogBefore(ctx, store.ChatLogBeforeParams{ChannelID: channel, Edge: c.ID, Most: most})
	}
	user, err := q.UserByUsernameEvenDeleted(ctx, strings.ToLower(username))
	if err != nil {
		return nil, found(err)
	}
	of := maybe(user.ID)
	if c.Back {
		return q.ChatLogOfAfter(ctx, store.ChatLogOfAfterParams{ChannelID: channel, TargetID: of, Edge: c.ID, Most: most})
	}
	return q.ChatLogOfBefore(ctx, store.ChatLogOfBeforeParams{ChannelID: channel, TargetID: of, Edge: c.ID, Most: most})
}

// found returns ErrUserNotFound in the place of db.ErrNotFound.
func found(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return ErrUserNotFound
	}
	return err
}
