package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/api/channel/client"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func (s *server) node(token string) *client.Client {
	s.t.Helper()
	c, err := client.New(client.Config{BaseURL: s.url + "/", Token: token})
	require.NoError(s.t, err)
	return c
}

func TestNodeAsksWhatKeysOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada := s.user("ada", auth.RoleUser)
		key := s.channel(ada, "demo")
		s.do("PATCH", "/api/v1/channels/demo", ada, `{"ladder":[]}`)
		node := s.node(s.service("ingest"))

		want, err := s.channels.Authorize(t.Context(), key)
		require.NoError(t, err)
		got, err := node.Authorize(t.Context(), "live", key)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.NotNil(t, got.Ladder, "the source alone is not the server's ladder")

		for name, key := range map[string]string{"unknown": key + "x", "empty": "", "long": strings.Repeat("k", 200)} {
			_, err := node.Authorize(t.Context(), "live", key)
			require.ErrorIs(t, err, channel.ErrUnknownKey, name)
		}
	})
}

func TestNodeReportsAndLearnsOfRevocations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada := s.user("ada", auth.RoleUser)
		node := s.node(s.service("ingest"))
		grant, err := node.Authorize(t.Context(), "live", s.channel(ada, "demo"))
		require.NoError(t, err)
		otherKey := s.channel(ada, "other")
		other, err := node.Authorize(t.Context(), "live", otherKey)
		require.NoError(t, err)

		reply, err := node.Heartbeat(t.Context(), channel.Report{Node: "ingest1", PublicURL: "https://media.example.org"})
		require.NoError(t, err)
		require.Empty(t, reply.RevokedKeys)
		require.Empty(t, reply.Private)

		began := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
		report := channel.Report{Node: "ingest1", PublicURL: "https://media.example.org", Live: []channel.LiveState{
			{
				ChannelID: grant.ChannelID, Slug: "demo", KeyID: grant.KeyID, Session: "s1", StartedAt: began, Viewers: 5,
				HLSURL: "/live/demo/index.m3u8", ThumbnailURL: "https://cdn.example.org/t.jpg",
				Renditions: []channel.Rendition{{Name: "source", Bandwidth: 100, Codecs: "mp4a.40.2"}},
			},
			{ChannelID: other.ChannelID, Slug: "other", KeyID: other.KeyID, Session: "s2", StartedAt: began, HLSURL: "/x"},
		}}
		reply, err = node.Heartbeat(t.Context(), report)
		require.NoError(t, err)
		require.Empty(t, reply.RevokedKeys)
		require.Empty(t, reply.Private)

		got := s.do("GET", "/api/v1/channels/demo", "", "").json
		require.Equal(t, true, got["live"])
		require.InDelta(t, 5, got["viewers"], 0)
		require.Equal(t, "https://media.example.org/live/demo/index.m3u8", got["hls_url"])
		require.Equal(t, "https://cdn.example.org/t.jpg", got["thumbnail_url"])
		require.Len(t, s.do("GET", "/api/v1/channels?live=true", "", "").json["items"], 2)

		// Who may watch can change while the channel is on air.
		require.Equal(t, 200, s.do("PATCH", "/api/v1/channels/other", ada, `{"visibility":"private"}`).status)
		reply, err = node.Heartbeat(t.Context(), report)
		require.NoError(t, err)
		require.Equal(t, []string{"other"}, reply.Private)
		private, err := node.Authorize(t.Context(), "live", otherKey)
		require.NoError(t, err)
		require.True(t, private.Private)
		require.False(t, other.Private)
		require.Len(t, s.do("GET", "/api/v1/channels?live=true", "", "").json["items"], 1)

		require.Equal(t, 204, s.do("DELETE", "/api/v1/channels/demo/keys/"+grant.KeyID, ada, "").status)
		reply, err = node.Heartbeat(t.Context(), report)
		require.NoError(t, err)
		require.Equal(t, []string{grant.KeyID}, reply.RevokedKeys)
		require.Equal(t, 204, s.do("DELETE", "/api/v1/channels/other", ada, "").status)
		reply, err = node.Heartbeat(t.Context(), report)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{grant.KeyID, other.KeyID}, reply.RevokedKeys)
	})
}

