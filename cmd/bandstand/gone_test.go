package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPublisherGoneForGood ends a session by silence: its playlists are closed, stay
// for those who are still watching, and make room for the next session.
func TestPublisherGoneForGood(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`,
		"BANDSTAND_INGEST_GRACE_PERIOD=2s", "BANDSTAND_HLS_LINGER=8s")
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=180", "codec_name=aac")
	eventually(t, 10*time.Second, func() error { return s.liveIs("demo", true) })

	playlists := []string{sourcePlaylist, "/live/demo/180p/index.m3u8", "/live/demo/audio/index.m3u8"}
	old := s.mediaIn(t, sourcePlaylist)
	first.kill()
	for _, path := range playlists {
		eventually(t, 10*time.Second, func() error {
			code, list, err := s.get(path)
			if err == nil && (code != http.StatusOK || !strings.HasSuffix(list, "#EXT-X-ENDLIST\n")) {
				err = fmt.Errorf("%s is not closed: %d %s", path, code, list)
			}
			return err
		})
		list := s.ask(t, "GET", path).body
		for _, tag := range []string{"#EXT-X-PRELOAD-HINT", "#EXT-X-GAP"} {
			require.NotContains(t, list, tag, path)
		}
		require.Equal(t, http.StatusOK, s.ask(t, "GET", path+"?_HLS_msn=100000").code,
			"nobody waits for what will not come")
	}
	require.NoError(t, s.liveIs("demo", false))
	s.plays(t, "demo", "height=360", "height=180") // to the end, for those who are late

	for _, path := range append(playlists, "/live/demo/index.m3u8", "/live/demo/thumb.jpg", old[0]) {
		eventually(t, 20*time.Second, func() error { return s.status(path, http.StatusNotFound) })
	}
	_, err := s.encoder()
	require.Error(t, err, "the ladder's ffmpeg has ended")

	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=180")
	require.NotEqual(t, tokenOf(t, old[0]), tokenOf(t, s.mediaIn(t, sourcePlaylist)[0]))
	require.Contains(t, s.ask(t, "GET", sourcePlaylist).body, "#EXT-X-MEDIA-SEQUENCE:1\n")
	eventually(t, 10*time.Second, func() error { return s.liveIs("demo", true) })
}

// liveIs says whether the API agrees.
func (s *server) liveIs(slug string, want bool) error {
	if got := s.view(slug).Live; got != want {
		return fmt.Errorf("live: got %t, want %t", got, want)
	}
	return nil
}
