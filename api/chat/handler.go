package chat

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const (
	listPath    = "/api/v1/channels/{slug}/messages"
	messagePath = listPath + "/{message}"
)

type handler struct{ chat *Service }

// Register adds the operations of chats to api.
func Register(api huma.API, chat *Service) {
	h := &handler{chat}
	tags := []string{"Chat"}
	reads := []int{http.StatusNotFound}
	writes := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests}
	with := func(more ...int) []int { return slices.Concat(more, writes) }
	huma.Register(api, huma.Operation{
		OperationID: "list-messages", Method: http.MethodGet, Path: listPath,
		Summary: "List the messages of a chat, newest first", Tags: tags, Errors: append([]int{http.StatusBadRequest}, reads...),
		Description: "Deleted messages are in the list, without their text; what was cleared away is not. Moderators see all of it. " +
			"Each page that is not empty has a prev_cursor, also the newest: that is where messages are which come later.",
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "send-message", Method: http.MethodPost, Path: listPath,
		Summary: "Write a message", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "Everybody who follows the chat gets it over the socket as chat.message, the sender too. Sent again with the same key it is the same message, " +
			"and nobody gets it twice. 429 too_many_messages is for more than 20 in 10 seconds, 409 duplicate_message for one's last message again within 30.",
		Errors: with(http.StatusConflict),
	}, h.send)
	huma.Register(api, huma.Operation{
		OperationID: "clear-chat", Method: http.MethodDelete, Path: listPath,
		Summary: "Hide all messages so far", Tags: tags, DefaultStatus: http.StatusNoContent, Errors: writes,
		Description: "Moderators still see them. What is pinned is so no more.",
	}, h.clear)
	huma.Register(api, huma.Operation{
		OperationID: "get-message", Method: http.MethodGet, Path: messagePath,
		Summary: "Get a message", Tags: tags, Errors: reads,
	}, h.get)
	huma.Register(api, huma.Operation{
		OperationID: "edit-message", Method: http.MethodPatch, Path: messagePath,
		Summary: "Change the text of a message of one's own, for 15 minutes", Tags: tags,
		Description: "The new text is under the rules of a new message.",
		Errors:      with(http.StatusConflict, http.StatusPreconditionFailed),
	}, h.edit)
	huma.Register(api, huma.Operation{
		OperationID: "delete-message", Method: http.MethodDelete, Path: messagePath,
		Summary: "Delete a message: one's own, or as a moderator any", Tags: tags, DefaultStatus: http.StatusNoContent, Errors: writes,
		Description: "Moderators still see its text. 204 also if it is deleted already.",
	}, h.delete)
	huma.Register(api, huma.Operation{
		OperationID: "like-message", Method: http.MethodPut, Path: messagePath + "/like",
		Summary: "Like a message", Tags: tags, Errors: writes,
	}, h.like)
	huma.Register(api, huma.Operation{
		OperationID: "unlike-message", Method: http.MethodDelete, Path: messagePath + "/like",
		Summary: "Like a message no more", Tags: tags, Errors: writes,
	}, h.unlike)
	huma.Register(api, huma.Operation{
		OperationID: "pin-message", Method: http.MethodPut, Path: messagePath + "/pin",
		Summary: "Pin a message above the chat, in place of another", Tags: tags, Errors: writes,
	}, h.pin)
	huma.Register(api, huma.Operation{
		OperationID: "unpin-message", Method: http.MethodDelete, Path: messagePath + "/pin",
		Summary: "Pin a message no more", Tags: tags, DefaultStatus: http.StatusNoContent, Errors: writes,
		Description: "204 also if it is not pinned.",
	}, h.unpin)
	huma.Register(api, huma.Operation{
		OperationID: "list-pinned", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/pinned",
		Summary: "List what is pinned: one message, or none", Tags: tags, Errors: reads,
	}, h.pinned)
	huma.Register(api, huma.Operation{
		OperationID: "list-broadcast-chat", Method: http.MethodGet, Path: "/api/v1/broadcasts/{broadcast}/messages",
		Summary: "List what was said during a broadcast, to be shown beside its recording", Tags: tags,
		Description: "In the order of position, without what is deleted or was cleared away.",
		Errors:      append([]int{http.StatusBadRequest}, reads...),
	}, h.replay)
}

