package auth_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db/dbtest"
)

// named takes a token for the name of a principal.
type named map[string]auth.Principal

func (n named) Verify(_ context.Context, token string) (auth.Principal, error) {
	if token == "nobody-knows" {
		return auth.Principal{}, errors.New("could not ask")
	}
	p, ok := n[token]
	if !ok {
		return p, auth.ErrBadToken
	}
	return p, nil
}

type whoOutput struct {
	Body struct {
		Name string `json:"name"`
	}
}

// registerWho adds operations that say for whom they were called.
func registerWho(to huma.API) {
	for id, op := range map[string][2]string{
		"get-instance":     {http.MethodGet, "/api/v1/everyone"},
		"signup":           {http.MethodPost, "/api/v1/everyone"},
		"me":               {http.MethodGet, "/api/v1/users"},
		"update-me":        {http.MethodPatch, "/api/v1/users"},
		"list-sessions":    {http.MethodGet, "/api/v1/logins"},
		"get-channel":      {http.MethodGet, "/api/v1/channels/{slug}"},
		"list-members":     {http.MethodGet, "/api/v1/channels/{slug}/members"},
		"admin-list-users": {http.MethodGet, "/api/v1/staff"},
	} {
		huma.Register(to, huma.Operation{OperationID: id, Method: op[0], Path: op[1], Errors: []int{401, 403, 404}},
			func(ctx context.Context, _ *struct{}) (*whoOutput, error) {
				out := &whoOutput{}
				out.Body.Name = auth.User(ctx).Name
				return out, nil
			})
	}
}

func TestATokenThatReadsDoesNotLike(t *testing.T) {
	t.Parallel()
	rule, ok := auth.RuleOf("like")
	require.True(t, ok)
	require.Equal(t, auth.ScopeSocial, rule.Scope)
	require.True(t, rule.Admits(auth.Principal{}, 0), "everybody may, without any token")
}

func TestGuard(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	people := named{}
	s := apitest.New(t, d, []api.Feature{registerWho}, func(cfg *api.Config) { cfg.Tokens = people })
	owner, admin := s.Person("owner", auth.RoleUser), s.Person("boss", auth.RoleAdmin)
	s.Channel(owner, "demo")
	as := func(p apitest.Person, role auth.Role) auth.Principal {
		return auth.Principal{UserID: p.ID, Name: p.Name, Role: role}
	}
	people["owner"], people["boss"] = as(owner, auth.RoleUser), as(admin, auth.RoleAdmin)
	unchecked := as(owner, auth.RoleUser)
	unchecked.Unchecked = true
	people["unchecked"] = unchecked
	for name, scopes := range map[string][]string{"reads": {"read"}, "channels": {"channels"}, "rules": {"admin"}, "none": {}} {
		p := as(admin, auth.RoleAdmin)
		p.Token, p.Scopes = uuid.New(), scopes
		people[name] = p
	}
	const (
		ok        = "200 "
		forbidden = "403 forbidden"
		missing   = "401 unauthorized"
		bad       = "401 invalid_token"
		down      = "503 unavailable"
		failed    = "500 internal_server_error"
	)
	for call, want := range map[string]map[string]string{
		"GET /api/v1/everyone": {
			"": ok, "bad": ok, "nobody-knows": ok, "owner": ok + "owner", "unchecked": ok + "owner", "reads": ok + "boss", "channels": ok, "none": ok,
		},
		"POST /api/v1/everyone": {"": ok, "owner": ok + "owner", "unchecked": down},
		"GET /api/v1/users": {
			"": missing, "bad": bad, "nobody-knows": failed, "owner": ok + "owner", "unchecked": ok + "owner",
			"reads": ok + "boss", "channels": forbidden, "none": forbidden,
		},
		"PATCH /api/v1/users":               {"owner": ok + "owner", "unchecked": down, "reads": forbidden},
		"GET /api/v1/logins":                {"owner": ok + "owner", "reads": forbidden, "channels": forbidden, "rules": forbidden},
		"GET /api/v1/channels/demo":         {"": ok, "bad": bad, "owner": ok + "owner", "reads": ok + "boss", "none": forbidden},
		"GET /api/v1/channels/demo/members": {"": missing, "owner": ok + "owner", "boss": ok + "boss", "channels": forbidden},
		"GET /api/v1/staff":                 {"owner": forbidden, "boss": ok + "boss", "rules": ok + "boss", "reads": forbidden, "unchecked": forbidden},
	} {
		method, path, _ := strings.Cut(call, " ")
		for token, want := range want {
			r := s.Do(method, path, token, "")
			got := ok
			if r.Status == http.StatusOK {
				got += r.JSON["name"].(string)
			} else {
				got = strconv.Itoa(r.Status) + " " + r.JSON["code"].(string)
				require.NotEmpty(t, r.JSON["detail"])
			}
			require.Equal(t, want, got, "%s as %q: %s", call, token, r.Text)
			if r.Status == http.StatusServiceUnavailable {
				require.NotEmpty(t, r.Header.Get("Retry-After"))
			}
		}
	}
	r := s.Do("GET", "/api/v1/users", "", "", "Cookie", auth.AccessCookie+"=owner")
	require.Equal(t, "owner", r.JSON["name"])
	r = s.Do("GET", "/api/v1/users", "boss", "", "Cookie", auth.AccessCookie+"=owner")
	require.Equal(t, "boss", r.JSON["name"], "a token in a header is sent knowingly")
}
