package party

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Message is a line in the chat of a party. Those of kind system have as Body what
// somebody did, such as "joined" or "pause".
type Message struct {
	ID        uuid.UUID
	Party     uuid.UUID
	Kind      string
	By        *Member // nil if the account is gone
	Body      string
	CreatedAt time.Time
	Deleted   bool
}

const (
	kindMessage = "message"
	kindSystem  = "system"
)

// What lines say besides the reasons of states.
const (
	lineJoined  = "joined"
	lineLeft    = "left"
	lineRemoved = "removed"
	lineHost    = "host" // became the host
)

// line writes into the chat what somebody did.
func (s *Service) line(ctx context.Context, tx *db.Tx, party uuid.UUID, by *Person, what string) (*Message, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("party: make an id: %w", err)
	}
	m := &Message{ID: id, Party: party, Kind: kindSystem, By: &Member{Person: *by}, Body: what, CreatedAt: column.At(s.cfg.Now()).Time}
	if err := tx.PartyMessageAdd(ctx, store.PartyMessageAddParams{
		ID: id, PartyID: party, UserID: uuid.NullUUID{UUID: by.ID, Valid: true}, Kind: kindSystem, Body: what, CreatedAt: column.At(m.CreatedAt),
	}); err != nil {
		return nil, fmt.Errorf("party: write a line: %w", err)
	}
	return m, nil
}

func (s *Service) tellLine(ctx context.Context, m *Message) {
	if m != nil {
		s.tell(ctx, m.Party, "party.message", viewOfMessage(*m))
	}
}

// lineEvery is how long there is but one line about the same person doing the same.
const lineEvery = 5 * time.Second

type lineKey struct {
	party, user uuid.UUID
	what        string
}

// lines remembers which were written lately.
type lines struct {
	now  func() time.Time
	mu   sync.Mutex
	last map[lineKey]time.Time // guarded by mu
}

func newLines(now func() time.Time) *lines { return &lines{now: now, last: map[lineKey]time.Time{}} }

func (l *lines) prune() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, at := range l.last {
		if l.now().Sub(at) >= lineEvery {
			delete(l.last, key)
		}
	}
}

// worthALine reports whether the chat shows that somebody did something, and notes it.
func (s *Service) worthALine(party, user uuid.UUID, what string) bool {
	l := s.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	key := lineKey{party, user, what}
	if l.now().Sub(l.last[key]) < lineEvery {
		return false
	}
	l.last[key] = l.now()
	return true
}

// Send writes a message. With a send key of p's choice, sending the same again returns
// what was written the first time. The outcomes are ErrNotFound, ErrBadText, ErrTooFast
// and ErrKeyUsed.
func (s *Service) Send(ctx context.Context, p auth.Principal, party uuid.UUID, text, key string) (Message, error) {
	body, ok := rest.Lines(text, maxText)
	if !ok || body == "" {
		return Message{}, ErrBadText
	}
	if _, ok := rest.Line(key, maxKey); !ok {
		return Message{}, ErrKeyUsed
	}
	if err := s.pace.allowText(p.UserID); err != nil {
		return Message{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Message{}, fmt.Errorf("party: make an id: %w", err)
	}
	user, now := uuid.NullUUID{UUID: p.UserID, Valid: true}, column.At(s.cfg.Now())
	m := Message{ID: id, Party: party, Kind: kindMessage, By: &Member{Person: Person{ID: p.UserID, Name: p.Name}}, Body: body, CreatedAt: now.Time}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.PartyForMember(ctx, store.PartyForMemberParams{ID: party, UserID: p.UserID}); err != nil {
			if errors.Is(err, db.ErrNotFound) {
				return ErrNotFound
			}
			return err
		}
		return tx.PartyMessageAdd(ctx, store.PartyMessageAddParams{
			ID: id, PartyID: party, UserID: user, Kind: kindMessage, Body: body, SendKey: maybeText(key), CreatedAt: now,
		})
	})
	switch {
	case db.IsUnique(err, "party_messages_user_id_send_key_key") || db.IsUnique(err, "party_messages_send_key_key"):
		return s.sent(ctx, p, party, key)
	case err != nil:
		return Message{}, fmt.Errorf("party: send: %w", err)
	}
	s.tell(ctx, party, "party.message", viewOfMessage(m))
	return m, nil
}

