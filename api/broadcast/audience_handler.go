package broadcast

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

func (h *handler) registerAudience(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-broadcast-audience", Method: http.MethodGet, Path: broadcastPath + "/audience",
		Summary: "Get how many watched a broadcast, by the minute", Tags: []string{"Broadcasts"},
		Description: "Everybody counts once, in whatever way they watch. Minutes without a publisher are left out, and the one " +
			"that it is now. There are 1440 at most; next says where to go on.",
		Errors: []int{http.StatusNotFound},
	}, h.audience)
}

type audienceInput struct {
	BroadcastInput

	From time.Time `query:"from" doc:"First minute to get; the first there is if absent." example:"2027-03-01T19:00:00Z"`
}

// BroadcastAudienceView is how many watched a broadcast.
type BroadcastAudienceView struct {
	Viewers      int64            `json:"viewers" doc:"Now, those who only listen included; 0 unless it is on air."`
	Listeners    int64            `json:"listeners" doc:"How many of these hear audio only."`
	PeakViewers  int64            `json:"peak_viewers" doc:"Most at one time."`
	TotalViewers int64            `json:"total_viewers" doc:"Different ones, as far as they could be told apart."`
	Minutes      []AudienceMinute `json:"minutes" nullable:"false"`
	Next         *time.Time       `json:"next,omitempty" doc:"Where it goes on; absent at the end."`
}

type audienceOutput struct{ Body BroadcastAudienceView }

// audience handles GET /api/v1/broadcasts/{broadcast}/audience.
func (h *handler) audience(ctx context.Context, in *audienceInput) (*audienceOutput, error) {
	c, err := h.broadcasts.Curve(ctx, in.From)
	if err != nil {
		return nil, err
	}
	viewers, listeners := h.broadcasts.watching(&c.Broadcast)
	out := &audienceOutput{Body: BroadcastAudienceView{
		Viewers: viewers, Listeners: listeners,
		PeakViewers: max(c.PeakViewers, viewers), TotalViewers: max(c.TotalViewers, viewers), Minutes: c.Minutes,
	}}
	if !c.Next.IsZero() {
		next := c.Next.UTC()
		out.Body.Next = &next
	}
	return out, nil
}
