package account_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/account"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// served is a Service behind the API.
type served struct {
	*apitest.Server

	people *people
}

func serve(t *testing.T, d *db.DB, change ...func(*account.Config)) *served {
	t.Helper()
	p := newPeople(t, d, change...)
	s := apitest.New(t, d, []api.Feature{func(to huma.API) { account.Register(to, p.Service) }})
	return &served{s, p}
}

// token returns an access token of user.
func (s *served) token(t *testing.T, user account.User) string {
	t.Helper()
	token, _, err := s.Tokens.Access(user.ID, user.Username, user.Role)
	require.NoError(t, err)
	return token
}

func TestFromSignupToLeaving(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		post := func(path, token, body string) apitest.Reply { return s.Do("POST", "/api/v1/"+path, token, body) }
		evil := []string{"Host", "evil.example", "X-Forwarded-Host", "evil.example", "Origin", s.URL}
		made := s.Do("POST", "/api/v1/auth/signup", "", `{"username":"Ada","email":"ada@example.org","password":"correct horse","display_name":"Ada L."}`, evil...)
		require.Equal(t, http.StatusAccepted, made.Status, made.Text)
		require.Equal(t, map[string]any{"username": "Ada", "confirmation": "mail"}, made.JSON)
		require.Empty(t, made.Header.Get("Location"))
		mails := s.people.mail.take()
		require.True(t, strings.HasPrefix(mails[0].Data.Path, "/account/confirm#"), "no host that a request names gets into a mail")
		require.Equal(t, http.StatusNoContent, post("auth/confirm-email", "", `{"token":"`+tokenOf(t, mails[0])+`"}`).Status)

		ada, err := s.people.Public(t.Context(), "ada")
		require.NoError(t, err)
		token := s.token(t, ada)
		me := s.Do("GET", "/api/v1/me", token, "")
		require.Equal(t, http.StatusOK, me.Status, me.Text)
		require.Equal(t, map[string]any{
			"id": ada.ID.String(), "username": "Ada", "display_name": "Ada L.", "email": "ada@example.org", "email_confirmed": true,
			"role": "user", "bio": "", "links": []any{}, "created_at": me.JSON["created_at"],
		}, me.JSON)
		etag := me.Header.Get("ETag")
		require.NotEmpty(t, etag)

		edit := `{"bio":"Writes programs.","links":[{"label":"Site","url":"https://ada.example.org"}]}`
		edited := s.Do("PATCH", "/api/v1/me", token, edit, "If-Match", etag)
		require.Equal(t, http.StatusOK, edited.Status, edited.Text)
		require.Equal(t, "Writes programs.", edited.JSON["bio"])
		require.NotEqual(t, etag, edited.Header.Get("ETag"))
		apitest.RequireProblem(t, s.Do("PATCH", "/api/v1/me", token, edit, "If-Match", etag), 412, "changed")
		public := s.Do("GET", "/api/v1/users/ada", "", "")
		require.Equal(t, http.StatusOK, public.Status, public.Text)
		require.NotContains(t, public.Text, "@", "an address is nobody else's business")
		require.Equal(t, "Writes programs.", public.JSON["bio"])

		require.Equal(t, http.StatusAccepted, post("auth/forgot-password", "", `{"login":"ada"}`).Status)
		link := tokenOf(t, s.people.mail.take()[0])
		require.Equal(t, http.StatusNoContent, post("auth/reset-password", "", `{"token":"`+link+`","password":"another horse"}`).Status)
		require.Equal(t, http.StatusNoContent, post("me/password", token, `{"current_password":"another horse","new_password":"correct horse"}`).Status)
		changing := post("me/email", token, `{"password":"correct horse","email":"ada@example.net"}`)
		require.Equal(t, http.StatusAccepted, changing.Status, changing.Text)
		require.Equal(t, map[string]any{"confirmation": "mail"}, changing.JSON)

		left := post("me/delete", token, `{"password":"correct horse"}`)
		require.Equal(t, http.StatusOK, left.Status, left.Text)
		require.NotEmpty(t, left.JSON["restore_until"])
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/users/ada", "", ""), 404, "user_not_found")
		require.Equal(t, http.StatusNoContent, post("auth/restore", "", `{"login":"ada","password":"correct horse"}`).Status)
		require.Equal(t, http.StatusOK, s.Do("GET", "/api/v1/users/ada", "", "").Status)
	})
}

