package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/auth"
	"bandstand/storage/db/dbtest"
)

func TestRequestsGoToWhomTheyAreFor(t *testing.T) {
	t.Parallel()
	say := func(who string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, who+" "+r.Method+" "+r.URL.Path)
		})
	}
	s := startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.Media, set.api.Web = say("media"), say("web")
		set.api.MediaOrigins = []string{"https://media.example.org"}
	})
	for request, want := range map[string]string{
		"GET /live/demo/index.m3u8":    "media GET /live/demo/index.m3u8",
		"GET /hls-live/demo.m3u8":      "media GET /hls-live/demo.m3u8",
		"PUT /live/demo/x":             "media PUT /live/demo/x",
		"GET /live/../api/v1/channels": "media GET /live/../api/v1/channels",
		"GET /":                        "web GET /",
		"GET /c/demo":                  "web GET /c/demo",
		"GET /livestock":               "web GET /livestock",
		"GET /apiary":                  "web GET /apiary",
		"GET /live":                    "web GET /live",
	} {
		method, path, _ := strings.Cut(request, " ")
		got := s.do(method, path, "", "")
		require.Equal(t, want, got.text, request)
		if strings.HasPrefix(want, "web") {
			require.Contains(t, got.header.Get("Content-Security-Policy"), "connect-src 'self' https://media.example.org;")
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		}
	}
	posted := s.do("POST", "/c/demo", "", "x")
	requireProblem(t, posted, 405, "method_not_allowed")
	require.Equal(t, "GET, HEAD", posted.header.Get("Allow"))
}

func TestMediaWritesToTheConnectionItself(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "segment")
	require.NoError(t, os.WriteFile(file, []byte("segment"), 0o600))
	var direct bool
	s := startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.Media = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, direct = w.(io.ReaderFrom) // what sendfile needs
			http.ServeFile(w, r, file)
		})
	})
	require.Equal(t, "segment", s.do("GET", "/live/demo/1.m4s", "", "").text)
	require.True(t, direct)
}

func TestWithoutMediaAndWebThereIsNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	for _, path := range []string{"/", "/live/demo/index.m3u8", "/c/demo", "/api", "/api/", "/api/v1/nothing", "/api/v2/channels", "/api//v1/channels"} {
		requireProblem(t, s.do("GET", path, "", ""), 404, "not_found")
	}
}

func TestWrongMethods(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	for _, path := range []string{"/api/v1/channels", "/api/v1/channels/demo", "/api/v1/auth/login"} {
		got := s.do("PUT", path, "", `{}`)
		requireProblem(t, got, 405, "method_not_allowed")
		require.NotEmpty(t, got.header.Get("Allow"), path)
	}
	head := s.do("HEAD", "/api/v1/channels", "", "")
	require.Equal(t, 200, head.status)
	require.Empty(t, head.text)
	require.Equal(t, "application/json", head.header.Get("Content-Type"))
	require.Equal(t, 404, s.do("HEAD", "/api/v1/channels/none", "", "").status)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.Ready = map[string]func(context.Context) error{"database": func(context.Context) error { return nil }}
	})
	require.Equal(t, 200, s.do("GET", "/healthz", "", "").status)
	require.Equal(t, 200, s.do("GET", "/readyz", "", "").status)

	s = startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.Ready = map[string]func(context.Context) error{
			"database": func(context.Context) error { return errors.New("dial postgres: password") },
			"ffmpeg":   func(context.Context) error { return errors.New("not found") },
			"disk":     func(context.Context) error { return nil },
		}
	})
	require.Equal(t, 200, s.do("GET", "/healthz", "", "").status)
	got := s.do("GET", "/readyz", "", "")
	requireProblem(t, got, 503, "not_ready")
	require.Equal(t, "not ready: database, ffmpeg", got.json["detail"])
	require.Contains(t, s.log.String(), "dial postgres")
}

func TestRepliesAreGuarded(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	for _, path := range []string{"/api/v1/channels", "/api/v1/nothing", "/api/v1/auth/me"} {
		h := s.do("GET", path, "", "").header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Equal(t, "no-store", h.Get("Cache-Control"), path)
	}
}

