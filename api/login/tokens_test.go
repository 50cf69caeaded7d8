package login_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestPersonalTokens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		s.account("ada", auth.RoleUser)
		s.account("eve", auth.RoleUser)
		ada, eve := s.login("ada").access, s.login("eve").access
		expires := s.clock.now().Add(time.Hour).UTC().Format(time.RFC3339)
		made := s.Do("POST", "/api/v1/me/tokens", ada, `{"label":" nightly  backup ","scopes":["social","read"],"expires_at":"`+expires+`"}`)
		require.Equal(t, http.StatusCreated, made.Status, made.Text)
		token, id := made.JSON["token"].(string), made.JSON["id"].(string)
		require.Regexp(t, `^bst_[a-z2-7]{32}$`, token)
		require.Equal(t, "/api/v1/me/tokens/"+id, made.Header.Get("Location"))
		require.Equal(t, "nightly backup", made.JSON["label"])
		require.Equal(t, []any{"read", "social"}, made.JSON["scopes"])
		require.Equal(t, expires, made.JSON["expires_at"])
		require.Equal(t, token[len(token)-4:], made.JSON["hint"])

		// It may do what its scopes say, and nothing about logins, tokens and staff.
		require.Equal(t, http.StatusOK, s.Do("GET", "/api/v1/probe/me", token, "").Status)
		require.Equal(t, http.StatusOK, s.Do("PATCH", "/api/v1/probe/update-me", token, "").Status)
		for _, call := range [][2]string{
			{"GET", "/api/v1/me/sessions"},
			{"GET", "/api/v1/me/tokens"},
			{"POST", "/api/v1/me/tokens"},
			{"DELETE", "/api/v1/me/tokens/" + id},
			{"POST", "/api/v1/auth/logout-everywhere"},
			{"GET", "/api/v1/probe/admin-list-users"},
		} {
			apitest.RequireProblem(t, s.Do(call[0], call[1], token, ""), http.StatusForbidden, "forbidden")
		}
		reads := s.Do("POST", "/api/v1/me/tokens", ada, `{"label":"reads","scopes":["read"]}`)
		require.NotContains(t, reads.JSON, "expires_at")
		apitest.RequireProblem(t, s.Do("PATCH", "/api/v1/probe/update-me", reads.JSON["token"].(string), ""), http.StatusForbidden, "forbidden")

		list := s.Do("GET", "/api/v1/me/tokens?limit=1", ada, "")
		require.NotContains(t, list.Text, "bst_")
		require.NotContains(t, list.Text, "hash")
		require.Equal(t, "reads", list.JSON["items"].([]any)[0].(map[string]any)["label"])
		list = s.Do("GET", "/api/v1/me/tokens?limit=1&cursor="+list.JSON["next_cursor"].(string), ada, "")
		require.Equal(t, id, list.JSON["items"].([]any)[0].(map[string]any)["id"])
		list = s.Do("GET", "/api/v1/me/tokens?limit=1&cursor="+list.JSON["prev_cursor"].(string), ada, "")
		require.Equal(t, "reads", list.JSON["items"].([]any)[0].(map[string]any)["label"])
		require.Empty(t, s.Do("GET", "/api/v1/me/tokens", eve, "").JSON["items"])

		require.Equal(t, http.StatusNoContent, s.Do("POST", "/api/v1/auth/logout-everywhere", ada, "").Status)
		require.Equal(t, http.StatusOK, s.Do("GET", "/api/v1/probe/me", token, "").Status, "scripts go on")
		ada = s.login("ada").access
		apitest.RequireProblem(t, s.Do("DELETE", "/api/v1/me/tokens/"+id, eve, ""), http.StatusNotFound, "token_not_found")
		require.Equal(t, http.StatusNoContent, s.Do("DELETE", "/api/v1/me/tokens/"+id, ada, "").Status)
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/probe/me", token, ""), http.StatusUnauthorized, "invalid_token")
		apitest.RequireProblem(t, s.Do("DELETE", "/api/v1/me/tokens/"+id, ada, ""), http.StatusNotFound, "token_not_found")

		var noted []string
		rows, err := d.Writer().QueryContext(t.Context(), "SELECT action || ' ' || actor || ' ' || target FROM audit_log ORDER BY id")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			noted = append(noted, line)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, []string{"token.create ada nightly backup", "token.create ada reads", "token.revoke ada nightly backup"}, noted)
	})
}

