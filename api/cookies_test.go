package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db/dbtest"
)

func TestCookiesWorkFromPagesOfOursAlone(t *testing.T) {
	t.Parallel()
	s, n := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.TrustedOrigins = []string{"https://studio.example.org"}
	})
	ada := s.Person("ada", auth.RoleUser).Token
	cookie := "theme=dark; " + auth.AccessCookie + "=" + ada
	body := `{"slug":"demo","title":"Demo"}`
	for name, test := range map[string]struct {
		header []string
		code   string // empty: it works
	}{
		"nothing said":        {nil, "no_origin"},
		"same origin":         {[]string{"Origin", s.URL}, ""},
		"same origin, fetch":  {[]string{"Sec-Fetch-Site", "same-origin"}, ""},
		"another origin":      {[]string{"Origin", "https://evil.example.org"}, "cross_origin"},
		"a neighbour":         {[]string{"Sec-Fetch-Site", "same-site"}, "cross_origin"},
		"another site":        {[]string{"Sec-Fetch-Site", "cross-site"}, "cross_origin"},
		"an opaque origin":    {[]string{"Origin", "null"}, "cross_origin"},
		"a page that is ours": {[]string{"Origin", "https://studio.example.org", "Sec-Fetch-Site", "cross-site"}, ""},
		"a token as well":     {[]string{"Authorization", "Bearer " + ada}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.Do("POST", "/api/v1/channels", "", body, append([]string{"Cookie", cookie}, test.header...)...)
			if test.code == "" {
				require.Equal(t, 201, got.Status, got.Text)
				return
			}
			apitest.RequireProblem(t, got, 403, test.code)
		})
	}
	require.Len(t, n.titles(), 4)
	for _, name := range []string{"bandstand_refresh", "__Host-bandstand_refresh", "__Secure-bandstand_x"} {
		got := s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"correct horse"}`, "Cookie", name+"=x")
		apitest.RequireProblem(t, got, 403, "no_origin")
	}
	require.Equal(t, 401, s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"correct horse"}`, "Cookie", "theme=dark").Status)
	require.Equal(t, 200, s.Do("GET", "/api/v1/auth/me", "", "", "Cookie", cookie, "Sec-Fetch-Site", "cross-site").Status, "reading changes nothing, and no page can read the reply")
	require.Empty(t, s.Do("GET", "/api/v1/auth/me", "", "", "Cookie", cookie, "Origin", "https://evil.example.org").Header.Get("Access-Control-Allow-Origin"))
}

func TestTokensAreAskedFor(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	ada := s.Person("ada", auth.RoleUser).Token
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
		"of a service":     {"Bearer " + s.Service("ingest"), 403, "forbidden", `Bearer realm="bandstand", error="insufficient_scope"`},
		"cut":              {"Bearer " + ada[:len(ada)-4], 401, "invalid_token", `Bearer realm="bandstand", error="invalid_token"`},
		"two with a comma": {"Bearer " + ada + ", Bearer " + ada, 401, "invalid_token", `Bearer realm="bandstand", error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.Do("GET", "/api/v1/auth/me", "", "", "Authorization", test.header)
			apitest.RequireProblem(t, got, test.status, test.code)
			require.Equal(t, test.challenge, got.Header.Get("WWW-Authenticate"))
		})
	}
	require.Equal(t, 200, s.Do("GET", "/api/v1/auth/me", "", "", "Authorization", "bearer  "+ada).Status)
	require.Equal(t, 200, s.Do("GET", "/api/v1/channels", "nonsense", "").Status, "a public operation looks at no token")
}

func TestPasswordsAndTokensAreNotEchoedNorLogged(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	ada := s.Person("ada", auth.RoleUser).Token
	secrets := []string{"hunter2-hunter2", "tiny-pw", "98765432101234", ada}
	for _, body := range []string{
		`{"login":"ada","password":"hunter2-hunter2"}`,
		`{"login":"ada","password":"tiny-pw"}`,
		`{"login":"ada","password":98765432101234}`,
		`{"login":"ada","password":["hunter2-hunter2"]}`,
		`{"login":"ada","password":"hunter2-hunter2"`,
		`{"login":"ada","password":"hunter2-hunter2","password":"hunter2-hunter2"}`,
		`hunter2-hunter2`,
		`"hunter2-hunter2"`,
		"{\"password\":\"hunter2-hunter2\xff\"}",
	} {
		got := s.Do("POST", "/api/v1/auth/login?password=hunter2-hunter2&token="+ada, "", body)
		require.GreaterOrEqual(t, got.Status, 400)
		for _, secret := range secrets {
			require.NotContains(t, got.Text, secret, body)
		}
	}
	s.Do("GET", "/api/v1/auth/me?access_token="+ada, ada, "")
	log := s.Log.String()
	require.Contains(t, log, "request served")
	for _, secret := range secrets {
		require.NotContains(t, log, secret)
	}
}

func TestHTTPSIsForGood(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://live.example.org": "max-age=31536000", "http://live.example.org": "", "": ""} {
		s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) { cfg.PublicURL = url })
		for _, path := range []string{"/", "/api/v1/channels", "/api/v1/nothing"} {
			require.Equal(t, want, s.Do("GET", path, "", "").Header.Get("Strict-Transport-Security"), path)
		}
	}
}
