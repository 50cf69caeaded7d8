package chat

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// editWithin is how long after it was sent a message may be edited.
const editWithin = 15 * time.Minute

// Edit gives a message of whoever ctx speaks for another text. The outcomes are
// ErrNotFound, ErrForbidden, ErrTooLateToEdit, rest.ErrChanged, ErrBadBody and those
// of the gate, which is asked as for a new message.
func (s *Service) Edit(ctx context.Context, id uuid.UUID, match rest.IfMatch, body string) (Message, error) {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	body, err := cleanBody(body)
	if err != nil {
		return Message{}, err
	}
	r, err := s.reader(ctx)
	if err != nil {
		return Message{}, err
	}
	m, err := s.get(ctx, id, r)
	switch {
	case err != nil:
		return Message{}, err
	case m.Author.ID != p.UserID:
		return Message{}, ErrForbidden
	case m.Deleted != "":
		return Message{}, ErrNotFound
	case s.cfg.Now().Sub(m.CreatedAt) > editWithin:
		return Message{}, ErrTooLateToEdit
	}
	if err := match.Check(version(m)); err != nil {
		return Message{}, err
	}
	if m.Body == body {
		return m, nil
	}
	if err := s.cfg.Gate.Admit(ctx, at, p, auth.ClientOf(ctx).Addr, body); err != nil {
		return Message{}, err
	}
	was := time.UnixMicro(version(m))
	if m.Detail, err = s.resolve(ctx, at, p, body, nil); err != nil {
		return Message{}, err
	}
	m.Body = body
	// Later than it was, so that each text has a version of its own.
	m.EditedAt = column.At(s.cfg.Now()).Time
	if !m.EditedAt.After(was) {
		m.EditedAt = was.Add(time.Microsecond).UTC()
	}
	text, err := m.Detail.encode()
	if err != nil {
		return Message{}, err
	}
	n, err := s.cfg.DB.Write().EditChatMessage(ctx, store.EditChatMessageParams{
		ID: id, Body: m.Body, Detail: text, Now: column.Maybe(m.EditedAt), Was: column.Maybe(was),
	})
	if err != nil {
		return Message{}, fmt.Errorf("chat: edit: %w", err)
	}
	if n == 0 { // edited on another device, or deleted, at the same time
		return Message{}, rest.ErrChanged
	}
	shown := m
	shown.Liked = nil
	s.publish(ctx, at.Slug, eventEdited, viewOf(shown))
	s.notify(ctx, at, &m)
	return m, nil
}

// Delete hides a message: one's own, or as a moderator any. It is pinned no more. What
// is deleted stays so. The outcomes are ErrNotFound and ErrForbidden.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	m, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	own := m.Author.ID == p.UserID
	switch {
	case !own && !isModerator(at, p):
		return ErrForbidden
	case m.Deleted != "":
		return nil
	}
	pinned, err := s.cfg.Settings.Pinned(ctx, at.ChannelID)
	if err != nil {
		return fmt.Errorf("chat: look up what is pinned: %w", err)
	}
	deleted := false
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		n, err := tx.DeleteChatMessage(ctx, store.DeleteChatMessageParams{
			ID: id, Now: column.Maybe(s.cfg.Now()), DeletedBy: idOf(p.UserID),
		})
		if err != nil || n == 0 {
			return err
		}
		deleted = true
		if pinned == id {
			if err := s.cfg.Settings.Pin(ctx, tx, at.ChannelID, uuid.Nil, p.UserID); err != nil {
				return err
			}
		}
		if own {
			return nil
		}
		return s.cfg.Gate.Note(ctx, tx, at.ChannelID, actionDelete, m.Author.ID, m.Author.Name, id, map[string]any{"body": m.Body})
	})
	if err != nil {
		return fmt.Errorf("chat: delete: %w", err)
	}
	if !deleted {
		return nil
	}
	by := byModerator
	if own {
		by = byAuthor
	}
	s.publish(ctx, at.Slug, eventDeleted, Deleted{ID: id.String(), By: by})
	if pinned == id {
		s.publish(ctx, at.Slug, eventUnpinned, Unpinned{ID: id.String()})
	}
	return nil
}

// Actions in the moderation log.
const (
	actionDelete = "message.delete"
	actionPin    = "message.pin"
	actionUnpin  = "message.unpin"
	actionClear  = "chat.clear"
)

// Clear hides all that was said so far, and pins nothing any more.
func (s *Service) Clear(ctx context.Context) error {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	pinned, err := s.cfg.Settings.Pinned(ctx, at.ChannelID)
	if err != nil {
		return fmt.Errorf("chat: look up what is pinned: %w", err)
	}
	turn := s.order.next(at.Slug, s.cfg.Now())
	defer turn.end()
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := s.cfg.Settings.Cleared(ctx, tx, at.ChannelID, turn.at); err != nil {
			return err
		}
		if pinned != uuid.Nil {
			if err := s.cfg.Settings.Pin(ctx, tx, at.ChannelID, uuid.Nil, p.UserID); err != nil {
				return err
			}
		}
		return s.cfg.Gate.Note(ctx, tx, at.ChannelID, actionClear, uuid.Nil, "", uuid.Nil, nil)
	})
	if err != nil {
		return fmt.Errorf("chat: clear: %w", err)
	}
	turn.wait(ctx)
	s.publish(ctx, at.Slug, eventCleared, Cleared{Before: idAt(turn.at).String(), At: turn.at})
	if pinned != uuid.Nil {
		s.publish(ctx, at.Slug, eventUnpinned, Unpinned{ID: pinned.String()})
	}
	return nil
}
