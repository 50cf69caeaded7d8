package chat

import (
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// MessageView is a message as it is shown, over HTTP and in events.
type MessageView struct {
	ID          string            `json:"id" format:"uuid" doc:"Messages are in the order of their ids."`
	Kind        string            `json:"kind" enum:"message,system" doc:"system tells what happened, see event."`
	User        *ChatUserView     `json:"user,omitempty" doc:"Who wrote it; absent for the server, and for an account that is gone."`
	Body        string            `json:"body" doc:"One line of plain text. Of deleted messages only moderators see it." example:"What a solo :wave: @bob"`
	Emotes      map[string]string `json:"emotes,omitempty" doc:"Paths of the pictures for words between colons." example:"{\"wave\":\"/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/64.webp\"}"`
	Mentions    []Mention         `json:"mentions,omitempty" doc:"People whose names stand after an at sign."`
	ReplyTo     *QuoteView        `json:"reply_to,omitempty"`
	Event       string            `json:"event,omitempty" doc:"What a system message tells, for programs." example:"channel.live"`
	Data        map[string]any    `json:"data,omitempty" doc:"More of that event." example:"{\"title\":\"Evening session\"}"`
	Likes       int64             `json:"likes" example:"3"`
	Liked       *bool             `json:"liked,omitempty" doc:"Whether you like it; absent in events, and if you are not signed in."`
	BroadcastID string            `json:"broadcast_id,omitempty" format:"uuid" doc:"The broadcast that was on air."`
	Position    time.Time         `json:"position" doc:"PROGRAM-DATE-TIME of what its sender saw; when it came if that is unknown."`
	CreatedAt   time.Time         `json:"created_at"`
	EditedAt    *time.Time        `json:"edited_at,omitempty"`
	Deleted     string            `json:"deleted,omitempty" enum:"author,moderator" doc:"Who has deleted it; absent if nobody."`
	Key         string            `json:"key,omitempty" doc:"The sender's own name for it, in the reply to the sender and in the event: to tell an echo." example:"k-42"`
}

// ChatUserView is who wrote a message.
type ChatUserView struct {
	ID          string   `json:"id" format:"uuid"`
	Name        string   `json:"name" doc:"Username." example:"ada"`
	DisplayName string   `json:"display_name" doc:"Empty for the username." example:"Ada L."`
	AvatarURL   string   `json:"avatar_url,omitempty" doc:"Path of a small picture." example:"/images/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70/64.webp"`
	Badges      []string `json:"badges,omitempty" enum:"owner,broadcaster,moderator,staff" doc:"What the person is here; absent for nothing special." example:"[\"moderator\"]"`
}

// QuoteView is the beginning of what a message replies to.
type QuoteView struct {
	ID      string        `json:"id" format:"uuid"`
	User    *ChatUserView `json:"user,omitempty"`
	Body    string        `json:"body" doc:"Up to 140 characters; empty if it is deleted." example:"Which key is this in?"`
	Deleted bool          `json:"deleted,omitempty"`
}

func viewOf(m Message) MessageView {
	v := MessageView{
		ID: m.ID.String(), Kind: m.Kind, User: viewOfAuthor(m.Author), Body: m.Body,
		Emotes: m.Detail.Emotes, Mentions: m.Detail.Mentions, Event: m.Detail.Event, Data: m.Detail.Data,
		Likes: m.Likes, Liked: m.Liked, Position: m.Position, CreatedAt: m.CreatedAt, Deleted: m.Deleted, Key: m.Key,
	}
	if m.BroadcastID.Valid {
		v.BroadcastID = m.BroadcastID.UUID.String()
	}
	if !m.EditedAt.IsZero() {
		v.EditedAt = &m.EditedAt
	}
	if q := m.Quote; q != nil {
		v.ReplyTo = &QuoteView{ID: q.ID.String(), User: viewOfAuthor(q.Author), Body: q.Body, Deleted: q.Deleted}
	}
	return v
}

// badges are what people are on a channel, as it is told.
var badges = []struct {
	role auth.ChannelRole
	name string
}{{auth.Owner, "owner"}, {auth.Broadcaster, "broadcaster"}, {auth.ChanModerator, "moderator"}}

func viewOfAuthor(a Author) *ChatUserView {
	if a.ID == uuid.Nil {
		return nil
	}
	v := &ChatUserView{ID: a.ID.String(), Name: a.Name, DisplayName: a.DisplayName, AvatarURL: avatarURL(a.Avatar.UUID)}
	for _, b := range badges {
		if a.Roles&b.role != 0 {
			v.Badges = append(v.Badges, b.name)
		}
	}
	if a.Staff {
		v.Badges = append(v.Badges, "staff")
	}
	return v
}

// avatarURL returns the path of the smallest picture of a person; "" for none. A message
// goes to thousands: it has no room for all sizes.
func avatarURL(id uuid.UUID) string {
	p := rest.Picture(rest.Avatar, id)
	if p == nil {
		return ""
	}
	return p.WebP["64"]
}

// version names what a message says, for its ETag.
func version(m Message) int64 {
	if m.EditedAt.IsZero() {
		return m.CreatedAt.UnixMicro()
	}
	return m.EditedAt.UnixMicro()
}
