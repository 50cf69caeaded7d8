package social

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Kinds of notifications.
const (
	FriendRequest  = "friend_request"
	FriendAccepted = "friend_accepted"
	ChatMention    = "chat_mention"
	ChatReply      = "chat_reply"
	PartyInvite    = "party_invite"
	MissedCall     = "missed_call"
	ChannelLive    = "channel_live"
	System         = "system"
)

// Kinds are all kinds of notifications.
var Kinds = []string{FriendRequest, FriendAccepted, ChatMention, ChatReply, PartyInvite, MissedCall, ChannelLive, System}

const (
	maxData      = 4 << 10 // bytes of what a notification says
	maxDedup     = 100     // bytes
	notifyWithin = 5 * time.Second
)

// Notify puts a notification into somebody's inbox and tells their sockets. actor is
// whose doing it is; uuid.Nil for nobody's. data is encoded as a JSON object; nil for an
// empty one. Of those about one thing, that is with one dedup, there is one; empty for
// as many as come. Nothing is put there for people who are gone, about what they do
// themselves, or where one of the two has blocked the other. It never fails its caller.
func (s *Service) Notify(ctx context.Context, user uuid.UUID, kind string, actor uuid.UUID, data any, dedup string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyWithin)
	defer cancel()
	var after func()
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = s.NotifyTx(ctx, tx, user, kind, actor, data, dedup)
		return err
	})
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "a notification is lost", "kind", kind, "user", user, "err", err)
		return
	}
	after()
}

// NotifyTx is Notify in a transaction of the caller, which calls after once that is
// committed.
func (s *Service) NotifyTx(ctx context.Context, tx *db.Tx, user uuid.UUID, kind string, actor uuid.UUID, data any, dedup string) (after func(), err error) {
	nothing := func() {}
	if user == actor {
		return nothing, nil
	}
	n, err := s.notification(user, kind, actor, data, dedup)
	if err != nil {
		return nothing, err
	}
	reachable, err := tx.NotifyTarget(ctx, store.NotifyTargetParams{UserID: user, ActorID: actor})
	if errors.Is(err, db.ErrNotFound) || (err == nil && reachable == 0) {
		return nothing, nil
	}
	if err != nil {
		return nothing, fmt.Errorf("social: look up whom to notify: %w", err)
	}
	written, err := tx.CreateNotification(ctx, n)
	if err != nil {
		return nothing, fmt.Errorf("social: write a notification: %w", err)
	}
	if written == 0 {
		return nothing, nil
	}
	return func() { s.notified(ctx, n) }, nil
}

// notification returns a row of the inbox.
func (s *Service) notification(user uuid.UUID, kind string, actor uuid.UUID, data any, dedup string) (store.CreateNotificationParams, error) {
	if !slices.Contains(Kinds, kind) || len(dedup) > maxDedup {
		return store.CreateNotificationParams{}, errors.New("social: not a notification: its kind or what it is known by")
	}
	if data == nil {
		data = struct{}{}
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return store.CreateNotificationParams{}, fmt.Errorf("social: encode a notification: %w", err)
	}
	if len(encoded) > maxData || encoded[0] != '{' {
		return store.CreateNotificationParams{}, errors.New("social: what a notification says is no object, or too long")
	}
	id, err := newID()
	return store.CreateNotificationParams{
		ID: id, UserID: user, Kind: kind, ActorID: uuid.NullUUID{UUID: actor, Valid: actor != uuid.Nil},
		Data: encoded, Dedup: sql.NullString{String: dedup, Valid: dedup != ""}, CreatedAt: column.At(s.cfg.Now()),
	}, err
}

// notified tells a person of what is in their inbox now, and keeps that from growing.
func (s *Service) notified(ctx context.Context, n store.CreateNotificationParams) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyWithin)
	defer cancel()
	s.metrics.notifications.WithLabelValues(n.Kind).Inc()
	if err := s.cfg.DB.Write().TrimNotifications(ctx, n.UserID); err != nil {
		s.cfg.Logger.WarnContext(ctx, "an inbox was not trimmed", "err", err)
	}
	row, err := s.cfg.DB.Read().NotificationByID(ctx, store.NotificationByIDParams{ID: n.ID, UserID: n.UserID})
	if errors.Is(err, db.ErrNotFound) { // taken back meanwhile
		return
	}
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "somebody was not told of a notification", "err", err)
		return
	}
	s.tell(ctx, n.UserID, "inbox.new", InboxNew{Notification: viewOfNotification(notificationOf(store.NotificationsBeforeRow(row))), Unread: s.unreadNow(ctx, n.UserID)})
}

// unreadNow is Unread for events: 0 if it cannot be asked.
func (s *Service) unreadNow(ctx context.Context, user uuid.UUID) int64 {
	n, err := s.Unread(context.WithoutCancel(ctx), user)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "how many are unread is not known", "err", err)
	}
	return n
}

// forget takes the notification of a person back that is known by dedup.
func (s *Service) forget(ctx context.Context, tx *db.Tx, user uuid.UUID, dedup string, after *later) error {
	gone, err := tx.DeleteNotificationAbout(ctx, store.DeleteNotificationAboutParams{UserID: user, Dedup: sql.NullString{String: dedup, Valid: true}})
	if err != nil {
		return fmt.Errorf("take a notification back: %w", err)
	}
	s.tellForgotten(ctx, user, gone, after)
	return nil
}

// tellForgotten has a person told, later, which notifications are gone.
func (s *Service) tellForgotten(ctx context.Context, user uuid.UUID, ids []uuid.UUID, after *later) {
	if len(ids) == 0 {
		return
	}
	after.add(func() {
		gone := make([]string, len(ids))
		for i, id := range ids {
			gone[i] = id.String()
		}
		s.tell(ctx, user, "inbox.removed", InboxRemoved{IDs: gone, Unread: s.unreadNow(ctx, user)})
	})
}