// ChatInput is the part of an input that names a chat.
type ChatInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
}

// MessageInput is the part of an input that names a message.
type MessageInput struct {
	ChatInput
	Message string `path:"message" maxLength:"36" doc:"Id of the message." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

// idIn returns the id in a text; ErrNotFound if it is none.
func idIn(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, ErrNotFound
	}
	return id, nil
}

type messageOutput struct {
	ETag string `header:"ETag" doc:"Names this text, for If-Match."`
	Body MessageView
}

func outputOf(m Message, err error) (*messageOutput, error) {
	if err != nil {
		return nil, err
	}
	return &messageOutput{ETag: rest.ETag(version(m)), Body: viewOf(m)}, nil
}

type sendMessageInput struct {
	ChatInput
	Body struct {
		Body     string    `json:"body" minLength:"1" maxLength:"2000" doc:"One line of plain text; 1 to 500 characters are left when it is normalised." example:"What a solo :wave: @bob"`
		ReplyTo  string    `json:"reply_to,omitempty" format:"uuid" doc:"Message of the same chat." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
		Position time.Time `json:"position,omitzero" doc:"PROGRAM-DATE-TIME of what you see. What cannot be, is brought into what is on air, or taken for now." example:"2026-11-20T19:30:00Z"`
		Key      string    `json:"key,omitempty" maxLength:"64" doc:"A name of your own: sent again with it, it is the same message." example:"k-42"`
	}
}

type sendMessageOutput struct {
	Location string `header:"Location" doc:"Address of the message in this API."`
	ETag     string `header:"ETag" doc:"Names this text, for If-Match."`
	Body     MessageView
}

// send handles POST /api/v1/channels/{slug}/messages.
func (h *handler) send(ctx context.Context, in *sendMessageInput) (*sendMessageOutput, error) {
	draft, err := draftOf(in.Body.Body, in.Body.ReplyTo, in.Body.Position, in.Body.Key)
	if err != nil {
		return nil, err
	}
	m, err := h.chat.Send(ctx, draft)
	if err != nil {
		return nil, err
	}
	return &sendMessageOutput{
		Location: "/api/v1/channels/" + in.Slug + "/messages/" + m.ID.String(), ETag: rest.ETag(version(m)), Body: viewOf(m),
	}, nil
}

func draftOf(body, replyTo string, position time.Time, key string) (Draft, error) {
	d := Draft{Body: body, Position: position, Key: key}
	if replyTo == "" {
		return d, nil
	}
	var err error
	if d.ReplyTo, err = idIn(replyTo); err != nil {
		return d, ErrBadReply
	}
	return d, nil
}

