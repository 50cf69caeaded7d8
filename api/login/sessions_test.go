package login_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/login"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"

func TestSessions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		s.account("ada", auth.RoleUser)
		s.account("eve", auth.RoleUser)
		eve := s.login("eve")
		phone := s.login("ada", "User-Agent", "curl/8.5.0")
		desk := s.login("ada", "User-Agent", firefox)
		r := s.Do("GET", "/api/v1/me/sessions", desk.access, "")
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		items := r.JSON["items"].([]any)
		require.Len(t, items, 2)
		newest, oldest := items[0].(map[string]any), items[1].(map[string]any)
		require.Equal(t, "Firefox on Windows", newest["device"])
		require.Equal(t, true, newest["current"])
		require.Equal(t, "127.0.0.1", newest["address"])
		require.Equal(t, "curl", oldest["device"])
		require.Equal(t, false, oldest["current"])
		require.Equal(t, s.clock.now().UTC().Format(time.RFC3339), newest["last_used_at"])
		require.NotContains(t, r.Text, "hash")

		page := s.Do("GET", "/api/v1/me/sessions?limit=1", desk.access, "")
		require.Equal(t, newest, page.JSON["items"].([]any)[0])
		require.Contains(t, page.Header.Get("Link"), `rel="next"`)
		page = s.Do("GET", "/api/v1/me/sessions?limit=1&cursor="+page.JSON["next_cursor"].(string), desk.access, "")
		require.Equal(t, oldest, page.JSON["items"].([]any)[0])
		require.Nil(t, page.JSON["next_cursor"])
		page = s.Do("GET", "/api/v1/me/sessions?limit=1&cursor="+page.JSON["prev_cursor"].(string), desk.access, "")
		require.Equal(t, newest, page.JSON["items"].([]any)[0])
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/me/sessions?cursor=x", desk.access, ""), http.StatusBadRequest, "bad_cursor")

		path := "/api/v1/me/sessions/" + oldest["id"].(string)
		apitest.RequireProblem(t, s.Do("DELETE", path, eve.access, ""), http.StatusNotFound, "session_not_found")
		require.Equal(t, http.StatusNoContent, s.Do("DELETE", path, desk.access, "").Status)
		require.False(t, s.isIn(phone.access), "at once")
		apitest.RequireProblem(t, s.refresh(phone.refresh), http.StatusUnauthorized, "invalid_refresh_token")
		apitest.RequireProblem(t, s.Do("DELETE", path, desk.access, ""), http.StatusNotFound, "session_not_found")
		apitest.RequireProblem(t, s.Do("DELETE", "/api/v1/me/sessions/"+uuid.NewString(), desk.access, ""), http.StatusNotFound, "session_not_found")
		require.Equal(t, http.StatusUnprocessableEntity, s.Do("DELETE", "/api/v1/me/sessions/x", desk.access, "").Status)
		require.Len(t, s.Do("GET", "/api/v1/me/sessions", desk.access, "").JSON["items"], 1)
		for _, call := range [][2]string{
			{"GET", "/api/v1/me/sessions"},
			{"DELETE", path},
			{"POST", "/api/v1/auth/logout-everywhere"},
			{"GET", "/api/v1/me/tokens"},
			{"POST", "/api/v1/me/tokens"},
			{"DELETE", "/api/v1/me/tokens/" + uuid.NewString()},
		} {
			apitest.RequireProblem(t, s.Do(call[0], call[1], "", ""), http.StatusUnauthorized, "unauthorized")
			apitest.RequireProblem(t, s.Do(call[0], call[1], s.Service("ingest"), ""), http.StatusForbidden, "forbidden")
		}
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		s.account("ada", auth.RoleUser)
		byBody, byToken, byOld, stays := s.login("ada"), s.login("ada"), s.login("ada"), s.login("ada")
		require.Equal(t, http.StatusNoContent, s.Do("POST", "/api/v1/auth/logout", "", `{"refresh_token":"`+byBody.refresh+`"}`).Status)
		require.False(t, s.isIn(byBody.access))
		require.Equal(t, http.StatusNoContent, s.Do("POST", "/api/v1/auth/logout", byToken.access, "").Status)
		require.False(t, s.isIn(byToken.access))
		require.Equal(t, http.StatusOK, s.refresh(byOld.refresh).Status)
		require.Equal(t, http.StatusNoContent, s.Do("POST", "/api/v1/auth/logout", "", `{"refresh_token":"`+byOld.refresh+`"}`).Status)
		require.False(t, s.isIn(byOld.access), "an old token will do to leave")
		for _, body := range []string{"", `{}`, `{"refresh_token":"x"}`, `{"refresh_token":"` + byBody.refresh + `"}`} {
			require.Equal(t, http.StatusNoContent, s.Do("POST", "/api/v1/auth/logout", byToken.access, body).Status, "once more, or never in")
		}
		require.True(t, s.isIn(stays.access))

		other := s.login("ada")
		require.Equal(t, http.StatusNoContent, s.Do("POST", "/api/v1/auth/logout-everywhere", other.access, "").Status)
		for _, in := range []in{stays, other} {
			require.False(t, s.isIn(in.access))
			apitest.RequireProblem(t, s.refresh(in.refresh), http.StatusUnauthorized, "invalid_refresh_token")
		}
		require.True(t, s.isIn(s.login("ada").access))
	})
}

