package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

// TestPrivateChannelPlaysForThoseWithAToken closes a channel on air and opens it
// again, while those who may watch it go on.
func TestPrivateChannelPlaysForThoseWithAToken(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_RUNGS=[]", "BANDSTAND_TRANSCODE_THUMBNAIL_EVERY=1s")
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	eventually(t, 20*time.Second, func() error { return s.status("/live/demo/thumb.jpg", http.StatusOK) })
	paths := append(s.mediaIn(t, sourcePlaylist), "/live/demo/index.m3u8", sourcePlaylist,
		"/live/demo/audio/index.m3u8", "/live/demo/thumb.jpg", "/hls-live/demo.m3u8")

	member, stranger := s.person(t, "ada"), s.person(t, "eve")
	s.does(t, s.token, "PUT", "/api/v1/channels/demo/members/ada", map[string]string{"role": "viewer"}, nil)
	s.makes(t, "private")
	s.isClosed(t, s, paths)
	require.Equal(t, http.StatusNotFound, s.as(t, stranger, "GET", "/api/v1/channels/demo", nil, nil).code)
	require.Equal(t, http.StatusNotFound, s.as(t, "", "POST", "/api/v1/channels/demo/playback", nil, nil).code)

	var view channelView
	s.does(t, member, "GET", "/api/v1/channels/demo", nil, &view)
	require.NotEmpty(t, view.ThumbnailURL)
	require.NoError(t, s.status(view.ThumbnailURL, http.StatusOK))
	playsAsPlayersDo(t, s.URL(view.HLSURL))
	for _, path := range s.mediaIn(t, signed(sourcePlaylist, tokenIn(t, view.HLSURL))) {
		got := s.ask(t, "GET", path)
		require.Equal(t, http.StatusOK, got.code, path)
		require.Contains(t, got.header.Get("Cache-Control"), "private", "no cache keeps it for others")
	}
	var shared channelView
	s.does(t, s.token, "POST", "/api/v1/channels/demo/playback-links", map[string]int{"ttl_seconds": 60}, &shared)
	playsAsPlayersDo(t, s.URL(shared.HLSURL))
	s.refusesTokens(t, s)
	require.NotContains(t, s.Log(), tokenIn(t, view.HLSURL))

	s.makes(t, "public")
	eventually(t, 10*time.Second, func() error { return s.status("/live/demo/index.m3u8", http.StatusOK) })
	playsAsPlayersDo(t, s.HLSURL("demo"))
}

// makes sets who may see the channel demo.
func (s *server) makes(t *testing.T, visibility string) {
	t.Helper()
	s.does(t, s.token, "PATCH", "/api/v1/channels/demo", map[string]string{"visibility": visibility}, nil)
}

// isClosed waits until a node refuses all paths. Nodes ask once a second.
func (s *server) isClosed(t *testing.T, node *server, paths []string) {
	t.Helper()
	began := time.Now()
	for _, path := range paths {
		eventually(t, 10*time.Second, func() error { return node.status(path, http.StatusForbidden) })
	}
	t.Logf("closed after %v", time.Since(began))
}

// refusesTokens shows a node tokens that do not open the channel demo.
func (s *server) refusesTokens(t *testing.T, node *server) {
	t.Helper()
	passes, err := auth.NewPlayback(auth.PlaybackConfig{Secret: []byte(s.setting("BANDSTAND_SECRET"))})
	require.NoError(t, err)
	others, err := auth.NewPlayback(auth.PlaybackConfig{Secret: []byte(strings.Repeat("another secret ", 4))})
	require.NoError(t, err)
	short := signed("/live/demo/index.m3u8", passes.Sign("demo", 3*time.Second))
	for name, token := range map[string]string{
		"of another channel": passes.Sign("other", time.Hour),
		"of another server":  others.Sign("demo", time.Hour),
		"no token":           "x",
	} {
		require.NoError(t, node.status(signed("/live/demo/index.m3u8", token), http.StatusForbidden), name)
	}
	eventually(t, 20*time.Second, func() error {
		got := node.ask(t, "GET", short)
		if got.code != http.StatusForbidden || !strings.Contains(got.body, "playback_expired") {
			return fmt.Errorf("a token that has expired: %d %s", got.code, got.body)
		}
		return nil
	})
}

// signed returns path for those who have token.
func signed(path, token string) string {
	return strings.Replace(path, "/live/demo/", "/live/demo/~"+token+"/", 1)
}

// tokenIn returns the token in an address.
func tokenIn(t *testing.T, address string) string {
	t.Helper()
	_, rest, found := strings.Cut(address, "/~")
	require.True(t, found, "no token in %s", address)
	token, _, _ := strings.Cut(rest, "/")
	return token
}

// playsAsPlayersDo has ffmpeg follow all that the playlist at url names, for a while.
func playsAsPlayersDo(t *testing.T, url string) {
	t.Helper()
	found, err := probe(t, url)
	require.NoError(t, err, found)
	require.Contains(t, found, "codec_name=h264")
	require.Contains(t, found, "codec_name=aac")
	said, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error",
		"-i", url, "-t", "3", "-c", "copy", "-f", "null", "-").CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Empty(t, string(said))
}

// TestIngestNodeHoldsToWhatTheAPISays has viewers and the publisher on a node that
// keeps no accounts.
func TestIngestNodeHoldsToWhatTheAPISays(t *testing.T) {
	t.Parallel()
	api := startServer(t, "BANDSTAND_ROLES=api")
	admin := api.staff(t, "boss", "admin")
	key := api.channel("demo")
	api.makes(t, "private")
	token, err := api.runs(t, "", "token", "ingest-1")
	require.NoError(t, err)
	node := startServer(t, "BANDSTAND_ROLES=ingest", "BANDSTAND_TRANSCODE_ENABLED=false",
		"BANDSTAND_INGEST_API_URL="+api.URL(""), "BANDSTAND_INGEST_SERVICE_TOKEN="+strings.TrimSpace(token))
	publisher := camera(t, node.RTMPURL(key))
	var view channelView
	eventually(t, 20*time.Second, func() error {
		api.does(t, api.token, "GET", "/api/v1/channels/demo", nil, &view)
		if !view.Live || !strings.HasPrefix(view.HLSURL, node.URL("/live/demo/~")) {
			return fmt.Errorf("the API says %+v", view)
		}
		if said, err := probe(t, view.HLSURL); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
	playsAsPlayersDo(t, view.HLSURL)
	media := node.mediaIn(t, signed(sourcePlaylist, tokenIn(t, view.HLSURL)))
	paths := []string{"/live/demo/index.m3u8", sourcePlaylist, strings.Replace(media[0], "~"+tokenIn(t, view.HLSURL)+"/", "", 1)}
	api.isClosed(t, node, paths)
	api.refusesTokens(t, node)
	api.makes(t, "unlisted")
	eventually(t, 10*time.Second, func() error { return node.status(paths[0], http.StatusOK) })
	api.makes(t, "private")
	api.isClosed(t, node, paths)

	api.endsTheSession(t, admin, publisher)
}
