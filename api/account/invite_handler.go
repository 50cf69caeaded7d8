package account

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/rest"
)

const invitesPath = "/api/v1/admin/invites"

// registerInvites adds what admins do with invites.
func (h *handler) registerInvites(api huma.API) {
	tags := []string{"Admin: invites"}
	reads := []int{http.StatusUnauthorized, http.StatusForbidden}
	writes := append([]int{http.StatusTooManyRequests}, reads...)
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-invites", Method: http.MethodGet, Path: invitesPath,
		Summary: "List invites, newest first", Tags: tags, Errors: append([]int{http.StatusBadRequest}, reads...),
	}, h.listInvites)
	huma.Register(api, huma.Operation{
		OperationID: "admin-create-invite", Method: http.MethodPost, Path: invitesPath,
		Summary: "Make an invite", Tags: tags,
		Description:   "With its code people sign up while that needs one. The code is in this reply and in no other.",
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict}, writes...),
	}, h.createInvite)
	huma.Register(api, huma.Operation{
		OperationID: "admin-revoke-invite", Method: http.MethodDelete, Path: invitesPath + "/{id}",
		Summary: "Make the code of an invite useless", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: append([]int{http.StatusNotFound}, writes...),
	}, h.revokeInvite)
}

type listInvitesInput struct{ rest.PageQuery }

// listInvites handles GET /api/v1/admin/invites.
func (h *handler) listInvites(ctx context.Context, in *listInvitesInput) (*rest.PageOutput[InviteView], error) {
	page, err := h.accounts.Invites(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfInvite), invitesPath, nil, in.Limit), nil
}

type createInviteInput struct {
	Body struct {
		Note      string    `json:"note,omitempty" maxLength:"200" doc:"For the staff." example:"For the crew of the festival"`
		MaxUses   int64     `json:"max_uses,omitempty" minimum:"1" maximum:"10000" default:"1" doc:"How many accounts can be made with it."`
		ExpiresAt time.Time `json:"expires_at,omitzero" required:"false" doc:"In the future; absent for never." example:"2030-01-02T03:04:05Z"`
		Email     string    `json:"email,omitempty" format:"email" maxLength:"254" doc:"Who gets the code by mail, too. The address is not kept." example:"grace@example.org"`
	}
}

type createInviteOutput struct {
	Location string `header:"Location" doc:"Address of the new invite in this API."`
	Body     struct {
		InviteView
		Code string `json:"code" doc:"What people sign up with. It is in this reply and in no other." example:"bsi_mfrggzdfmztwq2lknnwg23tpobyxe43u"`
	}
}

// createInvite handles POST /api/v1/admin/invites. The code is in this reply and in
// no other.
func (h *handler) createInvite(ctx context.Context, in *createInviteInput) (*createInviteOutput, error) {
	invite, code, err := h.accounts.Invite(ctx, NewInvite{
		Note: in.Body.Note, MaxUses: in.Body.MaxUses, ExpiresAt: in.Body.ExpiresAt, Email: in.Body.Email,
	})
	if err != nil {
		return nil, err
	}
	out := &createInviteOutput{Location: invitesPath + "/" + invite.ID.String()}
	out.Body.InviteView, out.Body.Code = viewOfInvite(invite), code
	return out, nil
}

type revokeInviteInput struct {
	ID string `path:"id" format:"uuid" doc:"Id of the invite."`
}

// revokeInvite handles DELETE /api/v1/admin/invites/{id}.
func (h *handler) revokeInvite(ctx context.Context, in *revokeInviteInput) (*struct{}, error) {
	return nil, h.accounts.RevokeInvite(ctx, parseID(in.ID))
}