func TestRequestsHaveIDs(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	for given, kept := range map[string]bool{"from-a-proxy.1": true, "": false, "short": false, "with space and more": false, strings.Repeat("x", 65): false} {
		id := s.do("GET", "/api/v1/channels", "", "", "X-Request-Id", given).header.Get("X-Request-Id")
		require.Equal(t, kept, id == given, given)
		require.Contains(t, s.log.String(), "request="+id)
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	body := `{"slug":"demo","title":"` + strings.Repeat("x", 2<<20) + `"}`
	requireProblem(t, s.do("POST", "/api/v1/channels", s.user("ada", auth.RoleUser), body), 413, "request_entity_too_large")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/v1/auth/login", io.MultiReader(strings.NewReader(body))) // of unknown length
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestOtherContentTypesAreRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	got := s.do("POST", "/api/v1/auth/login", "", "login=ada&password=hunter2", "Content-Type", "application/x-www-form-urlencoded")
	requireProblem(t, got, 415, "unsupported_media_type")
	require.NotContains(t, got.text, "hunter2")
}

func TestPagesOfOtherOriginsChangeNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.TrustedOrigins = []string{"https://studio.example.org"}
	})
	ada := s.user("ada", auth.RoleUser)
	for name, test := range map[string]struct {
		header []string
		status int
	}{
		"no browser":     {nil, 201},
		"same origin":    {[]string{"Sec-Fetch-Site", "same-origin"}, 201},
		"other site":     {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"other origin":   {[]string{"Origin", "https://evil.example.org"}, 403},
		"trusted origin": {[]string{"Origin", "https://studio.example.org", "Sec-Fetch-Site", "cross-site"}, 201},
	} {
		slug := strings.ReplaceAll(name, " ", "-")
		got := s.do("POST", "/api/v1/channels", ada, `{"slug":"`+slug+`","title":"X"}`, test.header...)
		require.Equal(t, test.status, got.status, "%s: %s", name, got.text)
		if test.status == 403 {
			requireProblem(t, got, 403, "cross_origin")
		}
	}
	require.Equal(t, 200, s.do("GET", "/api/v1/channels", "", "", "Sec-Fetch-Site", "cross-site").status)
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	s.do("GET", "/api/v1/channels/one", "", "")
	s.do("GET", "/api/v1/channels/two", "", "")
	s.do("GET", "/api/v1/channels", "", "")
	s.do("GET", "/api/v1/random-4711", "", "")
	s.do("BREW", "/api/v1/channels", "", "")
	require.Equal(t, map[string]float64{
		"class=2xx method=GET route=/api/v1/channels":       1,
		"class=4xx method=GET route=/api/v1/channels/:slug": 2,
		"class=4xx method=GET route=none":                   1,
		"class=4xx method=other route=/api/v1/channels":     1,
	}, s.counted("bandstand_api_requests_total"))
}

func TestNewRefusesBadSettings(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Config{})
	for _, want := range []string{"Channels", "Tokens", "Logger", "Registerer"} {
		require.ErrorContains(t, err, want)
	}
	s := startServer(t, dbtest.SQLite(t))
	cfg := api.Config{Channels: auth.NewChannels(s.db), Tokens: s.tokens, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}
	bad := cfg
	bad.TrustedOrigins = []string{"not an origin"}
	_, err = api.New(bad)
	require.ErrorContains(t, err, "trusted origin")
	bad = cfg
	bad.Registerer = s.metrics
	_, err = api.New(bad)
	require.Error(t, err, "metrics registered twice")
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.Limits = api.Limits{Auth: 3, Writes: 2}
		set.api.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	login := func(from string) reply {
		return s.do("POST", "/api/v1/auth/login", "", `{}`, "X-Forwarded-For", from)
	}
	for i, remaining := range []string{"2", "1", "0"} {
		got := login("203.0.113.1")
		require.Equal(t, 422, got.status, i)
		require.Equal(t, "3", got.header.Get("RateLimit-Limit"))
		require.Equal(t, remaining, got.header.Get("RateLimit-Remaining"))
	}
	got := login("203.0.113.1")
	requireProblem(t, got, 429, "too_many_requests")
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.NotEqual(t, "0", got.header.Get("Retry-After"))
	require.Equal(t, 429, login("198.51.100.9, 203.0.113.1, 10.1.2.3").status, "what a stranger writes does not count")
	require.Equal(t, 422, login("203.0.113.2").status, "another address")

	for range 3 {
		require.Equal(t, 422, login("2001:db8:1:2::1").status)
	}
	require.Equal(t, 429, login("2001:db8:1:2:ffff::9").status, "the same household")
	require.Equal(t, 422, login("2001:db8:1:3::1").status)

	for range 5 {
		require.Equal(t, 200, s.do("GET", "/api/v1/channels", "", "").status, "reading is not counted")
		require.Equal(t, 401, s.do("POST", "/api/v1/ingest/heartbeat", "", `{}`).status, "counted apart")
	}
	for range 2 {
		require.Equal(t, 401, s.do("POST", "/api/v1/channels", "", `{}`).status)
	}
	requireProblem(t, s.do("DELETE", "/api/v1/channels/demo", "", ""), 429, "too_many_requests")
	require.Equal(t, map[string]float64{"limit=auth": 3, "limit=writes": 1}, s.counted("bandstand_api_rate_limited_total"))
}

func TestForwardedAddressesNeedATrustedProxy(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t), func(set *settings) { set.api.Limits = api.Limits{Auth: 1} })
	for i, status := range []int{422, 429} {
		got := s.do("POST", "/api/v1/auth/login", "", `{}`, "X-Forwarded-For", "203.0.113."+string(rune('1'+i)))
		require.Equal(t, status, got.status)
	}
	require.Contains(t, s.log.String(), "remote=127.0.0.1")
	require.NotContains(t, s.log.String(), "203.0.113")
}

