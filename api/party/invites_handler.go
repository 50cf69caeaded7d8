package party

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const myInvitesPath = "/api/v1/me/party-invites"

func (h *handler) registerInvites(api huma.API, tags []string) {
	huma.Register(api, huma.Operation{
		OperationID: "preview-party", Method: http.MethodPost, Path: partiesPath + "/preview",
		Summary: "See which watch party a link leads to", Tags: tags,
		Errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, h.preview)
	huma.Register(api, huma.Operation{
		OperationID: "list-party-invites", Method: http.MethodGet, Path: onePath + "/invites",
		Summary: "List the links and invitations of a watch party that are good, newest first", Tags: tags, Errors: readErrors,
	}, h.invites)
	huma.Register(api, huma.Operation{
		OperationID: "create-party-invite", Method: http.MethodPost, Path: onePath + "/invites",
		Summary: "Make a link into a watch party, or invite a friend", Tags: tags,
		Description: "With a username, that friend is invited. Without, the reply has the code of a link, and no other reply has.",
		Errors:      with(writeErrors, http.StatusConflict), DefaultStatus: http.StatusCreated,
	}, h.invite)
	huma.Register(api, huma.Operation{
		OperationID: "revoke-party-invite", Method: http.MethodDelete, Path: onePath + "/invites/{invite}",
		Summary: "Take a link or an invitation back", Tags: tags, Errors: writeErrors, DefaultStatus: http.StatusNoContent,
		Description: "Whoever made it may, and the host.",
	}, h.revoke)
	huma.Register(api, huma.Operation{
		OperationID: "my-party-invites", Method: http.MethodGet, Path: myInvitesPath,
		Summary: "List the watch parties that you are invited to, newest first", Tags: tags,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
	}, h.myInvites)
	huma.Register(api, huma.Operation{
		OperationID: "decline-party-invite", Method: http.MethodDelete, Path: myInvitesPath + "/{invite}",
		Summary: "Decline an invitation to a watch party", Tags: tags, Errors: writeErrors, DefaultStatus: http.StatusNoContent,
	}, h.decline)
}

type previewPartyInput struct {
	Body struct {
		Code string `json:"code" maxLength:"64" doc:"Of a link." example:"bsp_mfrggzdfmztwq2lknnwg23tpob2xg5dv"`
	}
}

type previewPartyOutput struct{ Body PreviewView }

// PreviewView is what a link tells of its party.
type PreviewView struct {
	Party   string          `json:"party" doc:"Id of the party."`
	Name    string          `json:"name" example:"Friday night"`
	Host    PartyPersonView `json:"host"`
	Members int             `json:"members" doc:"How many are in it."`
	Member  bool            `json:"member" doc:"Whether you are."`
}

// preview handles POST /api/v1/parties/preview. The code is in the body, so that no log has it.
func (h *handler) preview(ctx context.Context, in *previewPartyInput) (*previewPartyOutput, error) {
	v, err := h.parties.Preview(ctx, auth.User(ctx), in.Body.Code)
	if err != nil {
		return nil, err
	}
	return &previewPartyOutput{v}, nil
}

// PartyInviteView is a way into a party.
type PartyInviteView struct {
	ID        string           `json:"id"`
	Code      string           `json:"code,omitempty" doc:"Of a link, and only in the reply to its making." example:"bsp_mfrggzdfmztwq2lknnwg23tpob2xg5dv"`
	Hint      string           `json:"hint,omitempty" doc:"End of the code of a link." example:"g5dv"`
	For       *PartyPersonView `json:"for,omitempty" doc:"Who is invited; absent of a link."`
	Own       bool             `json:"own" doc:"Whether you made it."`
	CreatedAt time.Time        `json:"created_at"`
	ExpiresAt time.Time        `json:"expires_at"`
}

func inviteView(ctx context.Context, i Invite, code string) PartyInviteView {
	v := PartyInviteView{
		ID: i.ID.String(), Code: code, Hint: i.Hint, Own: i.CreatedBy.UUID == auth.User(ctx).UserID,
		CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
	}
	if i.For != nil {
		v.For = personView(&i.For.Person)
	}
	return v
}

type listPartyInvitesInput struct{ PartyPath }

// invites handles GET /api/v1/parties/{party}/invites.
func (h *handler) invites(ctx context.Context, in *listPartyInvitesInput) (*rest.PageOutput[PartyInviteView], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	invites, err := h.parties.Invites(ctx, auth.User(ctx), id)
	if err != nil {
		return nil, err
	}
	page := rest.MapPage(rest.Page[Invite]{Items: invites}, func(i Invite) PartyInviteView { return inviteView(ctx, i, "") })
	return rest.NewPageOutput(page, "", nil, 0), nil
}

type createPartyInviteInput struct {
	PartyPath

	Body struct {
		Username string `json:"username,omitempty" maxLength:"64" doc:"Of a friend; without, a link is made." example:"bob"`
		ExpiresS int64  `json:"expires_in,omitempty" minimum:"60" maximum:"2592000" default:"604800" doc:"Seconds for which it is good."`
	}
}

type partyInviteOutput struct {
	Location string `header:"Location" doc:"Where it can be revoked."`
	Body     PartyInviteView
}

// invite handles POST /api/v1/parties/{party}/invites. The code is in this reply and in no other.
func (h *handler) invite(ctx context.Context, in *createPartyInviteInput) (*partyInviteOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	goodFor := time.Duration(in.Body.ExpiresS) * time.Second
	var made Invite
	var code string
	if in.Body.Username == "" {
		made, code, err = h.parties.Link(ctx, auth.User(ctx), id, goodFor)
	} else {
		made, err = h.parties.Invite(ctx, auth.User(ctx), id, in.Body.Username, goodFor)
	}
	if err != nil {
		return nil, err
	}
	return &partyInviteOutput{
		Location: partiesPath + "/" + id.String() + "/invites/" + made.ID.String(), Body: inviteView(ctx, made, code),
	}, nil
}

type revokePartyInviteInput struct {
	PartyPath

	Invite string `path:"invite" maxLength:"36" doc:"Id of the link or invitation."`
}

// revoke handles DELETE /api/v1/parties/{party}/invites/{invite}.
func (h *handler) revoke(ctx context.Context, in *revokePartyInviteInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	invite, ok := parseID(in.Invite)
	if !ok {
		return nil, ErrBadInvite
	}
	return nil, h.parties.Revoke(ctx, auth.User(ctx), id, invite)
}

type myPartyInvitesInput struct{ rest.PageQuery }

// MyInviteView is an invitation as whoever is invited sees it.
type MyInviteView struct {
	ID        string          `json:"id"`
	Party     string          `json:"party" doc:"Id of the party."`
	Name      string          `json:"name" doc:"Of the party." example:"Friday night"`
	From      PartyPersonView `json:"from"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at"`
}

// myInvites handles GET /api/v1/me/party-invites.
func (h *handler) myInvites(ctx context.Context, in *myPartyInvitesInput) (*rest.PageOutput[MyInviteView], error) {
	page, err := h.parties.InvitesOf(ctx, auth.User(ctx), in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, func(i Invited) MyInviteView {
		return MyInviteView{
			ID: i.ID.String(), Party: i.Party.String(), Name: i.Name, From: *personView(&i.From.Person),
			CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
		}
	}), myInvitesPath, nil, in.Limit), nil
}

type declinePartyInviteInput struct {
	Invite string `path:"invite" maxLength:"36" doc:"Id of the invitation."`
}

// decline handles DELETE /api/v1/me/party-invites/{invite}.
func (h *handler) decline(ctx context.Context, in *declinePartyInviteInput) (*struct{}, error) {
	invite, ok := parseID(in.Invite)
	if !ok {
		return nil, ErrBadInvite
	}
	return nil, h.parties.Decline(ctx, auth.User(ctx), invite)
}
