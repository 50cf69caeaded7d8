package broadcast

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const (
	channelPath   = "/api/v1/channels/{slug}/broadcasts"
	broadcastPath = "/api/v1/broadcasts/{broadcast}"
)

type handler struct{ broadcasts *Service }

// Register adds the operations of broadcasts to api.
func Register(api huma.API, broadcasts *Service) {
	h := &handler{broadcasts}
	h.registerLists(api)
	h.registerAudience(api)
	h.registerUnsubscribe(api)
	tags := []string{"Broadcasts"}
	failures := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests}
	with := func(more ...int) []int { return slices.Concat(more, failures) }
	huma.Register(api, huma.Operation{
		OperationID: "create-broadcast", Method: http.MethodPost, Path: channelPath,
		Summary: "Plan a broadcast", Tags: tags,
		Description: "With planned_start and planned_end it is scheduled: two of a channel cannot overlap. Without, it is prepared: " +
			"the next publisher takes it, unless it is the time of one that is scheduled. A channel has one prepared broadcast at most.",
		DefaultStatus: http.StatusCreated, Errors: with(http.StatusConflict),
	}, h.create)
	huma.Register(api, huma.Operation{
		OperationID: "get-broadcast", Method: http.MethodGet, Path: broadcastPath,
		Summary: "Get a broadcast", Tags: tags, Errors: []int{http.StatusNotFound},
	}, h.get)
	huma.Register(api, huma.Operation{
		OperationID: "update-broadcast", Method: http.MethodPatch, Path: broadcastPath,
		Summary: "Change a broadcast, also while it is on air", Tags: tags,
		Description: "What is absent stays as it is. Times can be changed of one that is scheduled.",
		Errors:      with(http.StatusConflict, http.StatusPreconditionFailed),
	}, h.update)
	huma.Register(api, huma.Operation{
		OperationID: "delete-broadcast", Method: http.MethodDelete, Path: broadcastPath,
		Summary: "Delete a broadcast that is not on air", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: with(http.StatusConflict),
	}, h.delete)
	huma.Register(api, huma.Operation{
		OperationID: "publish-broadcast", Method: http.MethodPost, Path: broadcastPath + "/publish",
		Summary: "Show a broadcast that has ended", Tags: tags, Errors: with(http.StatusConflict),
	}, h.publish)
	huma.Register(api, huma.Operation{
		OperationID: "unpublish-broadcast", Method: http.MethodPost, Path: broadcastPath + "/unpublish",
		Summary: "Hide a broadcast that has ended", Tags: tags, Errors: with(http.StatusConflict),
	}, h.unpublish)
	huma.Register(api, huma.Operation{
		OperationID: "put-reminder", Method: http.MethodPut, Path: broadcastPath + "/reminder",
		Summary: "Ask for a mail when a broadcast begins", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: with(http.StatusConflict),
	}, h.remind)
	huma.Register(api, huma.Operation{
		OperationID: "delete-reminder", Method: http.MethodDelete, Path: broadcastPath + "/reminder",
		Summary: "Do not ask for it any more", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, h.forget)
}