func TestTokensOfTheStaff(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	boss := s.account("boss", auth.RoleAdmin)
	in := s.login("boss").access
	tokens := map[string]string{}
	for _, scope := range []string{"admin", "read"} {
		r := s.Do("POST", "/api/v1/me/tokens", in, `{"label":"x","scopes":["`+scope+`"]}`)
		require.Equal(t, http.StatusCreated, r.Status, r.Text)
		tokens[scope] = r.JSON["token"].(string)
	}
	require.Equal(t, http.StatusOK, s.Do("GET", "/api/v1/probe/admin-list-users", tokens["admin"], "").Status)
	apitest.RequireProblem(t, s.Do("GET", "/api/v1/probe/me", tokens["admin"], ""), http.StatusForbidden, "forbidden")
	apitest.RequireProblem(t, s.Do("GET", "/api/v1/probe/admin-list-users", tokens["read"], ""), http.StatusForbidden, "forbidden")
	me := s.Do("GET", "/api/v1/probe/me", tokens["read"], "")
	require.Equal(t, map[string]any{"name": "boss", "role": "user"}, withoutSchema(me.JSON), "no more than anybody")
	s.change(boss, "UPDATE users SET role = 'user' WHERE id = $1")
	apitest.RequireProblem(t, s.Do("GET", "/api/v1/probe/admin-list-users", tokens["admin"], ""), http.StatusForbidden, "forbidden")
}

func TestTokensThatCannotBeMade(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	s.account("ada", auth.RoleUser)
	ada := s.login("ada").access
	past := s.clock.now().UTC().Format(time.RFC3339)
	for name, test := range map[string]struct{ body, code string }{
		"no label":      {`{"scopes":["read"]}`, "unprocessable_entity"},
		"blank label":   {`{"label":"  ","scopes":["read"]}`, "bad_label"},
		"turned label":  {`{"label":"a\u202eb","scopes":["read"]}`, "bad_label"},
		"no scope":      {`{"label":"x","scopes":[]}`, "unprocessable_entity"},
		"unknown scope": {`{"label":"x","scopes":["everything"]}`, "unprocessable_entity"},
		"twice":         {`{"label":"x","scopes":["read","read"]}`, "unprocessable_entity"},
		"for the staff": {`{"label":"x","scopes":["read","admin"]}`, "bad_scopes"},
		"in the past":   {`{"label":"x","scopes":["read"],"expires_at":"` + past + `"}`, "bad_expiry"},
		"no time":       {`{"label":"x","scopes":["read"],"expires_at":"tomorrow"}`, "unprocessable_entity"},
	} {
		t.Run(name, func(t *testing.T) {
			apitest.RequireProblem(t, s.Do("POST", "/api/v1/me/tokens", ada, test.body), http.StatusUnprocessableEntity, test.code)
		})
	}
	require.Empty(t, s.Do("GET", "/api/v1/me/tokens", ada, "").JSON["items"])
}

func TestFiftyTokensAndNoMore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		id := s.account("ada", auth.RoleUser)
		for i := range 47 {
			s.exec(`INSERT INTO personal_tokens (id, user_id, label, token_hash, hint, scopes, created_at)
				SELECT $1, id, 'l', $2, '', 'read', created_at FROM users WHERE id = $3`, uuidV7(t), strconv.Itoa(i), id)
		}
		p := auth.Principal{UserID: id, Name: "ada", Role: auth.RoleUser}
		var mu sync.Mutex
		made := 0
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, _, err := s.service.CreateToken(contextForOnce(), p, "x", []string{"read"}, time.Time{}); err == nil {
					mu.Lock()
					defer mu.Unlock()
					made++
				}
			})
		}
		wg.Wait()
		require.Equal(t, 3, made)
		r := s.Do("POST", "/api/v1/me/tokens", s.login("ada").access, `{"label":"x","scopes":["read"]}`)
		apitest.RequireProblem(t, r, http.StatusConflict, "too_many_tokens")

		// Those that have expired long ago make way.
		require.NoError(t, d.Write().CreatePersonalToken(t.Context(), store.CreatePersonalTokenParams{
			ID: uuidV7(t), UserID: id, Label: "l", TokenHash: "old", Scopes: "read",
			CreatedAt: column.At(s.clock.now()), ExpiresAt: column.Maybe(s.clock.now().Add(-31 * 24 * time.Hour)),
		}))
		s.exec("DELETE FROM personal_tokens WHERE token_hash = '0'")
		require.Equal(t, http.StatusCreated, s.Do("POST", "/api/v1/me/tokens", s.login("ada").access, `{"label":"x","scopes":["read"]}`).Status)
	})
}
