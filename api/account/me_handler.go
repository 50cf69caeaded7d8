package account

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// registerMe adds what people do with their own account, and the profiles of others.
func (h *handler) registerMe(api huma.API) {
	tags := []string{"Me"}
	edits := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed, http.StatusTooManyRequests,
	}
	proves := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests}
	huma.Register(api, huma.Operation{
		OperationID: "me", Method: http.MethodGet, Path: "/api/v1/me",
		Summary: "Get one's own account", Tags: tags,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound},
	}, h.me)
	huma.Register(api, huma.Operation{
		OperationID: "update-me", Method: http.MethodPatch, Path: "/api/v1/me",
		Summary: "Change one's own profile", Tags: tags, Errors: edits,
	}, h.updateMe)
	huma.Register(api, huma.Operation{
		OperationID: "change-password", Method: http.MethodPost, Path: "/api/v1/me/password",
		Summary: "Change one's own password", Tags: tags,
		Description:   "Signs out all other devices. 403 wrong_password if the current one is another.",
		DefaultStatus: http.StatusNoContent, Errors: proves,
	}, h.changePassword)
	huma.Register(api, huma.Operation{
		OperationID: "change-email", Method: http.MethodPost, Path: "/api/v1/me/email",
		Summary: "Change one's own e-mail address", Tags: tags,
		Description: "Where mail is sent, the address changes once the link in a mail to it is opened (confirm-email), and the " +
			"old address gets a notice; an address that is taken is answered as any other. Where no mail is sent, it changes " +
			"at once, and an address that is taken is 409.",
		DefaultStatus: http.StatusAccepted, Errors: proves,
	}, h.changeEmail)
	huma.Register(api, huma.Operation{
		OperationID: "delete-me", Method: http.MethodPost, Path: "/api/v1/me/delete",
		Summary: "Delete one's own account", Tags: tags,
		Description: "It and its channels are gone for everybody at once; for 30 days restore-account brings them back. " +
			"Then they are erased for good, and the name is free.",
		DefaultStatus: http.StatusOK, Errors: proves,
	}, h.deleteMe)
	huma.Register(api, huma.Operation{
		OperationID: "get-user", Method: http.MethodGet, Path: "/api/v1/users/{username}",
		Summary: "Get somebody's profile", Tags: []string{"People"}, Errors: []int{http.StatusNotFound},
	}, h.getUser)
}

type meOutput struct {
	ETag string `header:"ETag" doc:"Version of the account, for If-Match."`
	Body MeView
}

func newMeOutput(u User) *meOutput { return &meOutput{ETag: rest.ETag(u.Version), Body: viewOfMe(u)} }

// me handles GET /api/v1/me.
func (h *handler) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	user, err := h.accounts.Get(ctx, auth.User(ctx).UserID)
	if err != nil {
		return nil, err
	}
	return newMeOutput(user), nil
}

type updateMeInput struct {
	rest.IfMatch
	Body struct {
		DisplayName *string        `json:"display_name,omitempty" maxLength:"50" doc:"Shown in place of the username; empty for the username." example:"Ada Lovelace"`
		Bio         *string        `json:"bio,omitempty" maxLength:"1000" doc:"Plain text of several lines." example:"I write programs for machines that are not built yet."`
		Links       *[]ProfileLink `json:"links,omitempty" maxItems:"10" doc:"All links: these take the place of those before."`
	}
}

// updateMe handles PATCH /api/v1/me: what is absent stays as it is.
func (h *handler) updateMe(ctx context.Context, in *updateMeInput) (*meOutput, error) {
	user, err := h.accounts.UpdateProfile(ctx, auth.User(ctx).UserID, in.IfMatch, ProfileChange{
		DisplayName: in.Body.DisplayName, Bio: in.Body.Bio, Links: in.Body.Links,
	})
	if err != nil {
		return nil, err
	}
	return newMeOutput(user), nil
}

type changePasswordInput struct {
	Body struct {
		Current string `json:"current_password" minLength:"1" maxLength:"256" format:"password" example:"a horse that reads"`
		New     string `json:"new_password" minLength:"8" maxLength:"256" format:"password" example:"a camel that sings"`
	}
}

// changePassword handles POST /api/v1/me/password.
func (h *handler) changePassword(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
	return nil, h.accounts.ChangePassword(ctx, auth.User(ctx), in.Body.Current, in.Body.New)
}

type changeEmailInput struct {
	Body struct {
		Password string `json:"password" minLength:"1" maxLength:"256" format:"password" doc:"Of the account." example:"a horse that reads"`
		Email    string `json:"email" format:"email" maxLength:"254" doc:"The new address." example:"ada@example.net"`
	}
}

type changeEmailOutput struct {
	Body struct {
		Confirmation string `json:"confirmation" enum:"mail,none" doc:"\"mail\": the address changes when the link in a mail to it is opened. \"none\": it has changed."`
	}
}

// changeEmail handles POST /api/v1/me/email.
func (h *handler) changeEmail(ctx context.Context, in *changeEmailInput) (*changeEmailOutput, error) {
	confirm, err := h.accounts.ChangeEmail(ctx, auth.User(ctx), in.Body.Password, in.Body.Email)
	if err != nil {
		return nil, err
	}
	out := &changeEmailOutput{}
	out.Body.Confirmation = "none"
	if confirm {
		out.Body.Confirmation = "mail"
	}
	return out, nil
}

type deleteMeInput struct {
	Body struct {
		Password string `json:"password" minLength:"1" maxLength:"256" format:"password" doc:"Of the account." example:"a horse that reads"`
	}
}

type deleteMeOutput struct {
	Body struct {
		RestoreUntil time.Time `json:"restore_until" doc:"When the account is erased for good."`
	}
}

// deleteMe handles POST /api/v1/me/delete.
func (h *handler) deleteMe(ctx context.Context, in *deleteMeInput) (*deleteMeOutput, error) {
	until, err := h.accounts.Delete(ctx, auth.User(ctx), in.Body.Password)
	if err != nil {
		return nil, err
	}
	out := &deleteMeOutput{}
	out.Body.RestoreUntil = until
	return out, nil
}

type getUserInput struct {
	Username string `path:"username" maxLength:"32" doc:"Name of the account, in any case of its letters." example:"ada"`
}

type getUserOutput struct {
	ETag string `header:"ETag" doc:"Version of the profile."`
	Body UserView
}

// getUser handles GET /api/v1/users/{username}.
func (h *handler) getUser(ctx context.Context, in *getUserInput) (*getUserOutput, error) {
	user, err := h.accounts.Public(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	return &getUserOutput{ETag: rest.ETag(user.Version), Body: viewOfUser(user)}, nil
}
