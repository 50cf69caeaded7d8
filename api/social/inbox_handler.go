package social

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const inboxPath = "/api/v1/me/notifications"

func (h *handler) registerInbox(api huma.API) {
	tags := []string{"Inbox"}
	huma.Register(api, huma.Operation{
		OperationID: "list-notifications", Method: http.MethodGet, Path: inboxPath,
		Summary: "List your notifications, the latest first", Tags: tags, Errors: listErrors,
		Description: "The latest 500 of the last 90 days are kept.",
	}, h.listNotifications)
	huma.Register(api, huma.Operation{
		OperationID: "read-notification", Method: http.MethodPost, Path: inboxPath + "/{notification}/read",
		Summary: "Mark a notification as read", Tags: tags, Errors: writeErrors,
	}, h.readNotification)
	huma.Register(api, huma.Operation{
		OperationID: "read-notifications", Method: http.MethodPost, Path: inboxPath + "/read",
		Summary: "Mark notifications as read, all up to one", Tags: tags, Errors: writeErrors,
	}, h.readNotifications)
	huma.Register(api, huma.Operation{
		OperationID: "delete-notification", Method: http.MethodDelete, Path: inboxPath + "/{notification}",
		Summary: "Delete a notification", Tags: tags, Errors: writeErrors,
		DefaultStatus: http.StatusNoContent,
	}, h.deleteNotification)
}

type listNotificationsInput struct {
	rest.PageQuery

	Unread bool `query:"unread" doc:"Only those that are not read."`
}

type listNotificationsOutput struct {
	Link string `header:"Link" doc:"RFC 8288: the next and the previous page, if there are such."`
	Body struct {
		rest.PageBody[NotificationView]

		Unread int64 `json:"unread" doc:"How many of all are not read." example:"3"`
	}
}

// listNotifications handles GET /api/v1/me/notifications.
func (h *handler) listNotifications(ctx context.Context, in *listNotificationsInput) (*listNotificationsOutput, error) {
	p := auth.User(ctx)
	page, err := h.social.Inbox(ctx, p, in.Unread, in.PageQuery)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if in.Unread {
		query.Set("unread", "true")
	}
	list := rest.NewPageOutput(rest.MapPage(page, viewOfNotification), inboxPath, query, in.Limit)
	out := &listNotificationsOutput{Link: list.Link}
	out.Body.PageBody = list.Body
	out.Body.Unread, err = h.social.Unread(ctx, p.UserID)
	return out, err
}

// NotificationInput names a notification.
type NotificationInput struct {
	Notification uuid.UUID `path:"notification" format:"uuid" doc:"Id of the notification."`
}

type unreadOutput struct {
	Body struct {
		Unread int64 `json:"unread" doc:"How many notifications are not read now." example:"2"`
	}
}

// readNotification handles POST /api/v1/me/notifications/{notification}/read.
func (h *handler) readNotification(ctx context.Context, in *NotificationInput) (out *unreadOutput, err error) {
	out = &unreadOutput{}
	out.Body.Unread, err = h.social.Read(ctx, auth.User(ctx), in.Notification)
	return out, err
}

type readNotificationsInput struct {
	Body struct {
		UpTo uuid.UUID `json:"up_to" format:"uuid" doc:"Id of the latest that was seen: it and all before it are read."`
	}
}

// readNotifications handles POST /api/v1/me/notifications/read.
func (h *handler) readNotifications(ctx context.Context, in *readNotificationsInput) (out *unreadOutput, err error) {
	out = &unreadOutput{}
	out.Body.Unread, err = h.social.ReadUpTo(ctx, auth.User(ctx), in.Body.UpTo)
	return out, err
}

// deleteNotification handles DELETE /api/v1/me/notifications/{notification}.
func (h *handler) deleteNotification(ctx context.Context, in *NotificationInput) (*struct{}, error) {
	return nil, h.social.Delete(ctx, auth.User(ctx), in.Notification)
}
