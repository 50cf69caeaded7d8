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
	"bandstand/api/apitest"
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
	s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.Media, cfg.Web = say("media"), say("web")
		cfg.MediaOrigins = []string{"https://media.example.org"}
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
		got := s.Do(method, path, "", "")
		require.Equal(t, want, got.Text, request)
		if strings.HasPrefix(want, "web") {
			require.Contains(t, got.Header.Get("Content-Security-Policy"), "connect-src 'self' https://media.example.org;")
			require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
		}
	}
	posted := s.Do("POST", "/c/demo", "", "x")
	apitest.RequireProblem(t, posted, 405, "method_not_allowed")
	require.Equal(t, "GET, HEAD", posted.Header.Get("Allow"))
}

func TestMediaWritesToTheConnectionItself(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "segment")
	require.NoError(t, os.WriteFile(file, []byte("segment"), 0o600))
	var direct bool
	s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.Media = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, direct = w.(io.ReaderFrom) // what sendfile needs
			http.ServeFile(w, r, file)
		})
	})
	require.Equal(t, "segment", s.Do("GET", "/live/demo/1.m4s", "", "").Text)
	require.True(t, direct)
}

func TestWithoutMediaAndWebThereIsNothing(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	for _, path := range []string{"/", "/live/demo/index.m3u8", "/c/demo", "/api", "/api/", "/api/v1/nothing", "/api/v2/channels", "/api//v1/channels"} {
		apitest.RequireProblem(t, s.Do("GET", path, "", ""), 404, "not_found")
	}
}

func TestWrongMethods(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	for _, path := range []string{"/api/v1/channels", "/api/v1/channels/demo", "/api/v1/auth/login"} {
		got := s.Do("PUT", path, "", `{}`)
		apitest.RequireProblem(t, got, 405, "method_not_allowed")
		require.NotEmpty(t, got.Header.Get("Allow"), path)
	}
	head := s.Do("HEAD", "/api/v1/channels", "", "")
	require.Equal(t, 200, head.Status)
	require.Empty(t, head.Text)
	require.Equal(t, "application/json", head.Header.Get("Content-Type"))
	require.Equal(t, 404, s.Do("HEAD", "/api/v1/channels/none", "", "").Status)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.Ready = map[string]func(context.Context) error{"database": func(context.Context) error { return nil }}
	})
	require.Equal(t, 200, s.Do("GET", "/healthz", "", "").Status)
	require.Equal(t, 200, s.Do("GET", "/readyz", "", "").Status)

	s, _ = startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.Ready = map[string]func(context.Context) error{
			"database": func(context.Context) error { return errors.New("dial postgres: password") },
			"ffmpeg":   func(context.Context) error { return errors.New("not found") },
			"disk":     func(context.Context) error { return nil },
		}
	})
	require.Equal(t, 200, s.Do("GET", "/healthz", "", "").Status)
	got := s.Do("GET", "/readyz", "", "")
	apitest.RequireProblem(t, got, 503, "not_ready")
	require.Equal(t, "2", got.Header.Get("Retry-After"))
	require.Equal(t, "not ready: database, ffmpeg", got.JSON["detail"])
	require.Contains(t, s.Log.String(), "dial postgres")
}

func TestRepliesAreGuarded(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	for _, path := range []string{"/api/v1/channels", "/api/v1/nothing", "/api/v1/auth/me"} {
		h := s.Do("GET", path, "", "").Header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Equal(t, "no-store", h.Get("Cache-Control"), path)
	}
}

func TestRequestsHaveIDs(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	for given, kept := range map[string]bool{"from-a-proxy.1": true, "": false, "short": false, "with space and more": false, strings.Repeat("x", 65): false} {
		id := s.Do("GET", "/api/v1/channels", "", "", "X-Request-Id", given).Header.Get("X-Request-Id")
		require.Equal(t, kept, id == given, given)
		require.Contains(t, s.Log.String(), "request="+id)
	}
}

func TestPagesOfOtherOriginsChangeNothing(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.TrustedOrigins = []string{"https://studio.example.org"}
	})
	ada := s.Person("ada", auth.RoleUser).Token
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
		got := s.Do("POST", "/api/v1/channels", ada, `{"slug":"`+slug+`","title":"X"}`, test.header...)
		require.Equal(t, test.status, got.Status, "%s: %s", name, got.Text)
		if test.status == 403 {
			apitest.RequireProblem(t, got, 403, "cross_origin")
		}
	}
	require.Equal(t, 200, s.Do("GET", "/api/v1/channels", "", "", "Sec-Fetch-Site", "cross-site").Status)
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	s.Do("GET", "/api/v1/channels/one", "", "")
	s.Do("GET", "/api/v1/channels/two", "", "")
	s.Do("GET", "/api/v1/channels", "", "")
	s.Do("GET", "/api/v1/random-4711", "", "")
	s.Do("BREW", "/api/v1/channels", "", "")
	require.Equal(t, map[string]float64{
		"class=2xx method=GET route=/api/v1/channels":       1,
		"class=4xx method=GET route=/api/v1/channels/:slug": 2,
		"class=4xx method=GET route=none":                   1,
		"class=4xx method=other route=/api/v1/channels":     1,
	}, s.Counted("bandstand_api_requests_total"))
}

