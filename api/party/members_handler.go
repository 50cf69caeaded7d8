package party

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerMembers(api huma.API, tags []string) {
	huma.Register(api, huma.Operation{
		OperationID: "join-party", Method: http.MethodPost, Path: partiesPath + "/join",
		Summary: "Join a watch party, by a link or an invitation", Tags: tags,
		Description: "Give the code of a link, or the id of a party that you are invited to. Whoever is in the party stays so.",
		Errors:      with(writeErrors, http.StatusConflict),
	}, h.join)
	huma.Register(api, huma.Operation{
		OperationID: "leave-party", Method: http.MethodPost, Path: onePath + "/leave",
		Summary: "Leave a watch party", Tags: tags, Errors: writeErrors, DefaultStatus: http.StatusNoContent,
		Description: "When the host leaves, whoever has been there longest becomes the host.",
	}, h.leave)
	huma.Register(api, huma.Operation{
		OperationID: "list-party-members", Method: http.MethodGet, Path: onePath + "/members",
		Summary: "List who is in a watch party, the longest there first", Tags: tags, Errors: readErrors,
	}, h.members)
	huma.Register(api, huma.Operation{
		OperationID: "remove-party-member", Method: http.MethodDelete, Path: onePath + "/members/{username}",
		Summary: "Remove somebody from a watch party, as its host", Tags: tags,
		Description: "They cannot come back by a link, only by an invitation of the host.",
		Errors:      with(writeErrors, http.StatusConflict), DefaultStatus: http.StatusNoContent,
	}, h.remove)
}

type joinPartyInput struct {
	Body struct {
		Code  string `json:"code,omitempty" maxLength:"64" doc:"Of a link." example:"bsp_mfrggzdfmztwq2lknnwg23tpob2xg5dv"`
		Party string `json:"party,omitempty" maxLength:"36" doc:"Id of the party that you are invited to."`
	}
}

// join handles POST /api/v1/parties/join.
func (h *handler) join(ctx context.Context, in *joinPartyInput) (*partyOutput, error) {
	party, ok := parseID(in.Body.Party)
	if in.Body.Code == "" && !ok {
		return nil, ErrBadInvite
	}
	id, err := h.parties.Join(ctx, auth.User(ctx), in.Body.Code, party)
	if err != nil {
		return nil, err
	}
	return h.show(ctx, id)
}

type leavePartyInput struct{ PartyPath }

// leave handles POST /api/v1/parties/{party}/leave.
func (h *handler) leave(ctx context.Context, in *leavePartyInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, h.parties.Leave(ctx, auth.User(ctx), id)
}

type listPartyMembersInput struct{ PartyPath }

// members handles GET /api/v1/parties/{party}/members.
func (h *handler) members(ctx context.Context, in *listPartyMembersInput) (*rest.PageOutput[PartyMemberView], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	members, err := h.parties.Members(ctx, auth.User(ctx), id)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(rest.Page[Member]{Items: members}, memberView), "", nil, 0), nil
}

type removePartyMemberInput struct {
	PartyPath

	Username string `path:"username" maxLength:"64" doc:"Of the member." example:"bob"`
}

// remove handles DELETE /api/v1/parties/{party}/members/{username}.
func (h *handler) remove(ctx context.Context, in *removePartyMemberInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, h.parties.Remove(ctx, auth.User(ctx), id, in.Username)
}
