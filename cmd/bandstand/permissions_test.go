package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/configs"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

// TestWhoMayCallWhat walks every operation of the API as everyone there is, and
// compares what the server does with the table of permissions.
func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		in := startInProcess(t, func(cfg *configs.Config) { cfg.DB.URL = configs.Secret(url) })
		operations := in.operations()
		ids := []string{}
		for _, op := range operations {
			ids = append(ids, op.id)
			rule, ok := auth.RuleOf(op.id)
			require.True(t, ok, "%s has no entry in the table", op.id)
			for _, visibility := range []string{"public", "private"} {
				for _, who := range everybody {
					set := in.scene(visibility)
					want := expected(rule, who, visibility)
					got := in.try(op, set, set.token(who))
					require.Equal(t, want, got.outcome, "%s as %s on a %s channel: %s", op, who, visibility, got.text)
				}
			}
		}
		known := auth.Operations()
		slices.Sort(known)
		slices.Sort(ids)
		require.Equal(t, known, ids, "the table has entries that are no operations, or the other way round")
	})
}

// TestPersonalTokensDoWhatTheirScopesSay walks every operation with tokens of an
// admin who owns the channel: one with the scope that the operation asks for, one
// with all others.
func TestPersonalTokensDoWhatTheirScopesSay(t *testing.T) {
	t.Parallel()
	in := startInProcess(t, func(*configs.Config) {})
	for _, op := range in.operations() {
		rule, _ := auth.RuleOf(op.id)
		if rule.Service != "" {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(auth.TokenScopes), func(s string) bool { return s == rule.Scope })
		set := in.scene("public")
		got := in.try(op, set, in.personalToken(set.ids["owner"], others))
		if rule.Everyone && !rule.Viewers {
			require.Equal(t, admitted, got.outcome, "%s with a token: %s", op, got.text)
		} else {
			require.Equal(t, forbidden, got.outcome, "%s without the scope %q: %s", op, rule.Scope, got.text)
		}
		if rule.Scope == "" || rule.Members&auth.Owner == 0 && !rule.Users && !rule.Everyone {
			continue // no token will do, or not the owner's
		}
		set = in.scene("public")
		got = in.try(op, set, in.personalToken(set.ids["owner"], []string{rule.Scope}))
		require.Equal(t, admitted, got.outcome, "%s with the scope %q: %s", op, rule.Scope, got.text)
	}
}

// everybody is who asks. What they are on the channel is in newScene.
var everybody = []string{
	"anonymous", "user", "other owner", "channel viewer", "channel moderator", "broadcaster", "owner",
	"moderator", "admin", "service",
}

// What becomes of a request at the gate.
const (
	admitted     = "admitted" // whatever the operation makes of it
	unauthorized = "unauthorized"
	forbidden    = "forbidden"
	hidden       = "hidden" // there is no such channel or broadcast
)

// expected is what the table says of who.
func expected(rule auth.Rule, who, visibility string) string {
	p, role := auth.Principal{UserID: uuid.Max, Role: auth.RoleUser}, auth.ChannelRole(0)
	switch who {
	case "anonymous":
		p = auth.Principal{}
	case "service":
		p = auth.Principal{Service: true, Scopes: []string{auth.ScopeIngest}}
	case "moderator":
		p.Role = auth.RoleModerator
	case "admin":
		p.Role = auth.RoleAdmin
	case "channel viewer":
		role = auth.ChanViewer
	case "channel moderator":
		role = auth.ChanModerator
	case "broadcaster":
		role = auth.Broadcaster
	case "owner":
		role = auth.Owner
	}
	switch {
	case rule.NeedsChannel() && visibility == "private" && role == 0 && !p.IsStaff():
		return hidden
	case rule.Admits(p, role):
		return admitted
	case !p.Service && !p.IsUser():
		return unauthorized
	}
	return forbidden
}

// inProcess is the whole program, running inside the test.
type inProcess struct {
	t      *testing.T
	app    *app
	url    string
	tokens *auth.Tokens
	scenes int
	clean  map[string]scene // by visibility; no request has changed anything in them
}

// startInProcess runs the program until the test ends.
func startInProcess(t *testing.T, change func(*configs.Config)) *inProcess {
	t.Helper()
	cfg := configs.Default()
	cfg.DataDir = t.TempDir()
	cfg.HTTP.Listen, cfg.RTMP.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0", ""
	cfg.Limits = configs.Limits{Auth: 1_000_000, Writes: 1_000_000, Searches: 1_000_000, Users: 1_000_000}
	cfg.Mail.Transport = "files"
	change(&cfg)
	a, err := newApp(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		require.NoError(t, a.close())
	})
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: a.secret})
	require.NoError(t, err)
	return &inProcess{
		t: t, app: a, url: "http://" + a.addresses["http"].String(), tokens: tokens, clean: map[string]scene{},
	}
}

// operation is an operation as the OpenAPI document describes it.
type operation struct{ id, method, path string }

func (op operation) String() string { return op.id + " (" + op.method + " " + op.path + ")" }

// operations reads the document that the server serves.
func (in *inProcess) operations() []operation {
	in.t.Helper()
	status, body := in.request(http.MethodGet, "/api/openapi.json", "", "")
	require.Equal(in.t, http.StatusOK, status)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	require.NoError(in.t, json.Unmarshal([]byte(body), &doc))
	all := []operation{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			all = append(all, operation{op.OperationID, strings.ToUpper(method), path})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return cmp.Compare(a.id, b.id) })
	require.Greater(in.t, len(all), 80)
	return all
}

// scene is a channel with all who have to do with it, and some who have not.
type scene struct {
	slug       string
	visibility string
	broadcast  uuid.UUID
	ids        map[string]uuid.UUID
	names      map[string]string
	tokens     map[string]string
}