func TestNewRefusesBadSettings(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Config{})
	for _, want := range []string{"Channels", "Tokens", "Logger", "Registerer"} {
		require.ErrorContains(t, err, want)
	}
	s, _ := startNotes(t, dbtest.SQLite(t))
	cfg := api.Config{Channels: auth.NewChannels(s.DB), Tokens: s.Tokens, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}
	bad := cfg
	bad.TrustedOrigins = []string{"not an origin"}
	_, err = api.New(bad)
	require.ErrorContains(t, err, "trusted origin")
	bad = cfg
	bad.Registerer = s.Metrics
	_, err = api.New(bad)
	require.Error(t, err, "metrics registered twice")
}

func TestForwardedAddressesNeedATrustedProxy(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) { cfg.Limits = api.Limits{Auth: 1} })
	for i, status := range []int{422, 429} {
		got := s.Do("POST", "/api/v1/auth/login", "", `{}`, "X-Forwarded-For", "203.0.113."+string(rune('1'+i)))
		require.Equal(t, status, got.Status)
	}
	require.Contains(t, s.Log.String(), "remote=127.0.0.1")
	require.NotContains(t, s.Log.String(), "203.0.113")
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
			s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
				if test.trusted != "" {
					cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(test.trusted)}
				}
				cfg.Media = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
			require.Equal(t, test.want, s.Do("GET", "/live/x", "", "", header...).Text)
		})
	}
}

func TestLogKeepsToWhatMatters(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	s, _ := startNotes(t, d)
	ada := s.Person("ada", auth.RoleUser).Token
	levels := func() (levels []string) {
		for line := range strings.Lines(s.Log.String()) {
			if strings.Contains(line, `msg="request served"`) {
				_, level, _ := strings.Cut(line, "level=")
				level, _, _ = strings.Cut(level, " ")
				levels = append(levels, level)
			}
		}
		return levels
	}
	s.Do("GET", "/api/v1/channels?token=secret", ada, "")
	s.Do("GET", "/api/v1/channels/none", "", "")
	s.Do("POST", "/api/v1/channels", ada, `{"slug":"garden","title":"Garden"}`)
	s.Do("POST", "/api/v1/channels", "", `{}`)
	s.Do("DELETE", "/api/v1/channels/garden", ada, "")
	s.Do("POST", "/api/v1/ingest/heartbeat", s.Service("ingest"), "")
	require.NoError(t, d.Close())
	s.Do("GET", "/api/v1/auth/me", ada, "")
	require.Equal(t, []string{"DEBUG", "DEBUG", "INFO", "INFO", "INFO", "DEBUG", "ERROR"}, levels())
	require.NotContains(t, s.Log.String(), "secret")

	long := strings.Repeat("a", 1000)
	s.Do("POST", "/api/"+long, "", "")
	s.Do(long, "/api/v1/channels", "", "")
	require.NotContains(t, s.Log.String(), long, "a stranger does not fill the disk")
}

func TestDocumentation(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	for _, path := range []string{"/api/docs", "/api/docs/"} {
		page := s.Do("GET", path, "", "")
		require.Equal(t, 200, page.Status)
		require.Contains(t, page.Header.Get("Content-Security-Policy"), "script-src 'self';")
		require.NotContains(t, page.Text, "<script>", "the policy forbids scripts inside")
		for _, asset := range strings.Split(page.Text, `="`) {
			link, _, _ := strings.Cut(asset, `"`)
			if strings.HasPrefix(link, "/api/docs/") {
				got := s.Do("GET", link, "", "")
				require.Equal(t, 200, got.Status, link)
				require.NotEmpty(t, got.Text, link)
				require.NotContains(t, got.Header.Get("Content-Type"), "html", link)
			}
		}
	}
	require.Contains(t, s.Do("GET", "/api/docs/start.js", "", "").Text, "/api/openapi.json")
	apitest.RequireProblem(t, s.Do("GET", "/api/docs/oauth2-redirect.html", "", ""), 404, "not_found")
}

// TestInternalErrorsSayNothing takes the database away from under the API.
func TestInternalErrorsSayNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	s, n := startNotes(t, d)
	ada := s.Person("ada", auth.RoleUser).Token
	n.failWith(errors.New("the database said: secret"))
	require.NoError(t, d.Close())
	for _, r := range []apitest.Reply{
		s.Do("GET", "/api/v1/channels", "", ""),
		s.Do("GET", "/api/v1/channels/demo", "", ""),
		s.Do("GET", "/api/v1/auth/me", ada, ""),
		s.Do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"Demo"}`),
		s.Do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"Demo"}`, "Idempotency-Key", "1"),
	} {
		apitest.RequireProblem(t, r, 500, "internal_server_error")
		require.Equal(t, "internal error", r.JSON["detail"])
		require.NotContains(t, r.Text, "database")
	}
	require.Contains(t, s.Log.String(), "level=ERROR")
	require.Contains(t, s.Log.String(), "sql: database is closed")
}

func TestHeadersOfMediaAreItsOwn(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
		cfg.Media = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	})
	h := s.Do("GET", "/live/x", "", "").Header
	h.Del("Date")
	require.Empty(t, h)
}
