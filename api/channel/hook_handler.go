package channel

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// OnPublishPath is where other RTMP servers ask.
const OnPublishPath = "/api/v1/ingest/on_publish"

func (h *handler) registerHook(api huma.API) {
	text := func(doc, example string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: doc, Examples: []any{example}}
	}
	const keyDoc = "The stream key, if name is the address of the channel."
	form := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"name"}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"call": text("What happens; nothing but publish is let through.", "publish"),
			"app":  text("Application.", "live"),
			"name": text("Name of the stream: a stream key, or the address of a channel together with key.", "live_…"),
			"key":  text(keyDoc, "live_…"),
			"addr": text("Address of the publisher.", "192.0.2.7"),
		},
	}
	srs := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"action", "stream"}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"action": text("What happens; nothing but on_publish is let through.", "on_publish"),
			"app":    text("Application.", "live"),
			"stream": text("Name of the stream: a stream key, or the address of a channel together with a key in param.", "live_…"),
			"param":  text("What the publisher wrote behind the name: ?key= and the stream key, if the name is the address of the channel.", "?key=live_…"),
		},
	}
	body := &huma.RequestBody{
		Required: true,
		Content:  map[string]*huma.MediaType{"application/json": {Schema: srs}},
	}
	huma.Register(api, huma.Operation{
		OperationID: "on-publish", Method: http.MethodPost, Path: OnPublishPath,
		Summary: "Tell another RTMP server whether somebody may publish", Tags: []string{"Ingest nodes"},
		Description: "For the hook on_publish of nginx-rtmp, a form, and of SRS, JSON. 200 with the text 0 lets the publisher in; " +
			"every other status keeps it out. Viewers see the names of streams there: where they should not see a stream key, " +
			"publish as rtmp://host/live/CHANNEL?key=KEY.",
		Responses: map[string]*huma.Response{"200": {
			Description: "Publishing is allowed.",
			Content:     map[string]*huma.MediaType{"text/plain": {Schema: text("What SRS wants to read.", "0")}},
		}},
		RequestBody: body, MaxBodyBytes: maxHookBytes, BodyReadTimeout: 5 * time.Second,
		SkipValidateBody: true, // parseHook does that, for both forms
		Errors: []int{
			http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusTooManyRequests,
		},
	}, h.onPublish)
	// Huma describes a raw body as binary.
	body.Content["application/x-www-form-urlencoded"] = &huma.MediaType{Schema: form}
}

type onPublishInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/x-www-form-urlencoded"`
}

type onPublishOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// onPublish handles POST /api/v1/ingest/on_publish. SRS wants the body to be 0.
func (h *handler) onPublish(ctx context.Context, in *onPublishInput) (*onPublishOutput, error) {
	if err := h.channels.OnPublish(ctx, in.ContentType, in.RawBody); err != nil {
		return nil, err
	}
	return &onPublishOutput{ContentType: "text/plain; charset=utf-8", Body: []byte("0")}, nil
}
