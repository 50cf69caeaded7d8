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

const tokensPath = "/api/v1/me/tokens" //nolint:gosec // a path, no credential

func (h *handler) registerTokens(api huma.API) {
	tags := []string{"Accounts"}
	huma.Register(api, huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: tokensPath,
		Summary: "List one's own personal access tokens, newest first", Tags: tags,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
	}, h.listTokens)
	huma.Register(api, huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: tokensPath,
		Summary: "Make a personal access token for a script", Tags: tags,
		Description:   "The token speaks for its owner, as far as its scopes go. It is in this reply and in no other.",
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests},
	}, h.createToken)
	huma.Register(api, huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: tokensPath + "/{id}",
		Summary: "Delete one of one's own personal access tokens", Tags: tags, DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests},
	}, h.revokeToken)
}

// TokenView is a personal access token without its secret.
type TokenView struct {
	ID         string     `json:"id" format:"uuid" doc:"Id of the token." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Label      string     `json:"label" doc:"What it is for." example:"nightly backup"`
	Hint       string     `json:"hint" doc:"Last characters of the secret." example:"e43u"`
	Scopes     []string   `json:"scopes" nullable:"false" doc:"What it may be used for." example:"[\"read\"]"`
	CreatedAt  time.Time  `json:"created_at" doc:"When it was made." example:"2026-01-31T12:00:00Z"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"When it was used last, to the minute; absent if never." example:"2026-02-01T12:00:00Z"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"When it is no longer good; absent if never." example:"2027-01-31T12:00:00Z"`
}

func tokenViewOf(t Token) TokenView {
	v := TokenView{ID: t.ID.String(), Label: t.Label, Hint: t.Hint, Scopes: t.Scopes, CreatedAt: t.CreatedAt}
	if !t.LastUsedAt.IsZero() {
		v.LastUsedAt = &t.LastUsedAt
	}
	if !t.ExpiresAt.IsZero() {
		v.ExpiresAt = &t.ExpiresAt
	}
	return v
}

type listTokensInput struct{ rest.PageQuery }

// listTokens handles GET /api/v1/me/tokens.
func (h *handler) listTokens(ctx context.Context, in *listTokensInput) (*rest.PageOutput[TokenView], error) {
	page, err := h.logins.Tokens(ctx, auth.User(ctx), in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, tokenViewOf), tokensPath, nil, in.Limit), nil
}

type createTokenInput struct {
	Body struct {
		Label     string    `json:"label" minLength:"1" maxLength:"60" doc:"What it is for." example:"nightly backup"`
		Scopes    []string  `json:"scopes" minItems:"1" maxItems:"6" uniqueItems:"true" nullable:"false" enum:"read,channels,broadcasts,social,chat,admin" doc:"What it may be used for: read whatever its owner can; change channels, broadcasts, or the owner's profile, friends, parties and calls (social); write in chats; admin, for the staff, what the role allows." example:"[\"read\"]"`
		ExpiresAt time.Time `json:"expires_at,omitempty" doc:"When it is no longer good; never if absent." example:"2027-01-31T12:00:00Z"`
	}
}

type createTokenOutput struct {
	Location string `header:"Location" doc:"Address of the new token in this API."`
	Body     struct {
		TokenView
		Token string `json:"token" doc:"The secret. It is in this reply and in no other." example:"bst_mfrggzdfmztwq2lknnwg23tpobyxe43u"`
	}
}

// createToken handles POST /api/v1/me/tokens. The secret is in this reply and in no other.
func (h *handler) createToken(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
	token, secret, err := h.logins.CreateToken(ctx, auth.User(ctx), in.Body.Label, in.Body.Scopes, in.Body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	out := &createTokenOutput{Location: tokensPath + "/" + token.ID.String()}
	out.Body.TokenView, out.Body.Token = tokenViewOf(token), secret
	return out, nil
}

type revokeTokenInput struct {
	ID uuid.UUID `path:"id" doc:"Id of the token."`
}

// revokeToken handles DELETE /api/v1/me/tokens/{id}.
func (h *handler) revokeToken(ctx context.Context, in *revokeTokenInput) (*struct{}, error) {
	return nil, h.logins.RevokeToken(ctx, auth.User(ctx), in.ID)
}
