package party

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

type handler struct{ parties *Service }

const (
	partiesPath = "/api/v1/parties"
	onePath     = partiesPath + "/{party}"
	minePath    = "/api/v1/me/parties"
)

// Outcomes of requests about one party: whoever is not in it does not find it.
var (
	readErrors  = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	writeErrors = append([]int{http.StatusTooManyRequests}, readErrors...)
)

func with(errors []int, more ...int) []int { return append(more, errors...) }

// Register adds the operations of watch parties to api.
func Register(api huma.API, s *Service) {
	h := &handler{s}
	tags := []string{"Parties"}
	huma.Register(api, huma.Operation{
		OperationID: "my-parties", Method: http.MethodGet, Path: minePath,
		Summary: "List the watch parties that you are in, newest first", Tags: tags,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden},
	}, h.mine)
	huma.Register(api, huma.Operation{
		OperationID: "create-party", Method: http.MethodPost, Path: partiesPath,
		Summary: "Make a watch party", Tags: tags,
		Description: "You are its host and its first member. What plays is changed and heard of over the socket: see docs/sync.md.",
		Errors:      with(writeErrors, http.StatusConflict), DefaultStatus: http.StatusCreated,
	}, h.create)
	huma.Register(api, huma.Operation{
		OperationID: "get-party", Method: http.MethodGet, Path: onePath,
		Summary: "Get a watch party with what plays, its members and its queue", Tags: tags, Errors: readErrors,
	}, h.get)
	huma.Register(api, huma.Operation{
		OperationID: "update-party", Method: http.MethodPatch, Path: onePath,
		Summary: "Change a watch party, as its host", Tags: tags, Errors: with(writeErrors, http.StatusPreconditionFailed),
	}, h.update)
	huma.Register(api, huma.Operation{
		OperationID: "end-party", Method: http.MethodDelete, Path: onePath,
		Summary: "End a watch party for all, as its host", Tags: tags, Errors: writeErrors, DefaultStatus: http.StatusNoContent,
	}, h.end)
	h.registerMembers(api, tags)
	h.registerInvites(api, tags)
	h.registerQueue(api, tags)
	h.registerMessages(api, tags)
}

// PartyPath names a party. Embed it.
type PartyPath struct {
	Party string `path:"party" maxLength:"36" doc:"Id of the party."`
}

func (in PartyPath) id() (uuid.UUID, error) {
	id, ok := parseID(in.Party)
	if !ok {
		return id, ErrNotFound
	}
	return id, nil
}

type myPartiesInput struct{}

// mine handles GET /api/v1/me/parties.
func (h *handler) mine(ctx context.Context, _ *myPartiesInput) (*rest.PageOutput[PartyView], error) {
	parties, err := h.parties.Mine(ctx, auth.User(ctx))
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.Page[PartyView]{Items: parties}, minePath, nil, 0), nil
}

// PartySettings are what a party may be made with, or changed to. They are embedded in
// bodies.
type PartySettings struct {
	Name           *string `json:"name,omitempty" minLength:"1" maxLength:"320" doc:"1 to 80 characters on one line." example:"Friday night"`
	Control        *string `json:"control,omitempty" enum:"everyone,host" doc:"Who may change what plays."`
	WaitForAll     *bool   `json:"wait_for_all,omitempty" doc:"Whether everybody waits for those whose players have nothing to play."`
	StallAfterMS   *int64  `json:"stall_after_ms,omitempty" minimum:"300" maximum:"5000" doc:"How long somebody may buffer before everybody waits." example:"1500"`
	ResumeBufferMS *int64  `json:"resume_buffer_ms,omitempty" minimum:"0" maximum:"10000" doc:"What everybody must have ahead before it goes on." example:"1000"`
	MaxWaitMS      *int64  `json:"max_wait_ms,omitempty" minimum:"5000" maximum:"60000" doc:"How long everybody waits at most." example:"15000"`
	LiveDelayMS    *int64  `json:"live_delay_ms,omitempty" minimum:"1000" maximum:"30000" doc:"How far behind the present live items play." example:"4000"`
}

func (p PartySettings) change() Change {
	return Change{
		Name: p.Name, Control: p.Control, WaitForAll: p.WaitForAll, StallAfter: p.StallAfterMS,
		ResumeBuffer: p.ResumeBufferMS, MaxWait: p.MaxWaitMS, LiveDelay: p.LiveDelayMS,
	}
}

type createPartyInput struct {
	Body struct {
		PartySettings
		Item *ItemInput `json:"item,omitempty" doc:"What to watch. It can be loaded later."`
	}
}

type partyOutput struct {
	ETag string `header:"ETag" doc:"Version of the party's settings."`
	Body Snapshot
}

type newPartyOutput struct {
	Location string `header:"Location" doc:"Address of the party in this API."`
	ETag     string `header:"ETag" doc:"Version of the party's settings."`
	Body     Snapshot
}

// create handles POST /api/v1/parties.
func (h *handler) create(ctx context.Context, in *createPartyInput) (*newPartyOutput, error) {
	id, err := h.parties.Create(ctx, auth.User(ctx), in.Body.Item, in.Body.change())
	if err != nil {
		return nil, err
	}
	v, version, err := h.parties.Snapshot(ctx, auth.User(ctx), id)
	if err != nil {
		return nil, err
	}
	return &newPartyOutput{Location: partiesPath + "/" + id.String(), ETag: rest.ETag(version), Body: v}, nil
}

type getPartyInput struct{ PartyPath }

// get handles GET /api/v1/parties/{party}.
func (h *handler) get(ctx context.Context, in *getPartyInput) (*partyOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return h.show(ctx, id)
}

func (h *handler) show(ctx context.Context, id uuid.UUID) (*partyOutput, error) {
	v, version, err := h.parties.Snapshot(ctx, auth.User(ctx), id)
	if err != nil {
		return nil, err
	}
	return &partyOutput{ETag: rest.ETag(version), Body: v}, nil
}

type updatePartyInput struct {
	rest.IfMatch
	PartyPath

	Body struct {
		PartySettings
		Host *string `json:"host,omitempty" maxLength:"64" doc:"Username of the member who becomes the host." example:"bob"`
	}
}

// update handles PATCH /api/v1/parties/{party}: what is absent stays as it is.
func (h *handler) update(ctx context.Context, in *updatePartyInput) (*partyOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	change := in.Body.change()
	change.Host = in.Body.Host
	if err := h.parties.Update(ctx, auth.User(ctx), id, in.IfMatch, change); err != nil {
		return nil, err
	}
	return h.show(ctx, id)
}

type endPartyInput struct{ PartyPath }

// end handles DELETE /api/v1/parties/{party}.
func (h *handler) end(ctx context.Context, in *endPartyInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, h.parties.End(ctx, auth.User(ctx), id)
}
