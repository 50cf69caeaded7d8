package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db/store"
)

// Kinds of messages.
const (
	kindMessage = "message" // of a person
	kindSystem  = "system"  // of what happened
)

// Who deleted a message.
const (
	byAuthor    = "author"
	byModerator = "moderator"
)

// Message is something that was said, as whoever asks may see it.
type Message struct {
	ID          uuid.UUID
	BroadcastID uuid.NullUUID // that was on air
	Kind        string
	Author      Author
	Body        string // empty if it is deleted, but to moderators
	Detail      detail // likewise
	Quote       *Quote // what it replies to
	Position    time.Time
	Likes       int64
	Liked       *bool // by whoever asks; nil if that is nobody, or everybody
	CreatedAt   time.Time
	EditedAt    time.Time // zero if it was not
	Deleted     string    // by whom; empty if it is not
	Key         string    // of its sender; only when it is sent
}

// Author is whoever wrote a message, as they are now.
type Author struct {
	ID          uuid.UUID // uuid.Nil for nobody: the server, or an account that is gone
	Name        string
	DisplayName string
	Avatar      uuid.NullUUID
	Roles       auth.ChannelRole
	Staff       bool
}

// Quote is the beginning of a message that another replies to.
type Quote struct {
	ID      uuid.UUID
	Author  Author // without avatar and roles
	Body    string
	Deleted bool

	tell bool // its author
}

// detail is what is stored of a message beside its text.
type detail struct {
	Mentions []Mention         `json:"mentions,omitempty"`
	Emotes   map[string]string `json:"emotes,omitempty"` // path of a picture by code
	Event    string            `json:"event,omitempty"`  // of a system message
	Data     map[string]any    `json:"data,omitempty"`   // likewise
}

// Mention is a person whom a message mentions.
type Mention struct {
	ID   uuid.UUID `json:"id" format:"uuid"`
	Name string    `json:"name" example:"ada"`

	tell bool // them
}

func (d *detail) encode() ([]byte, error) {
	if len(d.Mentions) == 0 && len(d.Emotes) == 0 && d.Event == "" {
		return nil, nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("chat: encode what a message says: %w", err)
	}
	return text, nil
}

// reader is who messages are for.
type reader struct {
	user      uuid.UUID // uuid.Nil for who is not signed in
	owner     uuid.UUID // of the channel
	moderator bool
	since     uuid.UUID // what has a lesser id was cleared away
}

// oldest is the id before the first message that r finds in lists.
func (r reader) oldest() uuid.UUID {
	if r.moderator {
		return uuid.Nil
	}
	return r.since
}

// isCleared reports whether the message with this id was cleared away.
func (r reader) isCleared(id uuid.UUID) bool { return bytes.Compare(id[:], r.since[:]) < 0 }

// row is a message as the queries return it.
type row = store.ChatMessagesBeforeRow

// messageOf returns the message of a row as r may see it.
func messageOf(row row, r reader) (Message, error) {
	m := row.ChatMessage
	out := Message{
		ID: m.ID, BroadcastID: m.BroadcastID, Kind: m.Kind, Body: m.Body, Likes: m.Likes, CreatedAt: m.CreatedAt.Time,
		Position: m.CreatedAt.Time,
	}
	if row.Username != "" {
		out.Author = Author{
			ID: m.UserID.UUID, Name: row.Username, DisplayName: row.DisplayName, Avatar: row.AvatarID,
			Roles: auth.ChannelRoleOf(row.MemberRole), Staff: row.UserRole != "" && row.UserRole != string(auth.RoleUser),
		}
		if m.UserID.UUID == r.owner {
			out.Author.Roles |= auth.Owner
		}
	}
	if m.Position != nil {
		out.Position = m.Position.Time
	}
	if m.EditedAt != nil {
		out.EditedAt = m.EditedAt.Time
	}
	if r.user != uuid.Nil {
		liked := row.Liked == 1
		out.Liked = &liked
	}
	switch {
	case m.DeletedAt != nil && m.UserID.Valid && m.DeletedBy == m.UserID:
		out.Deleted = byAuthor
	case m.DeletedAt != nil, r.isCleared(m.ID):
		out.Deleted = byModerator
	}
	if m.ReplyTo.Valid {
		out.Quote = quoteOf(row, r)
	}
	if out.Deleted != "" && !r.moderator {
		out.Body = ""
		return out, nil
	}
	if m.Detail != nil {
		if err := json.Unmarshal(m.Detail, &out.Detail); err != nil {
			return out, fmt.Errorf("chat: read what a message says: %w", err)
		}
	}
	return out, nil
}

func quoteOf(row row, r reader) *Quote {
	q := &Quote{ID: row.ChatMessage.ReplyTo.UUID}
	q.Deleted = !row.ReplyID.Valid || row.ReplyDeletedAt != nil || r.isCleared(q.ID)
	if row.ReplyUsername != "" {
		q.Author = Author{ID: row.ReplyUserID.UUID, Name: row.ReplyUsername, DisplayName: row.ReplyDisplayName}
	}
	if !q.Deleted {
		q.Body = quote(row.ReplyBody)
	}
	return q
}
