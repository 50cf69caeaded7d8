package account

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
)

type handler struct{ accounts *Service }

// Register adds the operations of accounts to api.
func Register(api huma.API, accounts *Service) {
	h := &handler{accounts}
	tags := []string{"Accounts"}
	huma.Register(api, huma.Operation{
		OperationID: "signup", Method: http.MethodPost, Path: "/api/v1/auth/signup",
		Summary: "Make an account", Tags: tags,
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusForbidden, http.StatusConflict},
	}, h.signup)
	huma.Register(api, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/api/v1/auth/login",
		Summary: "Exchange a login and password for an access token", Tags: tags,
		Errors: []int{http.StatusUnauthorized},
	}, h.login)
	huma.Register(api, huma.Operation{
		OperationID: "me", Method: http.MethodGet, Path: "/api/v1/auth/me",
		Summary: "Get one's own account", Tags: tags,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound},
	}, h.me)
}

// userView is an account as its owner sees it.
type userView struct {
	ID        string    `json:"id" format:"uuid"`
	Username  string    `json:"username"`
	Email     string    `json:"email" format:"email"`
	Role      string    `json:"role" enum:"user,admin"`
	CreatedAt time.Time `json:"created_at"`
}

func viewOf(u User) userView {
	return userView{
		ID: u.ID.String(), Username: u.Username, Email: u.Email,
		Role: string(u.Role), CreatedAt: u.CreatedAt,
	}
}

type userOutput struct{ Body userView }

type signupInput struct {
	Body struct {
		Username string `json:"username" minLength:"2" maxLength:"32" pattern:"^[A-Za-z0-9]([_-]?[A-Za-z0-9])+$" doc:"Name of the account, unique whatever the case of its letters." example:"ada"`
		Email    string `json:"email" format:"email" maxLength:"254" doc:"Address of the person, unique." example:"ada@example.org"`
		Password string `json:"password" minLength:"8" maxLength:"256" format:"password" doc:"Secret of the account."`
	}
}

// signup handles POST /api/v1/auth/signup.
func (h *handler) signup(ctx context.Context, in *signupInput) (*userOutput, error) {
	user, err := h.accounts.Signup(ctx, in.Body.Username, in.Body.Email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &userOutput{Body: viewOf(user)}, nil
}

type loginInput struct {
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"254" doc:"Username or e-mail address." example:"ada"`
		Password string `json:"password" minLength:"1" maxLength:"256" format:"password"`
	}
}

type loginOutput struct {
	Body struct {
		AccessToken string   `json:"access_token" doc:"Send it as: Authorization: Bearer ACCESS_TOKEN."`
		TokenType   string   `json:"token_type" enum:"Bearer"`
		ExpiresIn   int64    `json:"expires_in" doc:"Life of the token in seconds."`
		User        userView `json:"user"`
	}
}

// login handles POST /api/v1/auth/login.
func (h *handler) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	session, err := h.accounts.Login(ctx, in.Body.Login, in.Body.Password)
	if err != nil {
		return nil, err
	}
	out := &loginOutput{}
	out.Body.AccessToken = session.AccessToken
	out.Body.TokenType = "Bearer"
	out.Body.ExpiresIn = int64(session.ExpiresIn / time.Second)
	out.Body.User = viewOf(session.User)
	return out, nil
}

// me handles GET /api/v1/auth/me.
func (h *handler) me(ctx context.Context, _ *struct{}) (*userOutput, error) {
	user, err := h.accounts.Get(ctx, auth.User(ctx).UserID)
	if err != nil {
		return nil, err
	}
	return &userOutput{Body: viewOf(user)}, nil
}
