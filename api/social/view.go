package social

import (
	"context"
	"time"

	"github.com/google/uuid"

	"bandstand/api/rest"
)

// SocialPerson is a person in lists of friends, requests and notifications.
type SocialPerson struct {
	ID          string            `json:"id" format:"uuid"`
	Username    string            `json:"username" example:"ada"`
	DisplayName string            `json:"display_name" doc:"Shown in place of the username; empty for the username." example:"Ada Lovelace"`
	Avatar      *rest.PictureView `json:"avatar,omitempty"`
}

func viewOfPerson(p Person) SocialPerson {
	return SocialPerson{ID: p.ID.String(), Username: p.Username, DisplayName: p.DisplayName, Avatar: rest.Picture(rest.Avatar, p.Avatar.UUID)}
}

// PresenceView is what a friend is doing, as far as the friend shows it.
type PresenceView struct {
	Online   bool       `json:"online" doc:"Whether the friend is connected, with any device."`
	Watching string     `json:"watching,omitempty" doc:"Address of the channel that the friend watches; absent if none, if the friend does not show it, and if you may not see it." example:"demo"`
	Since    *time.Time `json:"since,omitempty" doc:"Since when the friend is online; of a friend who is not, when they were last here. Absent if unknown or not shown."`
}

func viewOfPresence(p Present) PresenceView {
	return PresenceView{Online: p.Online, Watching: p.Watching, Since: unlessZero(p.Since)}
}

// FriendView is a friend, and what the friend is doing.
type FriendView struct {
	SocialPerson
	PresenceView

	FriendsSince time.Time `json:"friends_since"`
}

func viewOfFriend(f Friend) FriendView {
	return FriendView{viewOfPerson(f.Person), viewOfPresence(f.Present), f.Since}
}

// FriendRequestView is a friend request as either side sees it.
type FriendRequestView struct {
	ID        string       `json:"id" format:"uuid"`
	Direction string       `json:"direction" enum:"in,out" doc:"in: the other has asked you; out: you have asked the other."`
	User      SocialPerson `json:"user" doc:"The other."`
	Note      string       `json:"note" example:"We met at the festival"`
	CreatedAt time.Time    `json:"created_at"`
}

func viewOfRequest(r Request) FriendRequestView {
	v := FriendRequestView{ID: r.ID.String(), Direction: "out", User: viewOfPerson(r.Person), Note: r.Note, CreatedAt: r.At}
	if r.Incoming {
		v.Direction = "in"
	}
	return v
}

// BlockView is somebody whom one has blocked.
type BlockView struct {
	SocialPerson

	BlockedAt time.Time `json:"blocked_at"`
}

// SocialSettingsView is what one shows of oneself.
type SocialSettingsView struct {
	ShowOnline    bool   `json:"show_online" doc:"Whether friends see that you are online, and when you were last here."`
	ShowWatching  bool   `json:"show_watching" doc:"Whether friends who may see it too see which channel you watch. Nobody does while show_online is false."`
	AllowRequests string `json:"allow_requests" enum:"everyone,nobody" doc:"Who may send you friend requests."`
}

// NotificationView is something that one was told of.
type NotificationView struct {
	ID        string         `json:"id" format:"uuid"`
	Kind      string         `json:"kind" enum:"friend_request,friend_accepted,chat_mention,chat_reply,party_invite,missed_call,channel_live,system"`
	Actor     *SocialPerson  `json:"actor,omitempty" doc:"Whose doing it is; absent if nobody's."`
	Data      map[string]any `json:"data" doc:"What it is about, by kind." example:"{\"channel\":\"demo\"}"`
	CreatedAt time.Time      `json:"created_at"`
	ReadAt    *time.Time     `json:"read_at,omitempty" doc:"Absent if it is not read."`
}

func viewOfNotification(n Notification) NotificationView {
	v := NotificationView{ID: n.ID.String(), Kind: n.Kind, Data: n.Data, CreatedAt: n.At, ReadAt: unlessZero(n.ReadAt)}
	if n.Actor != nil {
		actor := viewOfPerson(*n.Actor)
		v.Actor = &actor
	}
	return v
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// What sockets of a person are told of.
type (
	// PresenceEvent is the data of presence.changed.
	PresenceEvent struct {
		PresenceView

		User string `json:"user"` // id
	}
	// FriendEvent is the data of friends.added.
	FriendEvent struct {
		Friend FriendView `json:"friend"`
	}
	// NoFriendEvent is the data of friends.removed.
	NoFriendEvent struct {
		User string `json:"user"` // id
	}
	// RequestEvent is the data of friends.request_added.
	RequestEvent struct {
		Request FriendRequestView `json:"request"`
	}
	// NoRequestEvent is the data of friends.request_removed.
	NoRequestEvent struct {
		ID string `json:"id"`
	}
	// InboxNew is the data of inbox.new.
	InboxNew struct {
		Notification NotificationView `json:"notification"`
		Unread       int64            `json:"unread"`
	}
	// InboxRead is the data of inbox.read: of one, or of all up to one.
	InboxRead struct {
		ID     string `json:"id,omitempty"`
		UpTo   string `json:"up_to,omitempty"`
		Unread int64  `json:"unread"`
	}
	// InboxRemoved is the data of inbox.removed.
	InboxRemoved struct {
		IDs    []string `json:"ids"`
		Unread int64    `json:"unread"`
	}
)

// tellFriend tells a person that somebody is their friend now.
func (s *Service) tellFriend(ctx context.Context, user, friend uuid.UUID) {
	ctx = context.WithoutCancel(ctx)
	f, err := s.friendOf(ctx, user, friend)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "somebody was not told of a friend", "err", err)
		return
	}
	s.tell(ctx, user, "friends.added", FriendEvent{viewOfFriend(f)})
}

func (s *Service) tellNoFriend(ctx context.Context, user, friend uuid.UUID) {
	s.tell(ctx, user, "friends.removed", NoFriendEvent{friend.String()})
}

func (s *Service) tellRequest(ctx context.Context, user uuid.UUID, r Request) {
	s.tell(ctx, user, "friends.request_added", RequestEvent{viewOfRequest(r)})
}

func (s *Service) tellNoRequest(ctx context.Context, user, request uuid.UUID) {
	s.tell(ctx, user, "friends.request_removed", NoRequestEvent{request.String()})
}