func (s scene) token(who string) string { return s.tokens[who] }

// scene returns a scene in which no request has changed anything.
func (in *inProcess) scene(visibility string) scene {
	in.t.Helper()
	s, ok := in.clean[visibility]
	if !ok {
		s = in.newScene(visibility)
		in.clean[visibility] = s
	}
	return s
}

func (in *inProcess) newScene(visibility string) scene {
	in.t.Helper()
	in.scenes++
	s := scene{
		slug: fmt.Sprintf("scene-%d", in.scenes), visibility: visibility,
		ids: map[string]uuid.UUID{}, names: map[string]string{}, tokens: map[string]string{},
	}
	now := column.At(time.Now())
	for _, who := range everybody {
		switch who {
		case "anonymous":
			continue
		case "service":
			token, err := in.tokens.Service("node", []string{auth.ScopeIngest}, time.Hour)
			require.NoError(in.t, err)
			s.tokens[who] = token
			continue
		}
		role := auth.RoleUser
		if who == "moderator" || who == "admin" {
			role = auth.Role(who)
		}
		id, name := uuid.Must(uuid.NewV7()), strings.ReplaceAll(who, " ", "")+fmt.Sprint(in.scenes)
		s.ids[who], s.names[who] = id, name
		in.insert("users", map[string]any{
			"id": id, "username": name, "username_lower": name, "email": name + "@example.org", "email_lower": name + "@example.org",
			"password_hash": "", "role": string(role), "created_at": now, "email_confirmed_at": now,
			"username_skeleton": name,
		})
		token, _, err := in.tokens.Access(id, name, role)
		require.NoError(in.t, err)
		s.tokens[who] = token
	}
	channel := func(owner, slug, visibility string) uuid.UUID {
		id := uuid.Must(uuid.NewV7())
		in.insert("channels", map[string]any{
			"id": id, "owner_id": s.ids[owner], "slug": slug, "title": slug, "visibility": visibility,
			"created_at": now, "updated_at": now,
		})
		return id
	}
	id := channel("owner", s.slug, visibility)
	channel("other owner", s.slug+"-other", "public")
	for who, role := range map[string]string{
		"channel viewer": "viewer", "channel moderator": "moderator", "broadcaster": "broadcaster",
	} {
		in.insert("channel_members", map[string]any{
			"channel_id": id, "user_id": s.ids[who], "role": role, "created_at": now,
		})
	}
	s.broadcast = uuid.Must(uuid.NewV7())
	in.insert("broadcasts", map[string]any{
		"id": s.broadcast, "channel_id": id, "state": "scheduled", "title": "Next", "description": "", "category": "",
		"planned_start": column.At(now.Add(time.Hour)), "planned_end": column.At(now.Add(2 * time.Hour)),
		"created_at": now, "updated_at": now,
	})
	return s
}

// insert adds a row to a table.
func (in *inProcess) insert(table string, row map[string]any) {
	in.t.Helper()
	columns, places, values := []string{}, []string{}, []any{}
	for name, value := range row {
		columns = append(columns, name)
		values = append(values, value)
		places = append(places, fmt.Sprintf("$%d", len(values)))
	}
	_, err := in.app.api.db.Writer().ExecContext(in.t.Context(),
		"INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(places, ", ")+")", values...)
	require.NoError(in.t, err)
}

// personalToken makes a personal access token of the user with id, who becomes an
// admin: what their token cannot do is then for want of a scope.
func (in *inProcess) personalToken(user uuid.UUID, scopes []string) string {
	in.t.Helper()
	_, err := in.app.api.db.Writer().ExecContext(in.t.Context(), "UPDATE users SET role = 'admin' WHERE id = $1", user)
	require.NoError(in.t, err)
	secret := auth.NewSecret(auth.PersonalTokenPrefix)
	in.insert("personal_tokens", map[string]any{
		"id": uuid.Must(uuid.NewV7()), "user_id": user, "label": "test", "token_hash": auth.HashSecret(secret),
		"hint": "", "scopes": strings.Join(scopes, " "), "created_at": column.At(time.Now()),
	})
	return secret
}

// tried is what became of a request.
type tried struct{ outcome, text string }

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// try calls op in the scene with as little as will pass the gate.
func (in *inProcess) try(op operation, s scene, token string) tried {
	in.t.Helper()
	path := pathParameter.ReplaceAllStringFunc(op.path, func(name string) string {
		switch name {
		case "{slug}":
			return s.slug
		case "{broadcast}":
			return s.broadcast.String()
		case "{username}":
			return s.names["user"]
		}
		return uuid.NewString()
	})
	body := ""
	if op.method != http.MethodGet && op.method != http.MethodDelete {
		body = "{}"
	}
	status, text := in.request(op.method, path, token, body)
	require.Less(in.t, status, 500, "%s: %s", op, text)
	if op.method != http.MethodGet && status < 400 {
		delete(in.clean, s.visibility)
	}
	var problem struct{ Code string }
	_ = json.Unmarshal([]byte(text), &problem) // not all replies are problems
	switch {
	case status == http.StatusUnauthorized && problem.Code == "unauthorized":
		return tried{unauthorized, text}
	case status == http.StatusForbidden && problem.Code == "forbidden":
		return tried{forbidden, text}
	case status == http.StatusNotFound && (problem.Code == "channel_not_found" || problem.Code == "broadcast_not_found"):
		return tried{hidden, text}
	}
	return tried{admitted, text}
}

func (in *inProcess) request(method, path, token, body string) (status int, text string) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), method, in.url+path, strings.NewReader(body))
	require.NoError(in.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(in.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(in.t, err)
	return res.StatusCode, string(answer)
}
