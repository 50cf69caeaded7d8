package account

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const usersPath = "/api/v1/admin/users"

// registerStaff adds what the staff does with accounts.
func (h *handler) registerStaff(api huma.API) {
	tags := []string{"Admin: people"}
	reads := []int{http.StatusUnauthorized, http.StatusForbidden}
	edits := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusPreconditionFailed, http.StatusTooManyRequests,
	}
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-users", Method: http.MethodGet, Path: usersPath,
		Summary: "List accounts, newest first", Tags: tags,
		Errors: append([]int{http.StatusBadRequest, http.StatusTooManyRequests}, reads...),
	}, h.listUsers)
	huma.Register(api, huma.Operation{
		OperationID: "admin-create-user", Method: http.MethodPost, Path: usersPath,
		Summary: "Make an account for somebody", Tags: tags,
		Description:   "Its address counts as confirmed. Without a password the person gets a mail to choose one.",
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict, http.StatusTooManyRequests}, reads...),
	}, h.createUser)
	huma.Register(api, huma.Operation{
		OperationID: "admin-get-user", Method: http.MethodGet, Path: usersPath + "/{id}",
		Summary: "Get an account", Tags: tags, Errors: append([]int{http.StatusNotFound}, reads...),
	}, h.lookUser)
	huma.Register(api, huma.Operation{
		OperationID: "admin-set-role", Method: http.MethodPut, Path: usersPath + "/{id}/role",
		Summary: "Give an account another role", Tags: tags,
		Description: "409 last_admin if nobody else is one.", Errors: edits,
	}, h.setRole)
	huma.Register(api, huma.Operation{
		OperationID: "admin-suspend-user", Method: http.MethodPost, Path: usersPath + "/{id}/suspend",
		Summary: "Suspend an account", Tags: tags,
		Description: "The person is signed out, can do nothing, and is told the reason; the channels are hidden. " +
			"Moderators cannot suspend staff. An account that is suspended gets the new reason.",
		DefaultStatus: http.StatusOK, Errors: edits,
	}, h.suspendUser)
	huma.Register(api, huma.Operation{
		OperationID: "admin-reinstate-user", Method: http.MethodPost, Path: usersPath + "/{id}/reinstate",
		Summary: "End the suspension of an account", Tags: tags, DefaultStatus: http.StatusOK, Errors: edits,
	}, h.reinstateUser)
	huma.Register(api, huma.Operation{
		OperationID: "admin-delete-user", Method: http.MethodDelete, Path: usersPath + "/{id}",
		Summary: "Delete an account", Tags: tags,
		Description:   "For 30 days the staff, but not the person, can restore it.",
		DefaultStatus: http.StatusOK, Errors: edits,
	}, h.deleteUser)
	huma.Register(api, huma.Operation{
		OperationID: "admin-restore-user", Method: http.MethodPost, Path: usersPath + "/{id}/restore",
		Summary: "Bring a deleted account back", Tags: tags, DefaultStatus: http.StatusOK, Errors: edits,
	}, h.restoreUser)
}

type listUsersInput struct {
	rest.PageQuery
	Search string `query:"q" maxLength:"254" doc:"Beginning of the username or of the address." example:"ada"`
	Role   string `query:"role" enum:"user,moderator,admin" doc:"Only those with this role."`
	State  string `query:"state" enum:"active,unconfirmed,suspended,deleted" doc:"Only those in this state."`
}

// listUsers handles GET /api/v1/admin/users.
func (h *handler) listUsers(ctx context.Context, in *listUsersInput) (*rest.PageOutput[AdminUserView], error) {
	page, err := h.accounts.List(ctx, Filter{Search: in.Search, Role: in.Role, State: in.State}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, value := range map[string]string{"q": in.Search, "role": in.Role, "state": in.State} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfAdminUser), usersPath, query, in.Limit), nil
}

