package moderation

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

func (h *handler) registerLog(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-chat-log", Method: http.MethodGet, Path: chatPath + "log",
		Summary: "List what moderators did in a chat, newest first", Tags: []string{"Moderation"}, Errors: memberErrors,
		Description: "It is remembered for a year.",
	}, h.listLog)
}

// ChatLogView is something that a moderator did.
type ChatLogView struct {
	ID        string         `json:"id" format:"uuid" example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	ActorID   string         `json:"actor_id,omitempty" format:"uuid" doc:"Who did it; absent if that was the server itself." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Actor     string         `json:"actor" doc:"Username at that time, or system." example:"ada"`
	Action    string         `json:"action" doc:"Such as settings, words, ban, timeout, unban, emote_create, emote_delete; and what was done to messages." example:"timeout"`
	TargetID  string         `json:"target_id,omitempty" format:"uuid" doc:"Person to whom it was done." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Target    string         `json:"target,omitempty" doc:"Username at that time." example:"eve"`
	MessageID string         `json:"message_id,omitempty" format:"uuid" doc:"Message to which it was done." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Detail    map[string]any `json:"detail,omitempty" doc:"What else there is to know." example:"{\"seconds\":600}"`
	CreatedAt time.Time      `json:"created_at"`
}

func viewOfEntry(e store.ChatLog) ChatLogView {
	v := ChatLogView{
		ID: e.ID.String(), ActorID: textOf(e.ActorID), Actor: e.Actor, Action: e.Action,
		TargetID: textOf(e.TargetID), Target: e.Target, MessageID: textOf(e.MessageID), CreatedAt: e.CreatedAt.Time,
	}
	if e.Detail != nil {
		_ = json.Unmarshal(e.Detail, &v.Detail) // what is no object is left out
	}
	return v
}

type listChatLogInput struct {
	ChatInput
	rest.PageQuery

	User string `query:"user" maxLength:"32" pattern:"^[A-Za-z0-9_-]*$" doc:"Only what was done to the person with this name." example:"eve"`
}

// listLog handles GET /api/v1/channels/{slug}/chat/log.
func (h *handler) listLog(ctx context.Context, in *listChatLogInput) (*rest.PageOutput[ChatLogView], error) {
	at := auth.AccessOf(ctx)
	page, err := h.moderation.Log(ctx, at.ChannelID, in.User, in.PageQuery)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if in.User != "" {
		query.Set("user", in.User)
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfEntry), pathOf(at.Slug, "chat/log"), query, in.Limit), nil
}