func TestRepliesAreTheSameForTakenAddresses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		s.people.made("ada", auth.RoleUser)
		ask := func(path, body string) apitest.Reply { return s.Do("POST", "/api/v1/auth/"+path, "", body) }
		same := func(a, b apitest.Reply) {
			t.Helper()
			require.Equal(t, a.Status, b.Status)
			require.Equal(t, len(a.Text), len(b.Text))
			for name := range a.Header {
				if !strings.HasPrefix(name, "Ratelimit") && name != "X-Request-Id" && name != "Date" {
					require.Equal(t, a.Header[name], b.Header[name], name)
				}
			}
			require.Len(t, b.Header, len(a.Header))
		}
		signup := func(name, email string) apitest.Reply {
			return ask("signup", `{"username":"`+name+`","email":"`+email+`","password":"correct horse"}`)
		}
		same(signup("eve1", "ada@example.org"), signup("eve2", "eve@example.org"))
		same(signup("eve1", "eve1@example.net"), signup("eve2", "eve2@example.net")) // the names are taken now, both
		for _, path := range []string{"forgot-password", "resend-confirmation"} {
			same(ask(path, `{"login":"ada@example.org"}`), ask(path, `{"login":"nobody@example.org"}`))
			same(ask(path, `{"login":"ada"}`), ask(path, `{"login":"nobody"}`))
		}
		same(ask("restore", `{"login":"ada","password":"wrong horse"}`), ask("restore", `{"login":"nobody","password":"wrong horse"}`))
	})
}

func TestSignupAnswersWithoutMail(t *testing.T) {
	t.Parallel()
	s := serve(t, dbtest.SQLite(t), withoutMail)
	signup := func(body string) apitest.Reply { return s.Do("POST", "/api/v1/auth/signup", "", body) }
	made := signup(`{"username":"ada","email":"ada@example.org","password":"correct horse"}`)
	require.Equal(t, http.StatusCreated, made.Status, made.Text)
	require.Equal(t, "/api/v1/users/ada", made.Header.Get("Location"))
	require.Equal(t, "none", made.JSON["confirmation"])
	me := s.Do("GET", "/api/v1/me", s.login(t, "ada"), "")
	require.Equal(t, me.JSON, made.JSON["account"])
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"name taken":     {`{"username":"ADA","email":"eve@example.org","password":"correct horse"}`, 409, "username_taken"},
		"address taken":  {`{"username":"eve","email":"ADA@example.org","password":"correct horse"}`, 409, "email_taken"},
		"bad name":       {`{"username":"a b","email":"eve@example.org","password":"correct horse"}`, 422, "unprocessable_entity"},
		"named address":  {`{"username":"eve","email":"Eve <e@example.org>","password":"correct horse"}`, 422, "bad_email"},
		"easy password":  {`{"username":"evelyn-eve","email":"eve@example.org","password":"evelyn-eve"}`, 422, "bad_password"},
		"first to guess": {`{"username":"eve","email":"eve@example.org","password":"password123"}`, 422, "common_password"},
		"a role":         {`{"username":"eve","email":"eve@example.org","password":"correct horse","role":"admin"}`, 422, "unprocessable_entity"},
	} {
		got := signup(test.body)
		require.Equal(t, test.status, got.Status, "%s: %s", name, got.Text)
		apitest.RequireProblem(t, got, test.status, test.code)
	}
	apitest.RequireProblem(t, s.Do("POST", "/api/v1/auth/forgot-password", "", `{"login":"ada"}`), 409, "mail_off")
	apitest.RequireProblem(t, s.Do("POST", "/api/v1/auth/confirm-email", "", `{"token":"bsm_nonsense"}`), 422, "bad_link")
}

func (s *served) login(t *testing.T, name string) string {
	t.Helper()
	user, err := s.people.Public(t.Context(), name)
	require.NoError(t, err)
	return s.token(t, user)
}

func TestPasswordsAreAskedForAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, dbtest.SQLite(t))
	token := s.token(t, s.people.made("ada", auth.RoleUser))
	for path, body := range map[string]string{
		"password": `{"current_password":"wrong horse","new_password":"another horse"}`,
		"email":    `{"password":"wrong horse","email":"ada@example.net"}`,
		"delete":   `{"password":"wrong horse"}`,
	} {
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/me/"+path, token, body), 403, "wrong_password")
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/me/"+path, "", body), 401, "unauthorized")
	}
	require.NotContains(t, s.Log.String(), "horse")
}

