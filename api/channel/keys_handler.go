package channel

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerKeys(api huma.API) {
	tags := []string{"Stream keys"}
	huma.Register(api, huma.Operation{
		OperationID: "create-stream-key", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/keys",
		Summary: "Make another stream key", Tags: tags,
		DefaultStatus: http.StatusCreated, Errors: createErrors,
	}, h.createKey)
	huma.Register(api, huma.Operation{
		OperationID: "list-stream-keys", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/keys",
		Summary: "List stream keys, without their secrets", Tags: tags, Errors: memberErrors,
		Description: "All on one page, the oldest first. Those that are revoked stay in the list for a week.",
	}, h.listKeys)
	huma.Register(api, huma.Operation{
		OperationID: "rotate-stream-key", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/keys/{id}/rotate",
		Summary: "Put a new stream key in the place of one, which is revoked", Tags: tags,
		Description:   "Whoever is on air with the old one is hung up on within two seconds.",
		DefaultStatus: http.StatusCreated, Errors: createErrors,
	}, h.rotateKey)
	huma.Register(api, huma.Operation{
		OperationID: "revoke-stream-key", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}/keys/{id}",
		Summary: "Revoke a stream key, and end the session that it opened", Tags: tags,
		Description:   "Whoever is on air with it is hung up on within two seconds.",
		DefaultStatus: http.StatusNoContent, Errors: writeErrors,
	}, h.revokeKey)
}

type createStreamKeyInput struct {
	SlugInput
	Body struct {
		Label string `json:"label" minLength:"1" maxLength:"60" doc:"What the key is for." example:"OBS in the studio"`
	}
}

type newStreamKeyOutput struct {
	Location string `header:"Location" doc:"Address of the new key in this API."`
	Body     struct {
		KeyView
		StreamKey string `json:"stream_key" doc:"Secret that opens the channel. It is in this reply and in no other."`
	}
}

func outputOfNewKey(at auth.Access, key Key, secret string) *newStreamKeyOutput {
	out := &newStreamKeyOutput{Location: "/api/v1/channels/" + at.Slug + "/keys/" + key.ID.String()}
	out.Body.KeyView = viewOfKey(key)
	out.Body.StreamKey = secret
	return out
}

// createKey handles POST /api/v1/channels/{slug}/keys. The secret is in this reply and in no other.
func (h *handler) createKey(ctx context.Context, in *createStreamKeyInput) (*newStreamKeyOutput, error) {
	at := auth.AccessOf(ctx)
	key, secret, err := h.channels.CreateKey(ctx, at, in.Body.Label)
	if err != nil {
		return nil, err
	}
	return outputOfNewKey(at, key, secret), nil
}

// listKeys handles GET /api/v1/channels/{slug}/keys.
func (h *handler) listKeys(ctx context.Context, _ *SlugInput) (*rest.PageOutput[KeyView], error) {
	keys, err := h.channels.Keys(ctx, auth.AccessOf(ctx))
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(rest.Page[Key]{Items: keys}, viewOfKey), "", nil, 0), nil
}

type streamKeyInput struct {
	SlugInput
	ID string `path:"id" maxLength:"36" doc:"Id of the stream key."`
}

// rotateKey handles POST /api/v1/channels/{slug}/keys/{id}/rotate. The secret is in this reply and in no other.
func (h *handler) rotateKey(ctx context.Context, in *streamKeyInput) (*newStreamKeyOutput, error) {
	at := auth.AccessOf(ctx)
	key, secret, err := h.channels.RotateKey(ctx, at, in.ID)
	if err != nil {
		return nil, err
	}
	return outputOfNewKey(at, key, secret), nil
}

// revokeKey handles DELETE /api/v1/channels/{slug}/keys/{id}.
func (h *handler) revokeKey(ctx context.Context, in *streamKeyInput) (*struct{}, error) {
	return nil, h.channels.RevokeKey(ctx, auth.AccessOf(ctx), in.ID)
}

// KeyView is a stream key without its secret.
type KeyView struct {
	ID         string     `json:"id" format:"uuid"`
	Label      string     `json:"label" example:"OBS in the studio"`
	Hint       string     `json:"hint" doc:"Last characters of the secret."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

func viewOfKey(k Key) KeyView {
	return KeyView{
		ID: k.ID.String(), Label: k.Label, Hint: k.Hint, CreatedAt: k.CreatedAt,
		LastUsedAt: unlessZero(k.LastUsedAt), RevokedAt: unlessZero(k.RevokedAt),
	}
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