// BroadcastInput is the part of an input that names a broadcast.
type BroadcastInput struct {
	Broadcast string `path:"broadcast" maxLength:"36" doc:"Id of the broadcast." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

type broadcastOutput struct {
	ETag string `header:"ETag" doc:"Version of the broadcast, for If-Match."`
	Body BroadcastView
}

func (h *handler) output(b *Broadcast) *broadcastOutput {
	return &broadcastOutput{ETag: rest.ETag(b.Version), Body: h.broadcasts.view(b)}
}

type createBroadcastInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
	Body struct {
		Title        string          `json:"title" minLength:"1" maxLength:"100" example:"Evening session"`
		Description  string          `json:"description,omitempty" maxLength:"5000" example:"Three sets, then questions."`
		Category     string          `json:"category,omitempty" maxLength:"40" example:"Music"`
		Tags         []string        `json:"tags,omitempty" maxItems:"10" nullable:"false" example:"[\"jazz\",\"live-band\"]" doc:"Small letters, digits and dashes."`
		Links        []BroadcastLink `json:"links,omitempty" maxItems:"10" nullable:"false"`
		PlannedStart time.Time       `json:"planned_start,omitzero" doc:"In the future, within a year." example:"2027-03-01T19:00:00Z"`
		PlannedEnd   time.Time       `json:"planned_end,omitzero" doc:"A minute to seven days later." example:"2027-03-01T21:00:00Z"`
	}
}

type createBroadcastOutput struct {
	Location string `header:"Location" doc:"Address of the new broadcast in this API."`
	ETag     string `header:"ETag" doc:"Version of the broadcast, for If-Match."`
	Body     BroadcastView
}

// create handles POST /api/v1/channels/{slug}/broadcasts.
func (h *handler) create(ctx context.Context, in *createBroadcastInput) (*createBroadcastOutput, error) {
	b, err := h.broadcasts.Create(ctx, Plan{
		Title: in.Body.Title, Description: in.Body.Description, Category: in.Body.Category,
		Tags: in.Body.Tags, Links: in.Body.Links, Start: in.Body.PlannedStart, End: in.Body.PlannedEnd,
	})
	if err != nil {
		return nil, err
	}
	out := h.output(&b)
	return &createBroadcastOutput{Location: "/api/v1/broadcasts/" + out.Body.ID, ETag: out.ETag, Body: out.Body}, nil
}

// get handles GET /api/v1/broadcasts/{broadcast}.
func (h *handler) get(ctx context.Context, _ *BroadcastInput) (*broadcastOutput, error) {
	b, err := h.broadcasts.Get(ctx)
	if err != nil {
		return nil, err
	}
	out := h.output(&b)
	out.Body.Reminder, err = h.broadcasts.reminds(ctx, b.ID)
	return out, err
}

type updateBroadcastInput struct {
	BroadcastInput
	rest.IfMatch

	Body struct {
		Title        *string          `json:"title,omitempty" minLength:"1" maxLength:"100" example:"Evening session"`
		Description  *string          `json:"description,omitempty" maxLength:"5000"`
		Category     *string          `json:"category,omitempty" maxLength:"40"`
		Tags         *[]string        `json:"tags,omitempty" maxItems:"10" nullable:"false"`
		Links        *[]BroadcastLink `json:"links,omitempty" maxItems:"10" nullable:"false"`
		PlannedStart *time.Time       `json:"planned_start,omitempty"`
		PlannedEnd   *time.Time       `json:"planned_end,omitempty"`
	}
}

// update handles PATCH /api/v1/broadcasts/{broadcast}: what is absent stays as it is.
func (h *handler) update(ctx context.Context, in *updateBroadcastInput) (*broadcastOutput, error) {
	b, err := h.broadcasts.Update(ctx, in.IfMatch, Change{
		Title: in.Body.Title, Description: in.Body.Description, Category: in.Body.Category,
		Tags: in.Body.Tags, Links: in.Body.Links, Start: in.Body.PlannedStart, End: in.Body.PlannedEnd,
	})
	if err != nil {
		return nil, err
	}
	return h.output(&b), nil
}

// delete handles DELETE /api/v1/broadcasts/{broadcast}.
func (h *handler) delete(ctx context.Context, _ *BroadcastInput) (*struct{}, error) {
	return nil, h.broadcasts.Delete(ctx)
}

// publish handles POST /api/v1/broadcasts/{broadcast}/publish.
func (h *handler) publish(ctx context.Context, _ *BroadcastInput) (*broadcastOutput, error) {
	b, err := h.broadcasts.Publish(ctx)
	if err != nil {
		return nil, err
	}
	return h.output(&b), nil
}

// unpublish handles POST /api/v1/broadcasts/{broadcast}/unpublish.
func (h *handler) unpublish(ctx context.Context, _ *BroadcastInput) (*broadcastOutput, error) {
	b, err := h.broadcasts.Unpublish(ctx)
	if err != nil {
		return nil, err
	}
	return h.output(&b), nil
}

// remind handles PUT /api/v1/broadcasts/{broadcast}/reminder.
func (h *handler) remind(ctx context.Context, _ *BroadcastInput) (*struct{}, error) {
	return nil, h.broadcasts.Remind(ctx)
}

// forget handles DELETE /api/v1/broadcasts/{broadcast}/reminder. It tells nobody
// whether there is such a broadcast.
func (h *handler) forget(ctx context.Context, in *BroadcastInput) (*struct{}, error) {
	return nil, h.broadcasts.Forget(ctx, in.Broadcast)
}

// pathOf returns where the list of a channel's broadcasts is.
func pathOf(ctx context.Context) string {
	return "/api/v1/channels/" + auth.AccessOf(ctx).Slug + "/broadcasts"
}
