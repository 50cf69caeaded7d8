package channel_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestPrivateChannelsPlayAtSignedAddresses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		s.clock.advance(0)
		id := s.make(ada, "demo", "").JSON["id"].(string)
		s.live.put(channel.LiveState{ChannelID: id, Slug: "demo", HLSURL: "/live/demo/index.m3u8", ThumbnailURL: "/live/demo/thumb.jpg"})
		one := "/api/v1/channels/demo"

		public := s.ok("POST", one+"/playback", "", "")
		require.Equal(t, map[string]any{"hls_url": "/live/demo/index.m3u8", "expires_at": nil}, public.JSON)
		require.Equal(t, public.JSON, s.ok("POST", one+"/playback-links", ada.Token, `{"ttl_seconds":60}`).JSON)
		require.Empty(t, s.audited())

		s.ok("PATCH", one, ada.Token, `{"visibility":"private"}`)
		apitest.RequireProblem(t, s.Do("POST", one+"/playback", "", ""), 404, "channel_not_found")
		apitest.RequireProblem(t, s.Do("POST", one+"/playback", bob.Token, ""), 404, "channel_not_found")
		s.ok("PUT", one+"/members/bob", ada.Token, `{"role":"viewer"}`)
		own := s.ok("POST", one+"/playback", bob.Token, "")
		signed := "/live/demo/~demo-" + bob.ID.String()[:8] + "-6h0m0s/"
		require.Equal(t, signed+"index.m3u8", own.JSON["hls_url"])
		expires, err := time.Parse(time.RFC3339, own.JSON["expires_at"].(string))
		require.NoError(t, err)
		require.Equal(t, s.clock.now().Add(6*time.Hour).Truncate(time.Second).UTC(), expires)
		shown := s.ok("GET", one, bob.Token, "")
		require.Equal(t, signed+"index.m3u8", shown.JSON["hls_url"])
		require.Equal(t, signed+"thumb.jpg", shown.JSON["thumbnail_url"])

		apitest.RequireProblem(t, s.Do("POST", one+"/playback-links", bob.Token, `{"ttl_seconds":60}`), 403, "forbidden")
		shared := s.ok("POST", one+"/playback-links", ada.Token, `{"ttl_seconds":604800}`)
		require.Equal(t, "/live/demo/~demo-00000000-168h0m0s/index.m3u8", shared.JSON["hls_url"])
		for _, body := range []string{`{}`, `{"ttl_seconds":604801}`, `{"ttl_seconds":59}`, `{"ttl_seconds":-1}`} {
			apitest.RequireProblem(t, s.Do("POST", one+"/playback-links", ada.Token, body), 422, "unprocessable_entity")
		}
		audited := s.audited()
		require.Equal(t, "ada channel.share_playback demo", audited[len(audited)-1])

		// On another node the address is that node's.
		s.live.put()
		s.ok("POST", channel.HeartbeatPath, s.Service(auth.ScopeIngest), `{"node":"n1","public_url":"https://media.example.org","live":[
			{"channel_id":"`+id+`","channel":"demo","key_id":"k","session":"s","started_at":"2025-01-02T03:04:05Z","viewers":1,
			"hls_url":"/live/demo/index.m3u8","thumbnail_url":"/live/demo/thumb.jpg"}]}`)
		shown = s.ok("GET", one, bob.Token, "")
		require.Equal(t, "https://media.example.org"+signed+"index.m3u8", shown.JSON["hls_url"])
		require.Equal(t, "https://media.example.org"+signed+"thumb.jpg", shown.JSON["thumbnail_url"])
	})
}

func TestWithoutASignerPrivateChannelsPlayNowhere(t *testing.T) {
	t.Parallel()
	s := serve(t, dbtest.SQLite(t), func(cfg *channel.Config) { cfg.Playback, cfg.SignedPath = nil, nil })
	ada := s.Person("ada", auth.RoleUser)
	require.Empty(t, s.make(ada, "demo", `"visibility":"private"`).JSON["hls_url"])
	require.Empty(t, s.ok("POST", "/api/v1/channels/demo/playback", ada.Token, "").JSON["hls_url"])
}

// TestChannelsAreShownWhileTheDatabaseIsDown is of those that were shown before.
func TestChannelsAreShownWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	s := serve(t, d)
	ada := s.Person("ada", auth.RoleUser)
	states := []channel.LiveState{}
	for _, slug := range []string{"demo", "other"} {
		states = append(states, channel.LiveState{ChannelID: s.make(ada, slug, "").JSON["id"].(string), Slug: slug, Viewers: 3})
	}
	s.live.put(states...)
	require.Len(t, s.pages("/api/v1/live", "", "slug"), 2)
	remembering, err := auth.CacheChannels(auth.ChannelsConfig{DB: d, Now: s.clock.now})
	require.NoError(t, err)
	public := apitest.New(t, d, []api.Feature{func(to huma.API) { channel.Register(to, s.channels) }},
		func(cfg *api.Config) { cfg.Channels = remembering })
	require.Equal(t, 200, public.Do("GET", "/api/v1/channels/demo", ada.Token, "").Status)

	proxy.Cut()
	s.clock.advance(time.Minute) // nothing is fresh any more
	for range 3 {
		shown, err := s.channels.Get(t.Context(), "demo")
		require.NoError(t, err)
		require.Equal(t, "Title of demo", shown.Title)
		for _, token := range []string{"", ada.Token} {
			got := public.Do("GET", "/api/v1/channels/demo", token, "")
			require.Equal(t, 200, got.Status, got.Text)
			require.Equal(t, true, got.JSON["live"])
			require.NotContains(t, got.JSON, "me", "that cannot be asked")
		}
		require.Len(t, s.pages("/api/v1/live", "", "slug"), 2)
	}
	_, err = s.channels.Get(t.Context(), "unseen")
	require.True(t, db.IsUnavailable(err), "%v", err)
	s.clock.advance(2 * time.Hour)
	_, err = s.channels.Get(t.Context(), "demo")
	require.True(t, db.IsUnavailable(err), "not for ever: %v", err)

	proxy.Restore()
	require.Eventually(t, func() bool {
		_, err := s.channels.Get(t.Context(), "unseen")
		return strings.Contains(err.Error(), "channel_not_found")
	}, 20*time.Second, 20*time.Millisecond)
}

// TestNodesForgetTogether is of two nodes on one database.
func TestNodesForgetTogether(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres") {
			t.Skip("a file has one node")
		}
		var nodes []*server
		for range 2 {
			d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 4})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			nodes = append(nodes, serve(t, d))
		}
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- nodes[1].DB.Listen(ctx) }()
		defer func() { cancel(); require.NoError(t, <-done) }()
		for _, node := range nodes {
			node.clock.advance(0) // what is known stays fresh
		}
		ada := nodes[0].Person("ada", auth.RoleUser)
		nodes[0].make(ada, "demo", "")
		n := 0
		require.Eventually(t, func() bool { // once it listens
			n++
			title := "Title " + strings.Repeat("x", n)
			nodes[1].ok("GET", "/api/v1/channels/demo", "", "")
			nodes[0].ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"title":"`+title+`"}`)
			got, err := nodes[1].channels.Get(t.Context(), "demo")
			return err == nil && got.Title == title
		}, 20*time.Second, 20*time.Millisecond)
	})
}
