package channel

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
)

var rungType = reflect.TypeFor[Rung]()

type handler struct{ channels *Service }

// Register adds the operations of channels, their stream keys and ingest nodes to api.
func Register(api huma.API, channels *Service) {
	h := &handler{channels}
	h.registerChannels(api)
	h.registerKeys(api)
	h.registerIngest(api)
}

// Failures that operations document beside those that every operation may have.
var (
	readErrors  = []int{http.StatusNotFound}
	writeErrors = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests}
)

func (h *handler) registerChannels(api huma.API) {
	tags := []string{"Channels"}
	huma.Register(api, huma.Operation{
		OperationID: "create-channel", Method: http.MethodPost, Path: "/api/v1/channels",
		Summary: "Make a channel and its first stream key", Tags: tags,
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict}, writeErrors...),
	}, h.create)
	huma.Register(api, huma.Operation{
		OperationID: "list-channels", Method: http.MethodGet, Path: "/api/v1/channels",
		Summary: "List channels, newest first", Tags: tags,
		Errors: []int{http.StatusBadRequest},
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "get-channel", Method: http.MethodGet, Path: "/api/v1/channels/{slug}",
		Summary: "Get a channel", Tags: tags, Errors: readErrors,
	}, h.get)
	huma.Register(api, huma.Operation{
		OperationID: "update-channel", Method: http.MethodPatch, Path: "/api/v1/channels/{slug}",
		Summary: "Change a channel", Tags: tags, Errors: writeErrors,
	}, h.update)
	huma.Register(api, huma.Operation{
		OperationID: "delete-channel", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}",
		Summary: "Delete a channel with its stream keys", Tags: tags, Errors: writeErrors,
		DefaultStatus: http.StatusNoContent,
	}, h.delete)
}

type slugInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
}

type channelOutput struct{ Body ChannelView }

type createChannelInput struct {
	Body struct {
		Slug  string `json:"slug" minLength:"2" maxLength:"40" pattern:"^[a-z0-9](-?[a-z0-9])+$" doc:"Address of the channel, unique." example:"demo"`
		Title string `json:"title" minLength:"1" maxLength:"100" example:"Demo"`
	}
}

type createChannelOutput struct {
	Location string `header:"Location" doc:"Address of the new channel in this API."`
	Body     struct {
		ChannelView
		StreamKey string `json:"stream_key" doc:"Secret that opens the channel. It is in this reply and in no other."`
	}
}

// create handles POST /api/v1/channels. The stream key is in this reply and in no other.
func (h *handler) create(ctx context.Context, in *createChannelInput) (*createChannelOutput, error) {
	ch, secret, err := h.channels.Create(ctx, auth.User(ctx), in.Body.Slug, in.Body.Title)
	if err != nil {
		return nil, err
	}
	out := &createChannelOutput{Location: "/api/v1/channels/" + ch.Slug}
	out.Body.ChannelView = h.channels.view(ch)
	out.Body.StreamKey = secret
	return out, nil
}

type listChannelsInput struct {
	Live   bool   `query:"live" doc:"Only channels on air."`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

type listChannelsOutput struct {
	Link string `header:"Link" doc:"RFC 8288: the next page, if there is one."`
	Body struct {
		Items      []ChannelView `json:"items" nullable:"false"`
		NextCursor string        `json:"next_cursor,omitempty" doc:"Where the next page begins; absent on the last."`
	}
}

// list handles GET /api/v1/channels.
func (h *handler) list(ctx context.Context, in *listChannelsInput) (*listChannelsOutput, error) {
	page, err := h.channels.List(ctx, in.Live, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listChannelsOutput{}
	out.Body.Items = make([]ChannelView, len(page.Channels))
	for i, ch := range page.Channels {
		out.Body.Items[i] = h.channels.view(ch)
	}
	if page.Next != "" {
		out.Body.NextCursor = page.Next
		next := url.Values{"cursor": {page.Next}, "limit": {strconv.Itoa(in.Limit)}}
		if in.Live {
			next.Set("live", "true")
		}
		out.Link = `</api/v1/channels?` + next.Encode() + `>; rel="next"`
	}
	return out, nil
}

// get handles GET /api/v1/channels/{slug}.
func (h *handler) get(ctx context.Context, in *slugInput) (*channelOutput, error) {
	ch, err := h.channels.Get(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &channelOutput{Body: h.channels.view(ch)}, nil
}

type updateChannelInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	Body struct {
		Title  *string      `json:"title,omitempty" minLength:"1" maxLength:"100"`
		Ladder ladderChange `json:"ladder,omitempty"`
	}
}

// update handles PATCH /api/v1/channels/{slug}: what is absent stays as it is.
func (h *handler) update(ctx context.Context, in *updateChannelInput) (*channelOutput, error) {
	change := Change{Title: in.Body.Title}
	if in.Body.Ladder.set {
		change.Ladder = &in.Body.Ladder.rungs
	}
	ch, err := h.channels.Update(ctx, auth.User(ctx), in.Slug, change)
	if err != nil {
		return nil, err
	}
	return &channelOutput{Body: h.channels.view(ch)}, nil
}

// delete handles DELETE /api/v1/channels/{slug}.
func (h *handler) delete(ctx context.Context, in *slugInput) (*struct{}, error) {
	return nil, h.channels.Delete(ctx, auth.User(ctx), in.Slug)
}