func TestViewersBehindAProxyHaveTheirOwnAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trusted   string
		forwarded string
		want      string
	}{
		"nobody is trusted":    {"", "203.0.113.1", "127.0.0.1"},
		"another is trusted":   {"10.0.0.0/8", "203.0.113.1", "127.0.0.1"},
		"the proxy is trusted": {"127.0.0.0/8", "198.51.100.9, 203.0.113.1", "203.0.113.1"},
		"IPv6":                 {"127.0.0.0/8", "2001:db8::1", "2001:db8::1"},
		"the proxy says none":  {"127.0.0.0/8", "", "127.0.0.1"},
		"the proxy says junk":  {"127.0.0.0/8", "who knows", "127.0.0.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, dbtest.SQLite(t), func(set *settings) {
				if test.trusted != "" {
					set.api.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(test.trusted)}
				}
				set.api.Media = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					host, _, err := net.SplitHostPort(r.RemoteAddr)
					if err != nil {
						t.Error(err)
					}
					_, _ = w.Write([]byte(host))
				})
			})
			header := []string{}
			if test.forwarded != "" {
				header = []string{"X-Forwarded-For", test.forwarded}
			}
			require.Equal(t, test.want, s.do("GET", "/live/x", "", "", header...).text)
		})
	}
}

func TestLogKeepsToWhatMatters(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	s := startServer(t, d)
	ada := s.user("ada", auth.RoleUser)
	levels := func() (levels []string) {
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, `msg="request served"`) {
				_, level, _ := strings.Cut(line, "level=")
				level, _, _ = strings.Cut(level, " ")
				levels = append(levels, level)
			}
		}
		return levels
	}
	s.do("GET", "/api/v1/channels?token=secret", ada, "")
	s.do("GET", "/api/v1/channels/none", "", "")
	s.do("POST", "/api/v1/channels", ada, `{"slug":"garden","title":"Garden"}`)
	s.do("POST", "/api/v1/channels", "", `{}`)
	s.do("DELETE", "/api/v1/channels/garden", ada, "")
	s.do("POST", "/api/v1/ingest/heartbeat", s.service("ingest"), `{"node":"n","public_url":"http://n","live":[]}`)
	require.NoError(t, d.Close())
	s.do("GET", "/api/v1/channels", "", "")
	require.Equal(t, []string{"DEBUG", "DEBUG", "INFO", "INFO", "INFO", "DEBUG", "ERROR"}, levels())
	require.NotContains(t, s.log.String(), "secret")

	long := strings.Repeat("a", 1000)
	s.do("POST", "/api/"+long, "", "")
	s.do(long, "/api/v1/channels", "", "")
	require.NotContains(t, s.log.String(), long, "a stranger does not fill the disk")
}

func TestDocumentation(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	for _, path := range []string{"/api/docs", "/api/docs/"} {
		page := s.do("GET", path, "", "")
		require.Equal(t, 200, page.status)
		require.Contains(t, page.header.Get("Content-Security-Policy"), "script-src 'self';")
		require.NotContains(t, page.text, "<script>", "the policy forbids scripts inside")
		for _, asset := range strings.Split(page.text, `="`) {
			link, _, _ := strings.Cut(asset, `"`)
			if strings.HasPrefix(link, "/api/docs/") {
				got := s.do("GET", link, "", "")
				require.Equal(t, 200, got.status, link)
				require.NotEmpty(t, got.text, link)
				require.NotContains(t, got.header.Get("Content-Type"), "html", link)
			}
		}
	}
	require.Contains(t, s.do("GET", "/api/docs/start.js", "", "").text, "/api/openapi.json")
	requireProblem(t, s.do("GET", "/api/docs/oauth2-redirect.html", "", ""), 404, "not_found")
}

// TestInternalErrorsSayNothing takes the database away from under the API.
func TestInternalErrorsSayNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	s := startServer(t, d)
	ada := s.user("ada", auth.RoleUser)
	require.NoError(t, d.Close())
	for _, r := range []reply{
		s.do("GET", "/api/v1/channels", "", ""),
		s.do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"Demo"}`),
		s.do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"correct horse"}`),
		s.do("POST", "/api/v1/ingest/authorize", s.service("ingest"), `{"app":"live","key":"k"}`),
	} {
		requireProblem(t, r, 500, "internal_server_error")
		require.Equal(t, "internal error", r.json["detail"])
		require.NotContains(t, r.text, "database")
	}
	require.Contains(t, s.log.String(), "level=ERROR")
	require.Contains(t, s.log.String(), "sql: database is closed")
	_, err := s.node(s.service("ingest")).Authorize(t.Context(), "live", "k")
	require.ErrorContains(t, err, "500")
}

func TestHeadersOfMediaAreItsOwn(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t), func(set *settings) {
		set.api.Media = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	})
	h := s.do("GET", "/live/x", "", "").header
	h.Del("Date")
	require.Empty(t, h)
}
