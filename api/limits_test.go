package api_test

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/limit"
	"bandstand/api/limit/limittest"
	"bandstand/storage/db/dbtest"
)

// behindProxies makes the API believe what a test writes into X-Forwarded-For.
func behindProxies(cfg *api.Config) {
	cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t), behindProxies, func(cfg *api.Config) {
		cfg.Limits = api.Limits{Auth: 3, Writes: 2, Searches: 2}
	})
	login := func(from string) apitest.Reply {
		return s.Do("POST", "/api/v1/auth/login", "", `{}`, "X-Forwarded-For", from)
	}
	for i, remaining := range []string{"2", "1", "0"} {
		got := login("203.0.113.1")
		require.Equal(t, 422, got.Status, i)
		require.Equal(t, "3", got.Header.Get("RateLimit-Limit"))
		require.Equal(t, remaining, got.Header.Get("RateLimit-Remaining"))
		require.Equal(t, `"auth";q=3;w=60`, got.Header.Get("RateLimit-Policy"))
		require.Regexp(t, `^"auth";r=`+remaining+`;t=([1-9]|[1-5]\d|60)$`, got.Header.Get("RateLimit"))
	}
	got := login("203.0.113.1")
	apitest.RequireProblem(t, got, 429, "too_many_requests")
	wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, wait)
	require.LessOrEqual(t, wait, 60)
	require.Equal(t, 429, login("198.51.100.9, 203.0.113.1, 10.1.2.3").Status, "what a stranger writes does not count")
	require.Equal(t, 422, login("203.0.113.2").Status, "another address")

	for range 3 {
		require.Equal(t, 422, login("2001:db8:1:2::1").Status)
	}
	require.Equal(t, 429, login("2001:db8:1:2:ffff::9").Status, "the same household")
	require.Equal(t, 422, login("2001:db8:1:3::1").Status)

	for range 5 {
		read := s.Do("GET", "/api/v1/channels", "", "")
		require.Equal(t, 200, read.Status, "reading is not counted")
		require.Empty(t, read.Header.Get("RateLimit"))
		require.Equal(t, 401, s.Do("POST", "/api/v1/ingest/heartbeat", "", `{}`).Status, "counted apart")
	}
	for range 2 {
		require.Equal(t, 401, s.Do("POST", "/api/v1/channels", "", `{}`).Status)
	}
	apitest.RequireProblem(t, s.Do("DELETE", "/api/v1/channels/demo", "", ""), 429, "too_many_requests")
	apitest.RequireProblem(t, s.Do("PUT", "/api/v1/nothing", "", ""), 429, "too_many_requests")
	for range 2 {
		require.Equal(t, 200, s.Do("GET", "/api/v1/channels?q=x", "", "").Status)
	}
	apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels?limit=1&q=y", "", ""), 429, "too_many_requests")
	require.Equal(t, 429, s.Do("HEAD", "/api/v1/channels?q=y", "", "").Status)
	require.Equal(t, map[string]float64{"limit=auth": 3, "limit=writes": 2, "limit=searches": 2}, s.Counted("bandstand_api_rate_limited_total"))
}

func TestPeopleAreCountedWhereverTheyAre(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t), behindProxies, func(cfg *api.Config) { cfg.Limits = api.Limits{Users: 2, Auth: 1} })
	ada, eve := s.Person("ada", auth.RoleUser).Token, s.Person("eve", auth.RoleUser).Token
	make1 := func(token, from string) apitest.Reply {
		return s.Do("POST", "/api/v1/channels", token, `{"slug":"demo","title":"Demo"}`, "X-Forwarded-For", from)
	}
	first := make1(ada, "203.0.113.1")
	require.Equal(t, 201, first.Status)
	require.Equal(t, `"writes";q=600;w=60, "user-writes";q=2;w=60`, first.Header.Get("RateLimit-Policy"))
	require.Regexp(t, `^"writes";r=599;t=\d+, "user-writes";r=1;t=\d+$`, first.Header.Get("RateLimit"))
	require.Equal(t, "2", first.Header.Get("RateLimit-Limit"), "the one with the least left")
	require.Equal(t, "1", first.Header.Get("RateLimit-Remaining"))
	require.Equal(t, 201, make1(ada, "203.0.113.2").Status)
	apitest.RequireProblem(t, make1(ada, "203.0.113.3"), 429, "too_many_requests")
	require.Equal(t, 201, make1(eve, "203.0.113.3").Status, "another person")

	change := func(from string) apitest.Reply {
		return s.Do("POST", "/api/v1/me/password", eve, `{"login":"eve","password":"guess-guess"}`, "X-Forwarded-For", from)
	}
	require.Equal(t, 401, change("203.0.113.4").Status)
	apitest.RequireProblem(t, change("203.0.113.5"), 429, "too_many_requests")
	got := change("203.0.113.4")
	apitest.RequireProblem(t, got, 429, "too_many_requests")
	require.Equal(t, `"auth";q=1;w=60`, got.Header.Get("RateLimit-Policy"), "it proves a password, as a login does")
}