type listMessagesInput struct {
	ChatInput
	rest.PageQuery
	Around string `query:"around" format:"uuid" doc:"Message in the middle of the page; without cursor." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

// list handles GET /api/v1/channels/{slug}/messages.
func (h *handler) list(ctx context.Context, in *listMessagesInput) (*rest.PageOutput[MessageView], error) {
	var page rest.Page[Message]
	var err error
	if in.Around != "" && in.Cursor == "" {
		var id uuid.UUID
		if id, err = idIn(in.Around); err == nil {
			page, err = h.chat.Around(ctx, id, in.Limit)
		}
	} else {
		page, err = h.chat.List(ctx, in.PageQuery)
	}
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOf), "/api/v1/channels/"+in.Slug+"/messages", nil, in.Limit), nil
}

// clear handles DELETE /api/v1/channels/{slug}/messages.
func (h *handler) clear(ctx context.Context, _ *ChatInput) (*struct{}, error) {
	return nil, h.chat.Clear(ctx)
}

// get handles GET /api/v1/channels/{slug}/messages/{message}.
func (h *handler) get(ctx context.Context, in *MessageInput) (*messageOutput, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return nil, err
	}
	return outputOf(h.chat.Get(ctx, id))
}

type editMessageInput struct {
	MessageInput
	rest.IfMatch
	Body struct {
		Body string `json:"body" minLength:"1" maxLength:"2000" doc:"As in a new message." example:"What a solo! :wave: @bob"`
	}
}

// edit handles PATCH /api/v1/channels/{slug}/messages/{message}.
func (h *handler) edit(ctx context.Context, in *editMessageInput) (*messageOutput, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return nil, err
	}
	return outputOf(h.chat.Edit(ctx, id, in.IfMatch, in.Body.Body))
}

// delete handles DELETE /api/v1/channels/{slug}/messages/{message}.
func (h *handler) delete(ctx context.Context, in *MessageInput) (*struct{}, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return nil, err
	}
	return nil, h.chat.Delete(ctx, id)
}

// LikedView is how many like a message.
type LikedView struct {
	Likes int64 `json:"likes" example:"3"`
	Liked bool  `json:"liked" doc:"Whether you do."`
}

type likedOutput struct{ Body LikedView }

// like handles PUT /api/v1/channels/{slug}/messages/{message}/like.
func (h *handler) like(ctx context.Context, in *MessageInput) (*likedOutput, error) {
	v, err := h.chat.liking(ctx, in.Message, true)
	return &likedOutput{v}, err
}

// unlike handles DELETE /api/v1/channels/{slug}/messages/{message}/like.
func (h *handler) unlike(ctx context.Context, in *MessageInput) (*likedOutput, error) {
	v, err := h.chat.liking(ctx, in.Message, false)
	return &likedOutput{v}, err
}

func (s *Service) liking(ctx context.Context, message string, like bool) (LikedView, error) {
	id, err := idIn(message)
	if err != nil {
		return LikedView{}, err
	}
	likes, err := s.Like(ctx, id, like)
	return LikedView{Likes: likes, Liked: like}, err
}

// pin handles PUT /api/v1/channels/{slug}/messages/{message}/pin.
func (h *handler) pin(ctx context.Context, in *MessageInput) (*messageOutput, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return nil, err
	}
	return outputOf(h.chat.Pin(ctx, id))
}

// unpin handles DELETE /api/v1/channels/{slug}/messages/{message}/pin.
func (h *handler) unpin(ctx context.Context, in *MessageInput) (*struct{}, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return nil, err
	}
	return nil, h.chat.Unpin(ctx, id)
}

type pinnedOutput struct {
	Body struct {
		Items []MessageView `json:"items" nullable:"false"`
	}
}

// pinned handles GET /api/v1/channels/{slug}/pinned.
func (h *handler) pinned(ctx context.Context, _ *ChatInput) (*pinnedOutput, error) {
	pinned, err := h.chat.Pinned(ctx)
	if err != nil {
		return nil, err
	}
	out := &pinnedOutput{}
	out.Body.Items = []MessageView{}
	for _, m := range pinned {
		out.Body.Items = append(out.Body.Items, viewOf(m))
	}
	return out, nil
}

type replayInput struct {
	Broadcast string `path:"broadcast" maxLength:"36" doc:"Id of the broadcast." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	rest.PageQuery
	From time.Time `query:"from" doc:"First position, PROGRAM-DATE-TIME; from the beginning if absent." example:"2026-11-20T19:30:00Z"`
	To   time.Time `query:"to" doc:"Position up to which, without it; to the end if absent." example:"2026-11-20T19:35:00Z"`
}

// replay handles GET /api/v1/broadcasts/{broadcast}/messages.
func (h *handler) replay(ctx context.Context, in *replayInput) (*rest.PageOutput[MessageView], error) {
	page, err := h.chat.Replay(ctx, Span{From: in.From, To: in.To}, in.PageQuery)
	if err != nil {
		return nil, err
	}
	chosen := url.Values{}
	for name, at := range map[string]time.Time{"from": in.From, "to": in.To} {
		if !at.IsZero() {
			chosen.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	path := "/api/v1/broadcasts/" + auth.AccessOf(ctx).BroadcastID.String() + "/messages"
	return rest.NewPageOutput(rest.MapPage(page, viewOf), path, chosen, in.Limit), nil
}
