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

const (
	// editWithin is how long after it was sent a message may be edited.
	editWithin = 15 * time.Minute
	// editEvery is how often: everybody is told each time.
	editEvery = time.Second
)

// Edit gives a message of whoever ctx speaks for another text. The outcomes are
// ErrNotFound, ErrForbidden, ErrTooLateToEdit, ErrTooMany, rest.ErrChanged, ErrBadBody
// and those of the gate, which is asked as for a new message, but for slow mode.
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
	m, err := s.editable(ctx, id, r)
	if err != nil {
		return Message{}, err
	}
	if err := match.Check(version(m)); err != nil {
		return Message{}, err
	}
	if m.Body == body {
		return m, nil
	}
	if wait := editEvery - s.cfg.Now().Sub(m.EditedAt); wait > 0 {
		return Message{}, rest.Later(ErrTooMany, wait)
	}
	if err := s.cfg.Gate.AdmitEdit(ctx, at, p, auth.ClientOf(ctx).Addr, body); err != nil {
		return Message{}, err
	}
	d, err := s.resolve(ctx, at, p, body, nil)
	if err != nil {
		return Message{}, err
	}
	for {
		stored, err := s.rewrite(ctx, &m, body, d)
		if err != nil {
			return Message{}, err
		}
		if stored {
			break
		}
		if match.Given() {
			return Message{}, rest.ErrChanged
		}
		// Edited on another device at the same time, or deleted.
		if m, err = s.editable(ctx, id, r); err != nil {
			return Message{}, err
		}
	}
	shown := m
	shown.Liked = nil
	s.publish(ctx, at.Slug, eventEdited, viewOf(shown))
	s.notify(ctx, at, &m)
	return m, nil
}

// editable returns a message if whoever ctx speaks for may edit it.
func (s *Service) editable(ctx context.Context, id uuid.UUID, r reader) (Message, error) {
	m, err := s.get(ctx, id, r)
	switch {
	case err != nil:
		return Message{}, err
	case m.Author.ID != r.user:
		return Message{}, ErrForbidden
	case m.Deleted != "":
		return Message{}, ErrNotFound
	case s.cfg.Now().Sub(m.CreatedAt) > editWithin:
		return Message{}, ErrTooLateToEdit
	}
	return m, nil
}

// rewrite gives m another text, unless it is not what it was any more: then it reports
// false.
func (s *Service) rewrite(ctx context.Context, m *Message, body string, d detail) (bool, error) {
	text, err := d.encode()
	if err != nil {
		return false, err
	}
	was, edited := time.UnixMicro(version(*m)).UTC(), column.At(s.cfg.Now()).Time
	if !edited.After(was) { // each text has a version of its own
		edited = was.Add(time.Microsecond)
	}
	n, err := s.cfg.DB.Write().EditChatMessage(ctx, store.EditChatMessageParams{
		ID: m.ID, Body: body, Detail: text, Now: column.Maybe(edited), Was: column.Maybe(was),
	})
	if err != nil {
		return false, fmt.Errorf("chat: edit: %w", err)
	}
	if n == 1 {
		m.Body, m.Detail, m.EditedAt = body, d, edited
	}
	return n == 1, nil
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

// Clear hides all that was said so far, pins nothing any more, and says so in the chat.
func (s *Service) Clear(ctx context.Context) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	at := auth.AccessOf(ctx)
	if err := s.SystemMessage(ctx, at.ChannelID, at.Slug, "The chat was cleared.", eventCleared, nil); err != nil {
		s.cfg.Logger.WarnContext(ctx, "that a chat was cleared is not said in it", "err", err)
	}
	return nil
}

func (s *Service) clear(ctx context.Context) error {
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
