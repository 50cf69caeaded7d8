package channel

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Paths of what ingest nodes ask.
const (
	AuthorizePath = "/api/v1/ingest/authorize"
	HeartbeatPath = "/api/v1/ingest/heartbeat"
)

// maxReportBytes bounds a report: 1000 channels, with who watches.
const maxReportBytes = 2 << 20

func (h *handler) registerIngest(api huma.API) {
	tags := []string{"Ingest nodes"}
	huma.Register(api, huma.Operation{
		OperationID: "authorize-publisher", Method: http.MethodPost, Path: AuthorizePath,
		Summary: "Find out what a stream key opens", Tags: tags,
		Errors: writeErrors, // 404 unknown_key: it opens nothing
	}, h.authorize)
	huma.Register(api, huma.Operation{
		OperationID: "ingest-heartbeat", Method: http.MethodPost, Path: HeartbeatPath,
		Summary: "Report what is on air, and learn of revoked stream keys and private channels", Tags: tags,
		Description:  "Once a second, from each ingest node. A report counts for five seconds.",
		MaxBodyBytes: maxReportBytes,
		Errors:       []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, h.heartbeat)
}

// AuthorizeRequest is what an ingest node knows of a publisher.
type AuthorizeRequest struct {
	App string `json:"app" maxLength:"128" doc:"Application name that the publisher gave." example:"live"`
	Key string `json:"key" maxLength:"512" doc:"Stream key that the publisher gave."`
}

type authorizeInput struct{ Body AuthorizeRequest }

type authorizeOutput struct{ Body Grant }

// authorize handles POST /api/v1/ingest/authorize.
func (h *handler) authorize(ctx context.Context, in *authorizeInput) (*authorizeOutput, error) {
	grant, err := h.channels.Authorize(ctx, in.Body.Key)
	if err != nil {
		return nil, err
	}
	return &authorizeOutput{Body: grant}, nil
}

type heartbeatInput struct{ Body Report }

type heartbeatOutput struct{ Body HeartbeatReply }

// heartbeat handles POST /api/v1/ingest/heartbeat.
func (h *handler) heartbeat(ctx context.Context, in *heartbeatInput) (*heartbeatOutput, error) {
	reply, err := h.channels.Heartbeat(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return &heartbeatOutput{Body: reply}, nil
}