func TestOnlyNodesSpeakForNodes(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	key := s.channel(s.user("ada", auth.RoleUser), "demo")
	body := map[string]string{
		channel.AuthorizePath: `{"app":"live","key":"` + key + `"}`,
		channel.HeartbeatPath: `{"node":"n","public_url":"https://example.org","live":[]}`,
	}
	for path, body := range body {
		requireProblem(t, s.do("POST", path, "", body), 401, "unauthorized")
		requireProblem(t, s.do("POST", path, "nonsense", body), 401, "invalid_token")
		requireProblem(t, s.do("POST", path, s.user("boss-"+path[len(path)-4:], auth.RoleAdmin), body), 403, "forbidden")
		requireProblem(t, s.do("POST", path, s.service("other"), body), 403, "forbidden")
		require.Equal(t, 200, s.do("POST", path, s.service("other", "ingest"), body).status)
	}
	node := s.node("nonsense")
	_, err := node.Authorize(t.Context(), "live", key)
	require.Error(t, err)
	require.NotErrorIs(t, err, channel.ErrUnknownKey)
	_, err = node.Heartbeat(t.Context(), channel.Report{Node: "n", PublicURL: "https://example.org"})
	require.ErrorContains(t, err, "401")
}

func TestReportsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	service := s.service("ingest")
	state := func(change string) string {
		fields := map[string]any{
			"channel_id": uuid.NewString(), "channel": "demo", "key_id": uuid.NewString(), "session": "s",
			"started_at": "2025-01-02T03:04:05Z", "viewers": 0, "hls_url": "/live/demo/index.m3u8",
		}
		name, value, _ := strings.Cut(change, "=")
		if name != "" {
			fields[name] = value
		}
		text, err := json.Marshal(fields)
		require.NoError(t, err)
		return string(text)
	}
	report := func(node, url string, live ...string) string {
		return `{"node":"` + node + `","public_url":"` + url + `","live":[` + strings.Join(live, ",") + `]}`
	}
	require.Equal(t, 200, s.do("POST", channel.HeartbeatPath, service, report("n", "https://example.org", state(""))).status)
	for name, test := range map[string]struct{ body, code string }{
		"no name":         {report("", "https://example.org"), "unprocessable_entity"},
		"name with space": {report("a b", "https://example.org"), "unprocessable_entity"},
		"no address":      {report("n", ""), "bad_report"},
		"script address":  {report("n", "javascript:alert(1)"), "bad_report"},
		"path only":       {report("n", "/live"), "bad_report"},
		"credentials":     {report("n", "https://u:p@example.org"), "bad_report"},
		"script playlist": {report("n", "https://example.org", state("hls_url=javascript:alert(1)")), "bad_report"},
		"script picture":  {report("n", "https://example.org", state("thumbnail_url=data:text/html,x")), "bad_report"},
		"no number":       {report("n", "https://example.org", state("viewers=many")), "unprocessable_entity"},
		"too many":        {report("n", "https://example.org", strings.Repeat(state("")+",", 1000)+state("")), "unprocessable_entity"},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, s.do("POST", channel.HeartbeatPath, service, test.body), 422, test.code)
		})
	}
}

// TestNodeFailsClosed answers like things that are not the API.
func TestNodeFailsClosed(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"another 404": http.NotFound,
		"404 page": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"code":"not_found"}`))
		},
		"code without 404": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(`{"code":"unknown_key"}`))
		},
		"empty grant": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"page":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`<html>`)) },
		"endless":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 3<<20)) },
		"cut":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"too many": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"silence": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then net/http notices that the client left
			<-r.Context().Done()
		},
		"internal":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"nothing at 2x": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener := httptest.NewServer(answer)
			defer listener.Close()
			node, err := client.New(client.Config{BaseURL: listener.URL, Token: "token", Timeout: 200 * time.Millisecond})
			require.NoError(t, err)
			grant, err := node.Authorize(t.Context(), "live", "secret-key")
			require.Error(t, err)
			require.NotErrorIs(t, err, channel.ErrUnknownKey)
			require.Zero(t, grant)
			require.NotContains(t, err.Error(), "secret-key")
		})
	}
}

func TestClientRefusesBadSettings(t *testing.T) {
	t.Parallel()
	for _, cfg := range []client.Config{
		{},
		{BaseURL: "https://example.org"},
		{BaseURL: "example.org", Token: "t"},
		{BaseURL: "ftp://example.org", Token: "t"},
	} {
		_, err := client.New(cfg)
		require.Error(t, err)
	}
}