// reports keeps what an Abuse hears.
type reports struct {
	mu   sync.Mutex
	told []string // guarded by mu
}

func (r *reports) Report(_ context.Context, addr netip.Addr, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, addr.String()+" "+what)
}

func TestWhoGoesOnIsReported(t *testing.T) {
	t.Parallel()
	heard := &reports{}
	s, _ := startNotes(t, dbtest.SQLite(t), behindProxies, func(cfg *api.Config) {
		cfg.Limits, cfg.Abuse = api.Limits{Auth: 1}, heard
	})
	for range 3 {
		s.Do("POST", "/api/v1/auth/login", "", `{}`, "X-Forwarded-For", "2001:db8::7")
	}
	require.Equal(t, []string{"2001:db8::7 auth", "2001:db8::7 auth"}, heard.told)
}

func TestPagesOfOthersGetNobodyBanned(t *testing.T) {
	t.Parallel()
	heard := &reports{}
	s, _ := startNotes(t, dbtest.SQLite(t), behindProxies, func(cfg *api.Config) {
		cfg.Limits, cfg.Abuse = api.Limits{Searches: 1}, heard
	})
	search := func(from, site string) int {
		return s.Do("GET", "/api/v1/channels?q=jazz", "", "", "X-Forwarded-For", from, "Sec-Fetch-Site", site).Status
	}
	for range 3 { // as pictures of that page
		search("203.0.113.1", "cross-site")
		search("203.0.113.2", "same-origin")
	}
	require.Equal(t, 429, search("203.0.113.1", "cross-site"), "they are counted all the same")
	require.Equal(t, []string{"203.0.113.2 searches", "203.0.113.2 searches"}, heard.told)
}

func TestNodesOfTheAPIShareTheirLimits(t *testing.T) {
	t.Parallel()
	prefix := uuid.NewString() + ":"
	start := func() *apitest.Server {
		s, _ := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) {
			cfg.Limits = api.Limits{Auth: 3}
			cfg.Counts = limit.New(limit.Config{Redis: limittest.Redis(t), Prefix: prefix, Logger: cfg.Logger})
		})
		return s
	}
	here, there := start(), start()
	require.Equal(t, 422, here.Do("POST", "/api/v1/auth/login", "", `{}`).Status)
	require.Equal(t, 422, there.Do("POST", "/api/v1/auth/login", "", `{}`).Status)
	require.Equal(t, 422, here.Do("POST", "/api/v1/auth/login", "", `{}`).Status)
	for _, s := range []*apitest.Server{here, there} {
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/auth/login", "", `{}`), 429, "too_many_requests")
	}
}

// bans is a Bans that tests set.
type bans map[string]time.Time

func (b bans) Banned(addr netip.Addr) (time.Time, bool) {
	until, banned := b[addr.String()]
	return until, banned
}

func TestWhoIsBannedGetsNothing(t *testing.T) {
	t.Parallel()
	for media, mediaStatus := range map[bool]int{false: 200, true: 403} {
		s, n := startNotes(t, dbtest.SQLite(t), behindProxies, func(cfg *api.Config) {
			cfg.Bans = bans{"203.0.113.1": {}, "203.0.113.2": time.Now().Add(time.Hour)}
			cfg.BanMedia = media
			cfg.Limits = api.Limits{Auth: 1}
			cfg.Media = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		})
		ada := s.Person("ada", auth.RoleUser).Token
		for range 3 {
			got := s.Do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"Demo"}`, "X-Forwarded-For", "203.0.113.1")
			apitest.RequireProblem(t, got, 403, "banned")
			require.Empty(t, got.Header.Get("Retry-After"), "for good")
			require.Empty(t, got.Header.Get("RateLimit"), "ahead of everything")
		}
		got := s.Do("GET", "/api/v1/channels", "", "", "X-Forwarded-For", "203.0.113.2")
		apitest.RequireProblem(t, got, 403, "banned")
		wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
		require.NoError(t, err)
		require.Greater(t, wait, 3000)
		require.LessOrEqual(t, wait, 3600)
		require.Empty(t, n.titles())
		require.Equal(t, 200, s.Do("GET", "/api/v1/channels", "", "", "X-Forwarded-For", "203.0.113.3").Status)
		require.Equal(t, 200, s.Do("GET", "/healthz", "", "", "X-Forwarded-For", "203.0.113.1").Status)
		require.Equal(t, mediaStatus, s.Do("GET", "/live/x", "", "", "X-Forwarded-For", "203.0.113.1").Status)
		require.Equal(t, 200, s.Do("GET", "/live/x", "", "", "X-Forwarded-For", "203.0.113.3").Status)
		require.NotContains(t, s.Log.String(), `level=INFO msg="request served"`, "who is banned does not fill the log")
	}
}
