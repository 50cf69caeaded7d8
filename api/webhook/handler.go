package webhook

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

type handler struct{ hooks *Service }

const (
	path         = "/api/v1/channels/{slug}/webhooks"
	deliveryPath = path + "/{id}/deliveries"
)

// Register adds the operations of webhooks to api.
func Register(api huma.API, hooks *Service) {
	h := &handler{hooks}
	tags := []string{"Webhooks"}
	reads := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	writes := append([]int{http.StatusTooManyRequests}, reads...)
	huma.Register(api, huma.Operation{
		OperationID: "list-webhooks", Method: http.MethodGet, Path: path,
		Summary: "List the webhooks of a channel, the oldest first", Tags: tags, Errors: reads,
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "create-webhook", Method: http.MethodPost, Path: path,
		Summary: "Make a webhook", Tags: tags,
		Description: "Deliveries are POST requests as in the Standard Webhooks specification, with the headers webhook-id, " +
			"webhook-timestamp and webhook-signature. Their body is {\"type\", \"timestamp\", \"data\"}. Any status from 200 to 299 " +
			"means that it has arrived; redirects are not followed. Otherwise there are further attempts after 5 s, 30 s, 2 min, " +
			"10 min, 1 h, 6 h and 24 h. 410 disables the webhook.",
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict}, writes...),
	}, h.create)
	huma.Register(api, huma.Operation{
		OperationID: "get-webhook", Method: http.MethodGet, Path: path + "/{id}",
		Summary: "Get a webhook", Tags: tags, Errors: reads,
	}, h.get)
	huma.Register(api, huma.Operation{
		OperationID: "update-webhook", Method: http.MethodPatch, Path: path + "/{id}",
		Summary: "Change a webhook", Tags: tags, Errors: append([]int{http.StatusPreconditionFailed}, writes...),
	}, h.update)
	huma.Register(api, huma.Operation{
		OperationID: "delete-webhook", Method: http.MethodDelete, Path: path + "/{id}",
		Summary: "Delete a webhook with its deliveries", Tags: tags, Errors: writes, DefaultStatus: http.StatusNoContent,
	}, h.delete)
	huma.Register(api, huma.Operation{
		OperationID: "test-webhook", Method: http.MethodPost, Path: path + "/{id}/test",
		Summary: "Send a ping to a webhook, once", Tags: tags, Errors: writes, DefaultStatus: http.StatusAccepted,
	}, h.test)
	huma.Register(api, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: deliveryPath,
		Summary: "List what was sent to a webhook within the last 30 days, newest first", Tags: tags,
		Errors: append([]int{http.StatusBadRequest}, reads...),
	}, h.deliveries)
	huma.Register(api, huma.Operation{
		OperationID: "redeliver-webhook", Method: http.MethodPost, Path: deliveryPath + "/{delivery}/redeliver",
		Summary: "Send a delivery once more", Tags: tags,
		Description:   "It has the same id and body as before.",
		DefaultStatus: http.StatusAccepted, Errors: append([]int{http.StatusConflict}, writes...),
	}, h.redeliver)
}

type webhookChannelInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
}

type webhookInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	ID   string `path:"id" maxLength:"36" doc:"Id of the webhook."`
}

type webhookOutput struct {
	ETag string `header:"ETag" doc:"Version of the webhook."`
	Body WebhookView
}

func outputOf(w Webhook) *webhookOutput {
	return &webhookOutput{ETag: rest.ETag(w.Version), Body: viewOf(w)}
}

// list handles GET /api/v1/channels/{slug}/webhooks.
func (h *handler) list(ctx context.Context, _ *webhookChannelInput) (*rest.PageOutput[WebhookView], error) {
	hooks, err := h.hooks.List(ctx, auth.AccessOf(ctx).ChannelID)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(rest.Page[Webhook]{Items: hooks}, viewOf), "", nil, 0), nil
}

type createWebhookInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	Body struct {
		URL    string   `json:"url" minLength:"1" maxLength:"1024" doc:"http or https, on the internet." example:"https://example.org/hooks/bandstand"`
		Events []string `json:"events" minItems:"1" maxItems:"3" uniqueItems:"true" nullable:"false" enum:"broadcast.live,broadcast.ended,recording.ready" example:"[\"broadcast.live\",\"broadcast.ended\"]"`
	}
}

type createWebhookOutput struct {
	Location string `header:"Location" doc:"Address of the new webhook in this API."`
	ETag     string `header:"ETag" doc:"Version of the webhook."`
	Body     NewWebhookView
}

