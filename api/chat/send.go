package chat

import (
	"context"
	"database/sql"
	"errors"
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
	// rateQuota messages may be sent by one person to one chat within rateWindow.
	rateQuota  = 20
	rateWindow = 10 * time.Second
	// sameWindow is how long one's last message may not be said again.
	sameWindow = 30 * time.Second
	// maxBehind is how far behind somebody can watch what is on air.
	maxBehind = 6 * time.Hour
	// storeWithin bounds what goes on though whoever asked for it may have left.
	storeWithin = 5 * time.Second
)

// Draft is a message that is about to be sent.
type Draft struct {
	Body     string
	ReplyTo  uuid.UUID // uuid.Nil for none
	Position time.Time // PROGRAM-DATE-TIME of what the sender sees; zero if unknown
	Key      string    // what is sent again under the same is the same message; may be empty
}

// Send stores a message of whoever ctx speaks for, in the chat that it names, and tells
// everybody. The outcomes are those of the gate, ErrBadBody, ErrBadKey, ErrBadReply,
// ErrKeyUsed, ErrDuplicate and ErrTooMany.
func (s *Service) Send(ctx context.Context, d Draft) (Message, error) {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	var err error
	if d.Body, err = cleanBody(d.Body); err != nil {
		return Message{}, err
	}
	if err := checkKey(d.Key); err != nil {
		return Message{}, err
	}
	sender, err := s.cfg.DB.Read().ChatSender(ctx, store.ChatSenderParams{
		ChannelID: at.ChannelID, UserID: idOf(p.UserID), Nth: rateQuota - 1, SendKey: keyOf(d.Key),
	})
	switch {
	case errors.Is(err, db.ErrNotFound): // a token of an account that is gone
		return Message{}, ErrForbidden
	case err != nil:
		return Message{}, fmt.Errorf("chat: look a sender up: %w", err)
	case sender.KeyID.Valid:
		return s.again(ctx, d.Key, sender.KeyID.UUID)
	}
	now := s.cfg.Now()
	if err := checkPace(&sender, d.Body, now); err != nil {
		return Message{}, err
	}
	from := auth.ClientOf(ctx).Addr
	if err := s.cfg.Gate.Admit(ctx, at, p, from, d.Body); err != nil {
		return s.orAgain(ctx, d.Key, err)
	}
	m := Message{
		Kind: kindMessage, Body: d.Body, BroadcastID: sender.BroadcastID, Key: d.Key,
		Author: Author{
			ID: p.UserID, Name: sender.Username, DisplayName: sender.DisplayName, Avatar: sender.AvatarID,
			Roles: at.Role, Staff: p.IsStaff(),
		},
		Position: clampPosition(d.Position, sender.StartedAt, now),
	}
	if m.Quote, err = s.quoted(ctx, d.ReplyTo); err != nil {
		return Message{}, err
	}
	if m.Detail, err = s.resolve(ctx, at, p, d.Body, m.Quote); err != nil {
		return Message{}, err
	}
	address := ""
	if from.IsValid() {
		address = rest.Household(from)
	}
	stored, err := s.post(ctx, at.ChannelID, at.Slug, address, &m)
	if err != nil {
		return Message{}, err
	}
	if !stored { // the same was sent at the same time
		return s.orAgain(ctx, d.Key, ErrKeyUsed)
	}
	s.notify(ctx, at, &m)
	return m, nil
}

// again returns the message that was sent under a key before.
func (s *Service) again(ctx context.Context, key string, id uuid.UUID) (Message, error) {
	m, err := s.Get(ctx, id)
	if errors.Is(err, ErrNotFound) { // of another chat
		return Message{}, ErrKeyUsed
	}
	m.Key = key
	return m, err
}

// orAgain returns why a message is refused, unless it has been stored meanwhile: its
// sender was cut off, and tried again.
func (s *Service) orAgain(ctx context.Context, key string, why error) (Message, error) {
	if key == "" {
		return Message{}, why
	}
	id, err := s.cfg.DB.Read().ChatMessageByKey(ctx, store.ChatMessageByKeyParams{UserID: idOf(auth.User(ctx).UserID), SendKey: keyOf(key)})
	if errors.Is(err, db.ErrNotFound) {
		return Message{}, why
	}
	if err != nil {
		return Message{}, fmt.Errorf("chat: look a key up: %w", err)
	}
	return s.again(ctx, key, id)
}

// post stores m, and tells everybody in the order of ids. It reports false if there is
// one with its key already. It goes on though whoever asked may have left.
func (s *Service) post(ctx context.Context, channel uuid.UUID, slug, address string, m *Message) (bool, error) {
	text, err := m.Detail.encode()
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	turn := s.order.next(slug, s.cfg.Now())
	defer turn.end()
	m.ID, m.CreatedAt = turn.id, turn.at
	if m.Position.IsZero() {
		m.Position = turn.at
	}
	replyTo := uuid.NullUUID{}
	if m.Quote != nil {
		replyTo = idOf(m.Quote.ID)
	}
	n, err := s.cfg.DB.Write().CreateChatMessage(ctx, store.CreateChatMessageParams{
		ID: m.ID, ChannelID: channel, BroadcastID: m.BroadcastID, UserID: idOf(m.Author.ID), Kind: m.Kind, Body: m.Body,
		Detail: text, ReplyTo: replyTo, Position: column.Maybe(m.Position), CreatedAt: column.At(m.CreatedAt),
		Address: address, SendKey: keyOf(m.Key),
	})
	switch {
	case db.IsForeignKey(err): // deleted meanwhile
		return false, ErrNoChannel
	case err != nil:
		return false, fmt.Errorf("chat: store a message: %w", err)
	case n == 0:
		return false, nil
	}
	turn.wait(ctx)
	s.publish(ctx, slug, eventMessage, viewOf(*m))
	return true, nil
}

// checkPace refuses what comes too fast, or again.
func checkPace(sender *store.ChatSenderRow, body string, now time.Time) error {
	if sender.NthAt != nil {
		if wait := rateWindow - now.Sub(sender.NthAt.Time); wait > 0 {
			return rest.Later(ErrTooMany, wait)
		}
	}
	if sender.LastAt != nil && sender.LastBody.String == body {
		if wait := sameWindow - now.Sub(sender.LastAt.Time); wait > 0 {
			return rest.Later(ErrDuplicate, wait)
		}
	}
	return nil
}

// clampPosition returns what a sender says to see as far as that can be: something of
// what is on air, if anything is, and not of the future. What is unknown stays zero.
func clampPosition(position time.Time, began *column.Time, now time.Time) time.Time {
	first := now.Add(-maxBehind)
	if began != nil && began.After(first) {
		first = began.Time
	}
	switch {
	case position.IsZero() || position.After(now):
		return time.Time{}
	case position.Before(first):
		position = first
	}
	return position.UTC().Truncate(time.Microsecond)
}

// quoted returns what a message replies to; nil for uuid.Nil.
func (s *Service) quoted(ctx context.Context, id uuid.UUID) (*Quote, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	m, err := s.Get(ctx, id)
	if errors.Is(err, ErrNotFound) || (err == nil && (m.Deleted != "" || m.Kind != kindMessage)) {
		return nil, ErrBadReply
	}
	if err != nil {
		return nil, err
	}
	return &Quote{ID: id, Author: Author{ID: m.Author.ID, Name: m.Author.Name, DisplayName: m.Author.DisplayName}, Body: quote(m.Body)}, nil
}

func idOf(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

func keyOf(key string) sql.NullString { return sql.NullString{String: key, Valid: key != ""} }
