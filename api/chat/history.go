package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// reader returns who messages of a chat are for: whoever ctx speaks for.
func (s *Service) reader(ctx context.Context) (reader, error) {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	r := reader{owner: at.OwnerID, user: p.UserID, moderator: isModerator(at, p)}
	cleared, err := s.cfg.DB.Read().ChatClearedAt(ctx, at.ChannelID)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return r, fmt.Errorf("chat: look up when it was cleared: %w", err)
	}
	if cleared != nil {
		r.since = idAt(cleared.Time)
	}
	return r, nil
}

// Get returns a message of the chat that ctx names, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Message, error) {
	r, err := s.reader(ctx)
	if err != nil {
		return Message{}, err
	}
	return s.get(ctx, id, r)
}

func (s *Service) get(ctx context.Context, id uuid.UUID, r reader) (Message, error) {
	row, err := s.cfg.DB.Read().ChatMessageByID(ctx, store.ChatMessageByIDParams{
		Asker: r.user, ID: id, ChannelID: auth.AccessOf(ctx).ChannelID,
	})
	if errors.Is(err, db.ErrNotFound) {
		return Message{}, ErrNotFound
	}
	if err != nil {
		return Message{}, fmt.Errorf("chat: get a message: %w", err)
	}
	return messageOf(store.ChatMessagesBeforeRow(row), r)
}

// List returns a page of the chat that ctx names, newest first.
func (s *Service) List(ctx context.Context, page rest.PageQuery) (rest.Page[Message], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	r, err := s.reader(ctx)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	rows, err := s.rows(ctx, r, c, page.Limit+1)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	return s.page(withPrev(rest.NewPage(rest.ByNewest, c, page.Limit, rows, placeOf)), r)
}

// withPrev gives also the newest page a cursor of what is newer: more will come.
func withPrev(page rest.Page[row]) rest.Page[row] {
	if len(page.Items) > 0 {
		page.Prev = rest.ByNewest.Encode(rest.Cursor{Back: true, ID: page.Items[0].ChatMessage.ID})
	}
	return page
}

// Around returns the page of the chat that has a message in its middle, newest first;
// ErrNotFound if there is no such message.
func (s *Service) Around(ctx context.Context, id uuid.UUID, limit int) (rest.Page[Message], error) {
	r, err := s.reader(ctx)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	if _, err := s.get(ctx, id, r); err != nil {
		return rest.Page[Message]{}, err
	}
	newer, err := s.rows(ctx, r, rest.Cursor{Back: true, ID: id}, limit/2)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	slices.Reverse(newer)
	// What is left of the page, from the message on.
	left := limit - len(newer)
	older, err := s.rows(ctx, r, rest.Cursor{ID: after(id)}, left+1)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	page := rest.Page[row]{Items: slices.Concat(newer, older[:min(len(older), left)])}
	if n := len(page.Items); n > 0 && len(older) > left {
		page.Next = rest.ByNewest.Encode(placeOf(page.Items[n-1]))
	}
	return s.page(withPrev(page), r)
}

// after returns the least id that is greater.
func after(id uuid.UUID) uuid.UUID {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]++
		if id[i] != 0 {
			break
		}
	}
	return id
}

// rows returns messages beyond c, nearest first.
func (s *Service) rows(ctx context.Context, r reader, c rest.Cursor, most int) ([]row, error) {
	q := s.cfg.DB.Read()
	p := store.ChatMessagesBeforeParams{
		Asker: r.user, ChannelID: auth.AccessOf(ctx).ChannelID, Since: r.oldest(), Edge: c.ID, Most: int32(most), //nolint:gosec // of a page
	}
	rows := []row{}
	var err error
	if c.Back {
		var found []store.ChatMessagesAfterRow
		found, err = q.ChatMessagesAfter(ctx, store.ChatMessagesAfterParams(p))
		for _, f := range found {
			rows = append(rows, row(f))
		}
	} else {
		rows, err = q.ChatMessagesBefore(ctx, p)
	}
	if err != nil {
		return nil, fmt.Errorf("chat: list: %w", err)
	}
	return rows, nil
}

func placeOf(r row) rest.Cursor { return rest.Cursor{ID: r.ChatMessage.ID} }

// page returns the messages of rows as r may see them.
func (s *Service) page(rows rest.Page[row], r reader) (rest.Page[Message], error) {
	page := rest.Page[Message]{Items: make([]Message, 0, len(rows.Items)), Next: rows.Next, Prev: rows.Prev}
	for _, row := range rows.Items {
		m, err := messageOf(row, r)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, m)
	}
	return page, nil
}

// Span is a part of a broadcast, by PROGRAM-DATE-TIME.
type Span struct {
	From, To time.Time // To is not a part of it; zero for all from or up to there
}

// endOfTime is after every position.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Replay returns a page of what was said while the broadcast that ctx names was on air,
// in the order of what its senders saw. What is deleted or cleared away is left out, for
// moderators too.
func (s *Service) Replay(ctx context.Context, span Span, page rest.PageQuery) (rest.Page[Message], error) {
	c, err := rest.ByTimeFirst.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	if span.To.IsZero() {
		span.To = endOfTime
	}
	if !span.From.Before(span.To) {
		return rest.Page[Message]{}, ErrBadSpan
	}
	r, err := s.reader(ctx)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	broadcast := idOf(auth.AccessOf(ctx).BroadcastID)
	at, most := time.UnixMicro(c.Number), int32(page.Limit)+1 //nolint:gosec // of a page
	rows := []row{}
	q := s.cfg.DB.Read()
	if c.Back {
		var found []store.ChatReplayBeforeRow
		found, err = q.ChatReplayBefore(ctx, store.ChatReplayBeforeParams{
			Asker: r.user, BroadcastID: broadcast, Begin: column.Maybe(span.From), At: column.Maybe(at), Edge: c.ID, Since: r.since, Most: most,
		})
		for _, f := range found {
			rows = append(rows, row(f))
		}
	} else {
		edge := c.ID
		if at.Before(span.From) || c == rest.ByTimeFirst.First() {
			at, edge = span.From, uuid.Nil
		}
		var found []store.ChatReplayAfterRow
		found, err = q.ChatReplayAfter(ctx, store.ChatReplayAfterParams{
			Asker: r.user, BroadcastID: broadcast, Until: column.Maybe(span.To), At: column.Maybe(at), Edge: edge, Since: r.since, Most: most,
		})
		for _, f := range found {
			rows = append(rows, row(f))
		}
	}
	if err != nil {
		return rest.Page[Message]{}, fmt.Errorf("chat: replay: %w", err)
	}
	return s.page(rest.NewPage(rest.ByTimeFirst, c, page.Limit, rows, func(r row) rest.Cursor {
		return rest.Cursor{Number: rest.Micros(r.ChatMessage.Position.Time), ID: r.ChatMessage.ID}
	}), r)
}