// create handles POST /api/v1/channels/{slug}/webhooks. The secret is in this reply and in no other.
func (h *handler) create(ctx context.Context, in *createWebhookInput) (*createWebhookOutput, error) {
	access := auth.AccessOf(ctx)
	w, secret, err := h.hooks.Create(ctx, access.ChannelID, in.Body.URL, in.Body.Events)
	if err != nil {
		return nil, err
	}
	return &createWebhookOutput{
		Location: "/api/v1/channels/" + access.Slug + "/webhooks/" + w.ID.String(),
		ETag:     rest.ETag(w.Version),
		Body:     NewWebhookView{viewOf(w), secret},
	}, nil
}

// get handles GET /api/v1/channels/{slug}/webhooks/{id}.
func (h *handler) get(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	w, err := h.hooks.Get(ctx, auth.AccessOf(ctx).ChannelID, in.ID)
	if err != nil {
		return nil, err
	}
	return outputOf(w), nil
}

type updateWebhookInput struct {
	rest.IfMatch

	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	ID   string `path:"id" maxLength:"36" doc:"Id of the webhook."`
	Body struct {
		URL     *string  `json:"url,omitempty" minLength:"1" maxLength:"1024" example:"https://example.org/hooks/bandstand"`
		Events  []string `json:"events,omitempty" minItems:"1" maxItems:"3" uniqueItems:"true" nullable:"false" enum:"broadcast.live,broadcast.ended,recording.ready" example:"[\"broadcast.live\"]"`
		Enabled *bool    `json:"enabled,omitempty" doc:"Enabling a webhook forgets its failures."`
	}
}

// update handles PATCH /api/v1/channels/{slug}/webhooks/{id}: what is absent stays as it is.
func (h *handler) update(ctx context.Context, in *updateWebhookInput) (*webhookOutput, error) {
	w, err := h.hooks.Update(ctx, auth.AccessOf(ctx).ChannelID, in.ID, in.IfMatch,
		Change{URL: in.Body.URL, Events: in.Body.Events, Enabled: in.Body.Enabled})
	if err != nil {
		return nil, err
	}
	return outputOf(w), nil
}

// delete handles DELETE /api/v1/channels/{slug}/webhooks/{id}.
func (h *handler) delete(ctx context.Context, in *webhookInput) (*struct{}, error) {
	return nil, h.hooks.Delete(ctx, auth.AccessOf(ctx).ChannelID, in.ID)
}

type deliveryOutput struct {
	Location string `header:"Location" doc:"Where the list of deliveries is."`
	Body     DeliveryView
}

func deliveryOutputOf(ctx context.Context, hook string, d Delivery) *deliveryOutput {
	return &deliveryOutput{
		Location: "/api/v1/channels/" + auth.AccessOf(ctx).Slug + "/webhooks/" + hook + "/deliveries",
		Body:     viewOfDelivery(d),
	}
}

// test handles POST /api/v1/channels/{slug}/webhooks/{id}/test.
func (h *handler) test(ctx context.Context, in *webhookInput) (*deliveryOutput, error) {
	access := auth.AccessOf(ctx)
	d, err := h.hooks.Test(ctx, access.ChannelID, access.Slug, in.ID)
	if err != nil {
		return nil, err
	}
	return deliveryOutputOf(ctx, in.ID, d), nil
}

type listDeliveriesInput struct {
	rest.PageQuery

	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	ID   string `path:"id" maxLength:"36" doc:"Id of the webhook."`
}

// deliveries handles GET /api/v1/channels/{slug}/webhooks/{id}/deliveries.
func (h *handler) deliveries(ctx context.Context, in *listDeliveriesInput) (*rest.PageOutput[DeliveryView], error) {
	access := auth.AccessOf(ctx)
	page, err := h.hooks.Deliveries(ctx, access.ChannelID, in.ID, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	at := "/api/v1/channels/" + access.Slug + "/webhooks/" + in.ID + "/deliveries"
	return rest.NewPageOutput(rest.MapPage(page, viewOfDelivery), at, nil, in.Limit), nil
}

type redeliverWebhookInput struct {
	Slug     string `path:"slug" maxLength:"40" doc:"Address of the channel."`
	ID       string `path:"id" maxLength:"36" doc:"Id of the webhook."`
	Delivery string `path:"delivery" maxLength:"36" doc:"Id of the delivery."`
}

// redeliver handles POST /api/v1/channels/{slug}/webhooks/{id}/deliveries/{delivery}/redeliver.
func (h *handler) redeliver(ctx context.Context, in *redeliverWebhookInput) (*deliveryOutput, error) {
	d, err := h.hooks.Redeliver(ctx, auth.AccessOf(ctx).ChannelID, in.ID, in.Delivery)
	if err != nil {
		return nil, err
	}
	return deliveryOutputOf(ctx, in.ID, d), nil
}
