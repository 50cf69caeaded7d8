package call

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

type handler struct{ calls *Service }

const historyPath = "/api/v1/me/calls"

// Register adds the operations of calls to api.
func Register(api huma.API, calls *Service) {
	h := &handler{calls}
	tags := []string{"Calls"}
	huma.Register(api, huma.Operation{
		OperationID: "my-calls", Method: http.MethodGet, Path: historyPath,
		Summary: "List your calls, newest first", Tags: tags,
		Description: "Those that you made, got or took part in. One to you with the outcome missed, cancelled or busy is one that you missed.",
		Errors:      []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "ice-servers", Method: http.MethodPost, Path: "/api/v1/calls/ice-servers",
		Summary: "Get STUN and TURN servers, with credentials for a while", Tags: tags,
		Description: "As new RTCPeerConnection takes them. Whoever takes part in a call gets them with it; ask again before they expire, " +
			"for connections that are made anew.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, h.iceServers)
}

// PastCallView is a call in the list of somebody's calls.
type PastCallView struct {
	ID         string        `json:"id" format:"uuid"`
	Kind       string        `json:"kind" enum:"direct,party"`
	Direction  string        `json:"direction" enum:"incoming,outgoing" doc:"Of the call of a party: outgoing for who began it."`
	With       *PersonInCall `json:"with,omitempty" doc:"The other person; absent for the call of a party, and for who has left."`
	Party      string        `json:"party,omitempty" format:"uuid" doc:"Id of the party; absent when it is gone."`
	State      string        `json:"state" enum:"ringing,active,ended"`
	Outcome    string        `json:"outcome,omitempty" enum:"answered,missed,rejected,busy,cancelled,failed" doc:"Absent while it rings."`
	Video      bool          `json:"video" doc:"Whether it began with video."`
	StartedAt  time.Time     `json:"started_at"`
	AnsweredAt *time.Time    `json:"answered_at,omitempty"`
	EndedAt    *time.Time    `json:"ended_at,omitempty"`
}

type listCallsInput struct {
	rest.PageQuery
}

// list handles GET /api/v1/me/calls.
func (h *handler) list(ctx context.Context, in *listCallsInput) (*rest.PageOutput[PastCallView], error) {
	page, err := h.calls.History(ctx, auth.User(ctx), in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfPast), historyPath, nil, in.Limit), nil
}

func viewOfPast(c Past) PastCallView {
	v := PastCallView{
		ID: c.ID.String(), Kind: c.Kind, Direction: c.Direction, With: c.With, State: c.State, Outcome: c.Outcome,
		Video: c.Video, StartedAt: c.StartedAt, AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt,
	}
	if c.Party.Valid {
		v.Party = c.Party.UUID.String()
	}
	return v
}

// ICEServersView is what browsers need to find a way to each other.
type ICEServersView struct {
	ICEServers []ICEServer `json:"ice_servers" nullable:"false"`
	ExpiresAt  time.Time   `json:"expires_at" doc:"Until when the credentials are good."`
}

type iceServersOutput struct{ Body ICEServersView }

// iceServers handles POST /api/v1/calls/ice-servers.
func (h *handler) iceServers(ctx context.Context, _ *struct{}) (*iceServersOutput, error) {
	servers, expires := h.calls.cfg.ICE.Servers(auth.User(ctx).UserID)
	if servers == nil {
		servers = []ICEServer{}
	}
	return &iceServersOutput{Body: ICEServersView{ICEServers: servers, ExpiresAt: expires.UTC()}}, nil
}
