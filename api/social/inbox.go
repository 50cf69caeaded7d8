package social

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Notification is something that somebody was told of.
type Notification struct {
	ID     uuid.UUID
	Kind   string
	Actor  *Person // whose doing it is; nil for nobody's
	Data   map[string]any
	At     time.Time
	ReadAt time.Time // zero if not read
}

func notificationOf(row store.NotificationsBeforeRow) Notification {
	n := Notification{ID: row.ID, Kind: row.Kind, At: row.CreatedAt.Time}
	_ = json.Unmarshal(row.Data, &n.Data) // an object, see notification
	if row.ActorID.Valid {
		n.Actor = &Person{row.ActorID.UUID, row.Username.String, row.DisplayName.String, row.AvatarID}
	}
	if row.ReadAt != nil {
		n.ReadAt = row.ReadAt.Time
	}
	return n
}

// Inbox returns a page of what p was told of, the latest first; only what is not read, if
// unread is set.
func (s *Service) Inbox(ctx context.Context, p auth.Principal, unread bool, page rest.PageQuery) (rest.Page[Notification], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Notification]{}, err
	}
	q, ask := s.cfg.DB.Read(), store.NotificationsBeforeParams{UserID: p.UserID, Edge: c.ID, Most: int32(page.Limit) + 1}
	if unread {
		ask.Unread = 1
	}
	notifications := []Notification{}
	if c.Back {
		var rows []store.NotificationsAfterRow
		rows, err = q.NotificationsAfter(ctx, store.NotificationsAfterParams(ask))
		for _, row := range rows {
			notifications = append(notifications, notificationOf(store.NotificationsBeforeRow(row)))
		}
	} else {
		var rows []store.NotificationsBeforeRow
		rows, err = q.NotificationsBefore(ctx, ask)
		for _, row := range rows {
			notifications = append(notifications, notificationOf(row))
		}
	}
	if err != nil {
		return rest.Page[Notification]{}, fmt.Errorf("social: list notifications: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, notifications, func(n Notification) rest.Cursor { return rest.Cursor{ID: n.ID} }), nil
}

// Unread returns how many notifications a person has not read.
func (s *Service) Unread(ctx context.Context, user uuid.UUID) (int64, error) {
	n, err := s.cfg.DB.Read().CountUnreadNotifications(ctx, user)
	if err != nil {
		return 0, fmt.Errorf("social: count what is unread: %w", err)
	}
	return n, nil
}

// Read marks a notification of p as read, and returns how many are not.
func (s *Service) Read(ctx context.Context, p auth.Principal, id uuid.UUID) (unread int64, err error) {
	n, err := s.cfg.DB.Write().ReadNotification(ctx, store.ReadNotificationParams{ID: id, UserID: p.UserID, At: column.Maybe(s.cfg.Now())})
	if err != nil {
		return 0, fmt.Errorf("social: read a notification: %w", err)
	}
	if n == 0 {
		return 0, ErrNotificationGone
	}
	unread, err = s.Unread(ctx, p.UserID)
	if err == nil {
		s.tell(ctx, p.UserID, "inbox.read", InboxRead{ID: id.String(), Unread: unread})
	}
	return unread, err
}

// ReadUpTo marks the notifications of p up to one, and that too, as read, and returns
// how many are not.
func (s *Service) ReadUpTo(ctx context.Context, p auth.Principal, id uuid.UUID) (unread int64, err error) {
	n, err := s.cfg.DB.Write().ReadNotificationsUpTo(ctx, store.ReadNotificationsUpToParams{UserID: p.UserID, UpTo: id, At: column.Maybe(s.cfg.Now())})
	if err != nil {
		return 0, fmt.Errorf("social: read notifications: %w", err)
	}
	unread, err = s.Unread(ctx, p.UserID)
	if err == nil && n > 0 {
		s.tell(ctx, p.UserID, "inbox.read", InboxRead{UpTo: id.String(), Unread: unread})
	}
	return unread, err
}

// Delete takes a notification out of the inbox of p.
func (s *Service) Delete(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	n, err := s.cfg.DB.Write().DeleteNotification(ctx, store.DeleteNotificationParams{ID: id, UserID: p.UserID})
	if err != nil {
		return fmt.Errorf("social: delete a notification: %w", err)
	}
	if n == 0 {
		return ErrNotificationGone
	}
	var after later
	s.tellForgotten(ctx, p.UserID, []uuid.UUID{id}, &after)
	after.do()
	return nil
}