type createUserInput struct {
	Body struct {
		Username    string `json:"username" minLength:"2" maxLength:"32" pattern:"^[A-Za-z0-9]([_-]?[A-Za-z0-9])+$" doc:"Name of the account, unique whatever the case of its letters; names that look alike are refused." example:"grace"`
		Email       string `json:"email" format:"email" maxLength:"254" example:"grace@example.org"`
		Password    string `json:"password,omitempty" minLength:"8" maxLength:"256" format:"password" doc:"Absent: the person gets a mail to choose one."`
		DisplayName string `json:"display_name,omitempty" maxLength:"50" example:"Grace Hopper"`
		Role        string `json:"role,omitempty" enum:"user,moderator,admin" default:"user"`
	}
}

type adminUserOutput struct {
	ETag string `header:"ETag" doc:"Version of the account, for If-Match."`
	Body AdminUserView
}

func newAdminUserOutput(u User, err error) (*adminUserOutput, error) {
	if err != nil {
		return nil, err
	}
	return &adminUserOutput{ETag: rest.ETag(u.Version), Body: viewOfAdminUser(u)}, nil
}

type createUserOutput struct {
	Location string `header:"Location" doc:"Address of the new account in this API."`
	ETag     string `header:"ETag" doc:"Version of the account, for If-Match."`
	Body     AdminUserView
}

// createUser handles POST /api/v1/admin/users.
func (h *handler) createUser(ctx context.Context, in *createUserInput) (*createUserOutput, error) {
	user, err := h.accounts.Create(ctx, NewUser{
		Username: in.Body.Username, DisplayName: in.Body.DisplayName,
		Email: in.Body.Email, Password: in.Body.Password, Role: auth.Role(in.Body.Role),
	})
	if err != nil {
		return nil, err
	}
	return &createUserOutput{
		Location: usersPath + "/" + user.ID.String(), ETag: rest.ETag(user.Version), Body: viewOfAdminUser(user),
	}, nil
}

// AdminUserPath names an account. Embed it.
type AdminUserPath struct {
	ID string `path:"id" format:"uuid" doc:"Id of the account."`
}

// id returns what the path names; uuid.Nil, which nobody has, if it is no id.
func (p AdminUserPath) id() uuid.UUID { return parseID(p.ID) }

func parseID(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return id
}

type lookUserInput struct{ AdminUserPath }

// lookUser handles GET /api/v1/admin/users/{id}.
func (h *handler) lookUser(ctx context.Context, in *lookUserInput) (*adminUserOutput, error) {
	return newAdminUserOutput(h.accounts.Look(ctx, in.id()))
}

type setRoleInput struct {
	AdminUserPath
	rest.IfMatch
	Body struct {
		Role string `json:"role" enum:"user,moderator,admin" example:"moderator"`
	}
}

// setRole handles PUT /api/v1/admin/users/{id}/role.
func (h *handler) setRole(ctx context.Context, in *setRoleInput) (*adminUserOutput, error) {
	return newAdminUserOutput(h.accounts.SetRole(ctx, in.id(), in.IfMatch, auth.Role(in.Body.Role)))
}

type suspendUserInput struct {
	AdminUserPath
	rest.IfMatch
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"The person is told." example:"Spam in other people's chats."`
	}
}

// suspendUser handles POST /api/v1/admin/users/{id}/suspend.
func (h *handler) suspendUser(ctx context.Context, in *suspendUserInput) (*adminUserOutput, error) {
	return newAdminUserOutput(h.accounts.Suspend(ctx, in.id(), in.IfMatch, in.Body.Reason))
}

type staffEditInput struct {
	AdminUserPath
	rest.IfMatch
}

// reinstateUser handles POST /api/v1/admin/users/{id}/reinstate.
func (h *handler) reinstateUser(ctx context.Context, in *staffEditInput) (*adminUserOutput, error) {
	return newAdminUserOutput(h.accounts.Reinstate(ctx, in.id(), in.IfMatch))
}

// deleteUser handles DELETE /api/v1/admin/users/{id}.
func (h *handler) deleteUser(ctx context.Context, in *staffEditInput) (*adminUserOutput, error) {
	return newAdminUserOutput(h.accounts.DeleteFor(ctx, in.id(), in.IfMatch))
}

// restoreUser handles POST /api/v1/admin/users/{id}/restore.
func (h *handler) restoreUser(ctx context.Context, in *staffEditInput) (*adminUserOutput, error) {
	return newAdminUserOutput(h.accounts.RestoreFor(ctx, in.id(), in.IfMatch))
}
