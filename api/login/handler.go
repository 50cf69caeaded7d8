package login

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

type handler struct{ logins *Service }

// Register adds the operations of logging in, of sessions and of personal access
// tokens to api.
func Register(api huma.API, logins *Service) {
	h := &handler{logins}
	h.registerLogin(api)
	h.registerSessions(api)
	h.registerTokens(api)
}

func (h *handler) registerLogin(api huma.API) {
	tags := []string{"Accounts"}
	huma.Register(api, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/api/v1/auth/login",
		Summary: "Log in with a password", Tags: tags,
		Description: "Programs get tokens in the body. Browsers ask for cookies, which no script can read, and get the tokens in these alone.",
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, h.login)
	huma.Register(api, huma.Operation{
		OperationID: "refresh", Method: http.MethodPost, Path: "/api/v1/auth/refresh",
		Summary: "Take a refresh token for new tokens", Tags: tags,
		Description: "Each refresh token is good once: keep the new one, and let one request at a time refresh. " +
			"A refresh token that is shown again ends the login. The reply has tokens or cookies as the request had.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, h.refresh)
	huma.Register(api, huma.Operation{
		OperationID: "logout", Method: http.MethodPost, Path: "/api/v1/auth/logout",
		Summary: "Log this device out", Tags: tags,
		Description: "Ends the login of the refresh token, and that of the access token. Whoever is logged out already stays so.",
		Errors:      []int{http.StatusTooManyRequests}, DefaultStatus: http.StatusNoContent,
	}, h.logout)
	huma.Register(api, huma.Operation{
		OperationID: "logout-everywhere", Method: http.MethodPost, Path: "/api/v1/auth/logout-everywhere",
		Summary: "Log all devices out", Tags: tags,
		Description: "Personal access tokens stay.",
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}, DefaultStatus: http.StatusNoContent,
	}, h.logoutEverywhere)
}

// LoginUserView is who logged in, as they themselves see it.
type LoginUserView struct {
	ID             string            `json:"id" format:"uuid" doc:"Id of the account." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Username       string            `json:"username" doc:"Name of the account." example:"ada"`
	DisplayName    string            `json:"display_name" doc:"Name that is shown; empty if that is the username." example:"Ada Lovelace"`
	Email          string            `json:"email" format:"email" doc:"Address of the person." example:"ada@example.org"`
	EmailConfirmed bool              `json:"email_confirmed" doc:"Whether the person has proved to get mail there." example:"true"`
	Role           string            `json:"role" enum:"user,moderator,admin" doc:"What the person may do on the whole instance." example:"user"`
	Avatar         *rest.PictureView `json:"avatar,omitempty" doc:"Picture of the person; absent without one."`
	CreatedAt      time.Time         `json:"created_at" doc:"When the account was made." example:"2026-01-31T12:00:00Z"`
}

func userViewOf(u User) LoginUserView {
	return LoginUserView{
		ID: u.ID.String(), Username: u.Username, DisplayName: u.DisplayName,
		Email: u.Email, EmailConfirmed: u.EmailConfirmed, Role: string(u.Role),
		Avatar: rest.Picture(rest.Avatar, u.AvatarID), CreatedAt: u.CreatedAt,
	}
}

// LoginView is what a login gives. Tokens are absent where they are in cookies.
type LoginView struct {
	AccessToken      string        `json:"access_token,omitempty" doc:"Send it as: Authorization: Bearer ACCESS_TOKEN. Absent with cookies." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjFmM2Q…"`
	TokenType        string        `json:"token_type" enum:"Bearer" doc:"How the access token is sent." example:"Bearer"`
	ExpiresIn        int64         `json:"expires_in" doc:"Life of the access token in seconds." example:"900"`
	RefreshToken     string        `json:"refresh_token,omitempty" doc:"Takes new tokens, once. Absent with cookies." example:"bsr_mfrggzdfmztwq2lknnwg23tpobyxe43u"`
	RefreshExpiresIn int64         `json:"refresh_expires_in" doc:"Life of the refresh token in seconds." example:"2592000"`
	User             LoginUserView `json:"user" doc:"Who logged in."`
}

type loginOutput struct {
	SetCookie []string `header:"Set-Cookie" doc:"bandstand_access and bandstand_refresh, where cookies are asked for."`
	Body      LoginView
}

// reply returns session as tokens or as cookies.
func (h *handler) reply(session Session, cookies, secure bool) *loginOutput {
	out := &loginOutput{Body: LoginView{
		TokenType: "Bearer", ExpiresIn: int64(session.AccessTTL / time.Second),
		RefreshExpiresIn: int64(session.RefreshTTL / time.Second), User: userViewOf(session.User),
	}}
	if cookies {
		out.SetCookie = setCookies(session, secure || h.logins.cfg.Secure)
		return out
	}
	out.Body.AccessToken, out.Body.RefreshToken = session.AccessToken, session.RefreshToken
	return out
}

type loginInput struct {
	Transport

	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"254" doc:"Username or e-mail address." example:"ada"`
		Password string `json:"password" minLength:"1" maxLength:"256" format:"password" doc:"Secret of the account." example:"correct horse battery"`
		Cookies  bool   `json:"cookies,omitempty" doc:"Whether to set cookies, for a browser, instead of telling the tokens." example:"false"`
	}
}

// login handles POST /api/v1/auth/login.
func (h *handler) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	session, err := h.logins.Login(ctx, in.Body.Login, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return h.reply(session, in.Body.Cookies, in.tls), nil
}

// refreshTokenInput is the input of what takes a refresh token, from the body or else
// from the cookie.
type refreshTokenInput struct {
	Transport

	Cookie string `cookie:"bandstand_refresh" maxLength:"128" doc:"Refresh token of a browser."`
	Body   *struct {
		RefreshToken string `json:"refresh_token,omitempty" maxLength:"128" doc:"The refresh token; absent if it is in the cookie." example:"bsr_mfrggzdfmztwq2lknnwg23tpobyxe43u"`
	}
}

// token returns the refresh token, and whether it is that of a cookie.
func (in *refreshTokenInput) token() (token string, cookie bool) {
	if in.Body != nil && in.Body.RefreshToken != "" {
		return in.Body.RefreshToken, false
	}
	return in.Cookie, true
}

// refresh handles POST /api/v1/auth/refresh.
func (h *handler) refresh(ctx context.Context, in *refreshTokenInput) (*loginOutput, error) {
	token, cookie := in.token()
	session, err := h.logins.Refresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return h.reply(session, cookie, in.tls), nil
}

type logoutOutput struct {
	SetCookie []string `header:"Set-Cookie" doc:"Takes the cookies away."`
}

// logout handles POST /api/v1/auth/logout.
func (h *handler) logout(ctx context.Context, in *refreshTokenInput) (*logoutOutput, error) {
	token, _ := in.token()
	if err := h.logins.Logout(ctx, auth.User(ctx), token); err != nil {
		return nil, err
	}
	return &logoutOutput{SetCookie: dropCookies(in.tls || h.logins.cfg.Secure)}, nil
}

type logoutEverywhereInput struct{ Transport }

// logoutEverywhere handles POST /api/v1/auth/logout-everywhere.
func (h *handler) logoutEverywhere(ctx context.Context, in *logoutEverywhereInput) (*logoutOutput, error) {
	if err := h.logins.LogoutEverywhere(ctx, auth.User(ctx)); err != nil {
		return nil, err
	}
	return &logoutOutput{SetCookie: dropCookies(in.tls || h.logins.cfg.Secure)}, nil
}

func (h *handler) registerSessions(api huma.API) {
	tags := []string{"Accounts"}
	huma.Register(api, huma.Operation{
		OperationID: "list-sessions", Method: http.MethodGet, Path: sessionsPath,
		Summary: "List one's own devices that are logged in, newest first", Tags: tags,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
	}, h.listSessions)
	huma.Register(api, huma.Operation{
		OperationID: "revoke-session", Method: http.MethodDelete, Path: sessionsPath + "/{id}",
		Summary: "Log one of one's own devices out", Tags: tags, DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests},
	}, h.revokeSession)
}

const sessionsPath = "/api/v1/me/sessions"

// DeviceView is a device that is logged in.
type DeviceView struct {
	ID         string    `json:"id" format:"uuid" doc:"Id of the session." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Device     string    `json:"device" doc:"What it is, as far as it tells." example:"Firefox on Windows"`
	Address    string    `json:"address" doc:"IP address that it was used from last; empty if not known." example:"192.0.2.7"`
	CreatedAt  time.Time `json:"created_at" doc:"When it was logged in." example:"2026-01-31T12:00:00Z"`
	LastUsedAt time.Time `json:"last_used_at" doc:"When it was used last, to the minute." example:"2026-02-01T12:00:00Z"`
	ExpiresAt  time.Time `json:"expires_at" doc:"When it is logged out, unless it is used before." example:"2026-03-03T12:00:00Z"`
	Current    bool      `json:"current" doc:"Whether this request comes from it." example:"true"`
}

type listSessionsInput struct{ rest.PageQuery }

// listSessions handles GET /api/v1/me/sessions.
func (h *handler) listSessions(ctx context.Context, in *listSessionsInput) (*rest.PageOutput[DeviceView], error) {
	p := auth.User(ctx)
	page, err := h.logins.Devices(ctx, p, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	views := rest.MapPage(page, func(d Device) DeviceView {
		return DeviceView{
			ID: d.ID.String(), Device: d.Name, Address: d.Address,
			CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt, Current: d.ID == p.Login,
		}
	})
	return rest.NewPageOutput(views, sessionsPath, nil, in.Limit), nil
}

type revokeSessionInput struct {
	ID uuid.UUID `path:"id" doc:"Id of the session."`
}

// revokeSession handles DELETE /api/v1/me/sessions/{id}.
func (h *handler) revokeSession(ctx context.Context, in *revokeSessionInput) (*struct{}, error) {
	return nil, h.logins.Revoke(ctx, auth.User(ctx), in.ID)
}
