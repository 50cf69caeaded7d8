package channel

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
)

func (h *handler) registerKeys(api huma.API) {
	tags := []string{"Stream keys"}
	huma.Register(api, huma.Operation{
		OperationID: "create-stream-key", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/keys",
		Summary: "Make another stream key", Tags: tags,
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict}, writeErrors...),
	}, h.createKey)
	huma.Register(api, huma.Operation{
		OperationID: "list-stream-keys", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/keys",
		Summary: "List stream keys, without their secrets", Tags: tags,
		Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden}, readErrors...),
	}, h.listKeys)
	huma.Register(api, huma.Operation{
		OperationID: "revoke-stream-key", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}/keys/{id}",
		Summary: "Revoke a stream key, and end the session that it opened", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: writeErrors,
	}, h.revokeKey)
}

type createStreamKeyInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	Body struct {
		Label string `json:"label" minLength:"1" maxLength:"60" doc:"What the key is for." example:"OBS in the studio"`
	}
}

type createStreamKeyOutput struct {
	Body struct {
		KeyView
		StreamKey string `json:"stream_key" doc:"Secret that opens the channel. It is in this reply and in no other."`
	}
}

// createKey handles POST /api/v1/channels/{slug}/keys. The secret is in this reply and in no other.
func (h *handler) createKey(ctx context.Context, in *createStreamKeyInput) (*createStreamKeyOutput, error) {
	key, secret, err := h.channels.CreateKey(ctx, auth.User(ctx), in.Slug, in.Body.Label)
	if err != nil {
		return nil, err
	}
	out := &createStreamKeyOutput{}
	out.Body.KeyView = viewOfKey(key)
	out.Body.StreamKey = secret
	return out, nil
}

type listStreamKeysOutput struct {
	Body struct {
		Items []KeyView `json:"items" nullable:"false"`
	}
}

// listKeys handles GET /api/v1/channels/{slug}/keys.
func (h *handler) listKeys(ctx context.Context, in *slugInput) (*listStreamKeysOutput, error) {
	keys, err := h.channels.Keys(ctx, auth.User(ctx), in.Slug)
	if err != nil {
		return nil, err
	}
	out := &listStreamKeysOutput{}
	out.Body.Items = make([]KeyView, len(keys))
	for i, key := range keys {
		out.Body.Items[i] = viewOfKey(key)
	}
	return out, nil
}

type streamKeyInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	ID   string `path:"id" maxLength:"36" doc:"Id of the stream key."`
}

// revokeKey handles DELETE /api/v1/channels/{slug}/keys/{id}.
func (h *handler) revokeKey(ctx context.Context, in *streamKeyInput) (*struct{}, error) {
	return nil, h.channels.RevokeKey(ctx, auth.User(ctx), in.Slug, in.ID)
}
