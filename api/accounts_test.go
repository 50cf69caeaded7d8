package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestAccountFromSignupToMe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		made := s.do("POST", "/api/v1/auth/signup", "", `{"username":"ada","email":"ada@example.org","password":"correct horse"}`)
		require.Equal(t, http.StatusCreated, made.status, made.text)
		require.Equal(t, map[string]any{
			"id": made.json["id"], "created_at": made.json["created_at"],
			"username": "ada", "email": "ada@example.org", "role": "user",
		}, made.json)

		in := s.do("POST", "/api/v1/auth/login", "", `{"login":"ada@example.org","password":"correct horse"}`)
		require.Equal(t, http.StatusOK, in.status, in.text)
		require.Equal(t, "Bearer", in.json["token_type"])
		require.InDelta(t, 900, in.json["expires_in"], 0)
		require.Equal(t, made.json, in.json["user"])
		require.Equal(t, "no-store", in.header.Get("Cache-Control"))

		me := s.do("GET", "/api/v1/auth/me", in.json["access_token"].(string), "")
		require.Equal(t, http.StatusOK, me.status, me.text)
		require.Equal(t, made.json, me.json)

		for name, test := range map[string]struct {
			path, body string
			status     int
			code       string
		}{
			"name taken":     {"signup", `{"username":"ADA","email":"eve@example.org","password":"correct horse"}`, 409, "username_taken"},
			"address taken":  {"signup", `{"username":"eve","email":"ada@example.org","password":"correct horse"}`, 409, "email_taken"},
			"bad name":       {"signup", `{"username":"a b","email":"eve@example.org","password":"correct horse"}`, 422, "unprocessable_entity"},
			"bad address":    {"signup", `{"username":"eve","email":"eve","password":"correct horse"}`, 422, "unprocessable_entity"},
			"named address":  {"signup", `{"username":"eve","email":"Eve <e@example.org>","password":"correct horse"}`, 422, "bad_email"},
			"short password": {"signup", `{"username":"eve","email":"eve@example.org","password":"short"}`, 422, "unprocessable_entity"},
			"easy password":  {"signup", `{"username":"evelyn-eve","email":"eve@example.org","password":"evelyn-eve"}`, 422, "bad_password"},
			"wrong password": {"login", `{"login":"ada","password":"Correct horse"}`, 401, "bad_credentials"},
			"unknown login":  {"login", `{"login":"eve","password":"correct horse"}`, 401, "bad_credentials"},
			"no password":    {"login", `{"login":"ada"}`, 422, "unprocessable_entity"},
		} {
			got := s.do("POST", "/api/v1/auth/"+test.path, "", test.body)
			require.Equal(t, test.status, got.status, "%s: %s", name, got.text)
			requireProblem(t, got, test.status, test.code)
		}
	})
}

func TestSignupClosed(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t), func(set *settings) { set.openSignup = false })
	requireProblem(t, s.do("POST", "/api/v1/auth/signup", "",
		`{"username":"ada","email":"ada@example.org","password":"correct horse"}`), 403, "signup_closed")
}

func TestTokensAreAskedFor(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	ada := s.user("ada", auth.RoleUser)
	gone, _, err := s.tokens.Access(uuid.New(), "gone", auth.RoleUser)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		header    string
		status    int
		code      string
		challenge string
	}{
		"none":             {"", 401, "unauthorized", `Bearer realm="bandstand"`},
		"other scheme":     {"Basic YWRhOmFkYQ==", 401, "unauthorized", `Bearer realm="bandstand"`},
		"no token":         {"Bearer ", 401, "unauthorized", `Bearer realm="bandstand"`},
		"nonsense":         {"Bearer nonsense", 401, "invalid_token", `Bearer realm="bandstand", error="invalid_token"`},
		"of a service":     {"Bearer " + s.service("ingest"), 403, "forbidden", `Bearer realm="bandstand", error="insufficient_scope"`},
		"account is gone":  {"Bearer " + gone, 404, "not_found", ""},
		"cut":              {"Bearer " + ada[:len(ada)-4], 401, "invalid_token", `Bearer realm="bandstand", error="invalid_token"`},
		"two with a comma": {"Bearer " + ada + ", Bearer " + ada, 401, "invalid_token", `Bearer realm="bandstand", error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do("GET", "/api/v1/auth/me", "", "", "Authorization", test.header)
			requireProblem(t, got, test.status, test.code)
			require.Equal(t, test.challenge, got.header.Get("WWW-Authenticate"))
		})
	}
	require.Equal(t, 200, s.do("GET", "/api/v1/auth/me", "", "", "Authorization", "bearer  "+ada).status)
	require.Equal(t, 200, s.do("GET", "/api/v1/channels", "nonsense", "").status, "a public operation looks at no token")
	requireProblem(t, s.do("POST", "/api/v1/channels", gone, `{"slug":"x1","title":"X"}`), 403, "forbidden")
}

func TestPasswordsAndTokensAreNotEchoedNorLogged(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	secrets := []string{"hunter2-hunter2", "tiny-pw", "98765432101234"}
	for _, body := range []string{
		`{"username":"ada","email":"ada@example.org","password":"hunter2-hunter2"}`,
		`{"username":"ada","email":"ada@example.org","password":"tiny-pw"}`,
		`{"username":"ada","email":"ada@example.org","password":98765432101234}`,
		`{"username":"ada","email":"ada@example.org","password":["hunter2-hunter2"]}`,
		`{"username":"ada","password":"hunter2-hunter2"`,
		`hunter2-hunter2`,
		`"hunter2-hunter2"`,
		`{"username":"hunter2-hunter2!","email":"hunter2-hunter2","password":"hunter2-hunter2"}`,
	} {
		for _, path := range []string{"signup", "login"} {
			got := s.do("POST", "/api/v1/auth/"+path+"?password=hunter2-hunter2", "", body)
			for _, secret := range secrets {
				require.NotContains(t, got.text, secret, body)
			}
		}
	}
	in := s.do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"hunter2-hunter2"}`)
	token := in.json["access_token"].(string)
	s.do("GET", "/api/v1/auth/me?access_token="+token, token, "")
	log := s.log.String()
	require.Contains(t, log, "request served")
	for _, secret := range append(secrets, token, strings.Split(token, ".")[2]) {
		require.NotContains(t, log, secret)
	}
}