func TestAdminOverHTTP(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		chief := s.token(t, s.people.made("chief", auth.RoleAdmin))
		guard := s.token(t, s.people.made("guard", auth.RoleModerator))
		ada := s.people.made("ada", auth.RoleUser)
		const users = "/api/v1/admin/users"
		at := users + "/" + ada.ID.String()

		made := s.Do("POST", users, chief, `{"username":"grace","email":"grace@example.org","role":"moderator"}`)
		require.Equal(t, http.StatusCreated, made.Status, made.Text)
		require.Equal(t, users+"/"+made.JSON["id"].(string), made.Header.Get("Location"))
		require.Equal(t, "active", made.JSON["state"])
		apitest.RequireProblem(t, s.Do("POST", users, guard, `{"username":"mallory","email":"m@example.org"}`), 403, "forbidden")

		list := s.Do("GET", users+"?q=gra&role=moderator&limit=1", guard, "")
		require.Equal(t, http.StatusOK, list.Status, list.Text)
		require.Len(t, list.JSON["items"], 1)
		first := s.Do("GET", users+"?role=user&state=active&limit=1", guard, "")
		require.NotContains(t, first.JSON, "next_cursor", "there is but one")
		page := s.Do("GET", users+"?limit=2", guard, "")
		require.Contains(t, page.Header.Get("Link"), `rel="next"`)
		apitest.RequireProblem(t, s.Do("GET", users+"?cursor=nonsense", guard, ""), 400, "bad_cursor")
		apitest.RequireProblem(t, s.Do("GET", users+"?state=nonsense", guard, ""), 422, "unprocessable_entity")

		got := s.Do("GET", at, guard, "")
		require.Equal(t, "ada@example.org", got.JSON["email"])
		etag := got.Header.Get("ETag")
		set := s.Do("PUT", at+"/role", chief, `{"role":"moderator"}`, "If-Match", etag)
		require.Equal(t, "moderator", set.JSON["role"], set.Text)
		apitest.RequireProblem(t, s.Do("PUT", at+"/role", chief, `{"role":"user"}`, "If-Match", etag), 412, "changed")
		apitest.RequireProblem(t, s.Do("POST", at+"/suspend", guard, `{"reason":"mutiny"}`), 403, "staff_protected")
		suspended := s.Do("POST", at+"/suspend", chief, `{"reason":"mutiny"}`)
		require.Equal(t, "suspended", suspended.JSON["state"], suspended.Text)
		require.Equal(t, "mutiny", suspended.JSON["suspended_reason"])
		require.Equal(t, "active", s.Do("POST", at+"/reinstate", chief, "").JSON["state"])
		deleted := s.Do("DELETE", at, chief, "")
		require.Equal(t, "deleted", deleted.JSON["state"], deleted.Text)
		require.NotEmpty(t, deleted.JSON["restore_until"])
		require.Equal(t, "active", s.Do("POST", at+"/restore", chief, "").JSON["state"])
		apitest.RequireProblem(t, s.Do("PUT", users+"/"+s.id(t, "chief")+"/role", chief, `{"role":"user"}`), 409, "last_admin")
		apitest.RequireProblem(t, s.Do("GET", users+"/0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70", chief, ""), 404, "user_not_found")
		apitest.RequireProblem(t, s.Do("GET", users+"/nonsense", chief, ""), 422, "unprocessable_entity")

		const invites = "/api/v1/admin/invites"
		invite := s.Do("POST", invites, chief, `{"note":"For the crew","max_uses":3,"expires_at":"2099-01-02T03:04:05Z"}`)
		require.Equal(t, http.StatusCreated, invite.Status, invite.Text)
		code := invite.JSON["code"].(string)
		listed := s.Do("GET", invites, chief, "")
		require.NotContains(t, listed.Text, code, "it is shown once")
		require.Contains(t, listed.Text, `"note":"For the crew"`)
		one := invites + "/" + invite.JSON["id"].(string)
		require.Equal(t, one, invite.Header.Get("Location"))
		require.Equal(t, http.StatusNoContent, s.Do("DELETE", one, chief, "").Status)
		apitest.RequireProblem(t, s.Do("POST", invites, chief, `{"expires_at":"2020-01-02T03:04:05Z"}`), 422, "bad_invite_terms")
		apitest.RequireProblem(t, s.Do("POST", invites, guard, `{}`), 403, "forbidden")
		require.Equal(t, http.StatusCreated, s.Do("POST", invites, chief, `{}`).Status)
	})
}

func (s *served) id(t *testing.T, name string) string {
	t.Helper()
	user, err := s.people.Public(t.Context(), name)
	require.NoError(t, err)
	return user.ID.String()
}