const maxKey = 64

// sent returns the message that p sent with a key.
func (s *Service) sent(ctx context.Context, p auth.Principal, party uuid.UUID, key string) (Message, error) {
	row, err := s.cfg.DB.Read().PartyMessageByKey(ctx, store.PartyMessageByKeyParams{
		UserID: uuid.NullUUID{UUID: p.UserID, Valid: true}, SendKey: maybeText(key),
	})
	if err != nil {
		return Message{}, fmt.Errorf("party: find what was sent: %w", err)
	}
	if row.PartyID != party {
		return Message{}, ErrKeyUsed
	}
	return Message{
		ID: row.ID, Party: party, Kind: row.Kind, By: &Member{Person: Person{ID: p.UserID, Name: p.Name}}, Body: row.Body,
		CreatedAt: row.CreatedAt.Time, Deleted: row.DeletedAt != nil,
	}, nil
}

// Messages returns the chat of a party, newest first.
func (s *Service) Messages(ctx context.Context, p auth.Principal, party uuid.UUID, q rest.PageQuery) (rest.Page[Message], error) {
	cursor, err := rest.ByNewest.Decode(q.Cursor)
	if err != nil {
		return rest.Page[Message]{}, err
	}
	if _, err := s.row(ctx, p.UserID, party); err != nil {
		return rest.Page[Message]{}, err
	}
	var rows []store.PartyMessagesBeforeRow
	most := int32(q.Limit) + 1
	if cursor.Back {
		var after []store.PartyMessagesAfterRow
		after, err = s.cfg.DB.Read().PartyMessagesAfter(ctx, store.PartyMessagesAfterParams{PartyID: party, ID: cursor.ID, Most: most})
		for _, row := range after {
			rows = append(rows, store.PartyMessagesBeforeRow(row))
		}
	} else {
		rows, err = s.cfg.DB.Read().PartyMessagesBefore(ctx, store.PartyMessagesBeforeParams{PartyID: party, ID: cursor.ID, Most: most})
	}
	if err != nil {
		return rest.Page[Message]{}, fmt.Errorf("party: list messages: %w", err)
	}
	page := rest.NewPage(rest.ByNewest, cursor, q.Limit, rows, func(row store.PartyMessagesBeforeRow) rest.Cursor { return rest.Cursor{ID: row.ID} })
	return rest.MapPage(page, func(row store.PartyMessagesBeforeRow) Message {
		m := Message{ID: row.ID, Party: party, Kind: row.Kind, Body: row.Body, CreatedAt: row.CreatedAt.Time, Deleted: row.DeletedAt != nil}
		if row.Username.Valid {
			m.By = &Member{Person: Person{ID: row.UserID.UUID, Name: row.Username.String}, DisplayName: row.DisplayName.String, Avatar: row.AvatarID}
		}
		return m
	}), nil
}

// Delete takes the text of a message away: of one's own, or as the host. The outcomes
// are ErrNotFound, ErrMessageNotFound and ErrHostOnly.
func (s *Service) Delete(ctx context.Context, p auth.Principal, party, message uuid.UUID) error {
	row, err := s.row(ctx, p.UserID, party)
	if err != nil {
		return err
	}
	m, err := s.cfg.DB.Read().PartyMessage(ctx, store.PartyMessageParams{ID: message, PartyID: party})
	switch {
	case errors.Is(err, db.ErrNotFound) || (err == nil && m.Kind != kindMessage):
		return ErrMessageNotFound
	case err != nil:
		return fmt.Errorf("party: look a message up: %w", err)
	case m.UserID.UUID != p.UserID && row.HostID != p.UserID:
		return ErrHostOnly
	}
	n, err := s.cfg.DB.Write().PartyMessageDelete(ctx, store.PartyMessageDeleteParams{ID: message, PartyID: party, DeletedAt: column.Maybe(s.cfg.Now())})
	if err != nil {
		return fmt.Errorf("party: delete a message: %w", err)
	}
	if n == 0 {
		return ErrMessageNotFound
	}
	s.tell(ctx, party, "party.message_deleted", DeletedEvent{ID: message.String(), By: personView(&Person{ID: p.UserID, Name: p.Name})})
	return nil
}