// cookies returns what a reply sets, by name.
func cookies(r apitest.Reply) map[string]*http.Cookie {
	set := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		set[c.Name] = c
	}
	return set
}

func TestBrowsersHaveCookies(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, dbtest.SQLite(t), func(cfg *login.Config) { cfg.Secure = secure })
			s.account("ada", auth.RoleUser)
			r := s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"`+password+`","cookies":true}`)
			require.Equal(t, http.StatusOK, r.Status, r.Text)
			require.NotContains(t, r.JSON, "access_token")
			require.NotContains(t, r.JSON, "refresh_token")
			require.Len(t, r.Header.Values("Set-Cookie"), 2)
			check := func(r apitest.Reply) (access, refresh *http.Cookie) {
				t.Helper()
				set := cookies(r)
				access, refresh = set["bandstand_access"], set["bandstand_refresh"]
				for _, c := range []*http.Cookie{access, refresh} {
					require.True(t, c.HttpOnly)
					require.Equal(t, secure, c.Secure)
					require.Empty(t, c.Domain)
					require.NotContains(t, r.Text, strings.TrimSpace(c.Value)+"\"")
				}
				require.Equal(t, "/", access.Path)
				require.Equal(t, "/api/v1/auth", refresh.Path)
				require.Equal(t, http.SameSiteLaxMode, access.SameSite)
				require.Equal(t, http.SameSiteStrictMode, refresh.SameSite)
				return access, refresh
			}
			access, refresh := check(r)
			require.Equal(t, 900, access.MaxAge)
			require.Equal(t, 30*24*3600, refresh.MaxAge)
			me := s.Do("GET", "/api/v1/probe/me", "", "", "Cookie", "bandstand_access="+access.Value)
			require.Equal(t, http.StatusOK, me.Status, me.Text)

			r = s.Do("POST", "/api/v1/auth/refresh", "", "", "Cookie", "bandstand_refresh="+refresh.Value, "Sec-Fetch-Site", "same-origin")
			require.Equal(t, http.StatusOK, r.Status, r.Text)
			require.NotContains(t, r.JSON, "access_token")
			access, refresh = check(r)

			foreign := s.Do("POST", "/api/v1/auth/refresh", "", "", "Cookie", "bandstand_refresh="+refresh.Value, "Sec-Fetch-Site", "cross-site")
			apitest.RequireProblem(t, foreign, http.StatusForbidden, "cross_origin")

			r = s.Do("POST", "/api/v1/auth/logout", "", "", "Cookie", "bandstand_access="+access.Value+"; bandstand_refresh="+refresh.Value, "Sec-Fetch-Site", "same-origin")
			require.Equal(t, http.StatusNoContent, r.Status, r.Text)
			gone, goneToo := check(r)
			require.Negative(t, gone.MaxAge)
			require.Negative(t, goneToo.MaxAge)
			require.False(t, s.isIn(access.Value))

			in := s.login("ada")
			r = s.Do("POST", "/api/v1/auth/refresh", "", `{"refresh_token":"`+in.refresh+`"}`, "Cookie", "bandstand_refresh="+refresh.Value, "Sec-Fetch-Site", "same-origin")
			require.Equal(t, http.StatusOK, r.Status, "what is in the body counts")
			require.Empty(t, r.Header.Values("Set-Cookie"))
		})
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	s.account("ada", auth.RoleUser)
	first := s.login("ada")
	second := inOf(s.refresh(first.refresh))
	s.refresh(first.refresh)
	made := s.Do("POST", "/api/v1/me/tokens", s.login("ada").access, `{"label":"x","scopes":["read"]}`)
	require.Equal(t, http.StatusCreated, made.Status, made.Text)
	log := s.Log.String() + s.told.String()
	require.Contains(t, log, "request served")
	require.Contains(t, log, "refresh token shown again")
	for _, secret := range []string{password, first.access, first.refresh, second.refresh, made.JSON["token"].(string)} {
		require.NotContains(t, log, secret)
	}
}

func TestDeviceNames(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		firefox: "Firefox on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                      "Safari on Mac",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1":    "Safari on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1":              "Chrome on iPad",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36":                      "Chrome on Android",
		"Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":              "Edge on Windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 OPR/115.0.0.0":                        "Opera on Linux",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                             "Chrome on ChromeOS",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) obs-studio/30.0 Chrome/103.0 Safari/537.36":                          "OBS Studio on Linux",
		"curl/8.5.0":             "curl",
		"Go-http-client/1.1":     "Go-http-client",
		"python-requests/2.32.3": "python-requests",
		"VLC/3.0.20 LibVLC/3.0":  "VLC",
		"Mozilla/5.0 (X; Linux)": "Unknown program on Linux",
		"Mozilla/5.0":            "Unknown device",
		"":                       "Unknown device",
		strings.Repeat("x", 200): "Unknown device",
	} {
		require.Equal(t, want, login.DeviceName(agent), agent)
	}
}
