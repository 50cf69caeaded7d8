package webhook

import "time"

// WebhookView is a webhook without its secret.
type WebhookView struct {
	ID        string    `json:"id" format:"uuid"`
	URL       string    `json:"url" doc:"Where deliveries go." example:"https://example.org/hooks/bandstand"`
	Events    []string  `json:"events" nullable:"false" enum:"broadcast.live,broadcast.ended,recording.ready" doc:"What the webhook is told of."`
	Enabled   bool      `json:"enabled"`
	Failures  int64     `json:"failures" doc:"Attempts that came to nothing since the last that did not. 50 disable the webhook."`
	Disabled  string    `json:"disabled_reason,omitempty" enum:"failures,gone" doc:"Why the server disabled the webhook: too many failures in a row, or the receiver answered 410."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func viewOf(w Webhook) WebhookView {
	return WebhookView{
		ID: w.ID.String(), URL: w.URL, Events: w.Events, Enabled: w.Enabled, Failures: w.Failures, Disabled: w.Note,
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
	}
}

// NewWebhookView is a webhook with its secret, just made.
type NewWebhookView struct {
	WebhookView

	Secret string `json:"secret" doc:"Key of the signatures, as Standard Webhooks has it. It is in this reply and in no other." example:"whsec_2ilq7c7KuSPTH5uUWVYRGU0vmJwDTQlDcEwFwNMaXHE="`
}

// DeliveryView is one message to a webhook.
type DeliveryView struct {
	ID          string     `json:"id" format:"uuid" doc:"The header webhook-id of its requests."`
	Event       string     `json:"event" enum:"broadcast.live,broadcast.ended,recording.ready,ping"`
	State       string     `json:"state" enum:"pending,delivered,failed"`
	Attempts    int64      `json:"attempts" doc:"Requests so far, since it was last begun."`
	StatusCode  int64      `json:"status_code,omitempty" doc:"Of the last response; absent without one." example:"204"`
	Problem     string     `json:"problem,omitempty" doc:"Why the last attempt came to nothing." example:"timeout"`
	CreatedAt   time.Time  `json:"created_at"`
	AttemptedAt *time.Time `json:"attempted_at,omitempty" doc:"When the last request was made."`
}

func viewOfDelivery(d Delivery) DeliveryView {
	v := DeliveryView{
		ID: d.ID.String(), Event: d.Event, State: d.State, Attempts: d.Attempts,
		StatusCode: d.StatusCode, Problem: d.Problem, CreatedAt: d.CreatedAt,
	}
	if !d.AttemptedAt.IsZero() {
		v.AttemptedAt = &d.AttemptedAt
	}
	return v
}
