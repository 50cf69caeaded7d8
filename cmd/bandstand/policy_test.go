package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
)

// TestSecondPublisherTakesOver lets the newest publisher win, where that is the
// policy: the session is still one.
func TestSecondPublisherTakesOver(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_INGEST_SECOND_PUBLISHER=takeover")
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	token := tokenOf(t, s.mediaIn(t, sourcePlaylist)[0])
	reports := make(chan *conform.Report, 1)
	go func() { reports <- s.watch(t, "demo", 12*time.Second) }()
	second := camera(t, s.RTMPURL(key))
	first.wait(20 * time.Second)
	for _, r := range (<-reports).Renditions {
		require.LessOrEqual(t, r.Discontinuities, 1, r.Name)
		require.Zero(t, r.Gaps, r.Name)
	}
	require.Contains(t, s.ask(t, "GET", sourcePlaylist).body, "#EXT-X-DISCONTINUITY\n")
	require.Equal(t, token, tokenOf(t, s.mediaIn(t, sourcePlaylist)[0]))
	select {
	case <-second.done:
		t.Fatal("the second publisher was sent away too")
	default:
	}
}

// TestTooMuchForTheServer sends more bits than the server takes from anyone.
func TestTooMuchForTheServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_INGEST_MAX_BITRATE=1M")
	key := s.channel("demo")
	p := publish(t, join(picture("640x360", "30"), []string{
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-qp", "1", "-g", "30",
	}, to(s.RTMPURL(key)))...)
	p.wait(40 * time.Second)
	require.Contains(t, p.Said(), "bit")
}

// TestChannelsOwnLadder gives a channel other rungs than the server's, and a small
// picture without rungs a thumbnail all the same.
func TestChannelsOwnLadder(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast", "BANDSTAND_TRANSCODE_THUMBNAIL_EVERY=1s")
	own, small := s.channel("own"), s.channel("small")
	ladder := map[string]any{"ladder": []map[string]any{
		{"name": "tiny", "height": 72, "bitrate_bps": 100_000},
	}}
	require.Equal(t, http.StatusOK, s.call("PATCH", "/api/v1/channels/own", ladder, nil))
	clip := sized(t, "320x180", "40")
	send(t, s.RTMPURL(own), rtmptest.Options{}, clip, nil)
	send(t, s.RTMPURL(small), rtmptest.Options{}, clip, nil)
	s.plays(t, "own", "height=180", "height=72")
	s.plays(t, "small", "height=180")
	_, list, err := s.get("/live/small/index.m3u8")
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(list, "#EXT-X-STREAM-INF"), "nothing is scaled up: %s", list)

	for _, slug := range []string{"own", "small"} {
		thumb := "/live/" + slug + "/thumb.jpg"
		var first answer
		eventually(t, 20*time.Second, func() error {
			if first = s.ask(t, "GET", thumb); first.code != http.StatusOK {
				return fmt.Errorf("%s: %d", thumb, first.code)
			}
			return nil
		})
		require.Equal(t, "image/jpeg", first.header.Get("Content-Type"))
		seen, err := probe(t, s.URL(thumb))
		require.NoError(t, err)
		require.Contains(t, seen, "codec_name=mjpeg|width=320|height=180")
		eventually(t, 20*time.Second, func() error {
			if s.ask(t, "GET", thumb, "If-None-Match", first.header.Get("ETag")).code != http.StatusOK {
				return fmt.Errorf("%s does not change", thumb)
			}
			return nil
		})
	}
}

// TestKilledServerComesBack ends the program without a warning: what it knows is
// still there, and its encoders are not.
func TestKilledServerComesBack(t *testing.T) {
	t.Parallel()
	settings := []string{
		"BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`,
	}
	s := startServer(t, settings...)
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=180")
	encoder, err := s.encoder()
	require.NoError(t, err)
	s.signal(syscall.SIGKILL)
	<-s.done
	eventually(t, 20*time.Second, func() error {
		if err := syscall.Kill(encoder, 0); err == nil {
			return fmt.Errorf("the encoder %d goes on without its server", encoder)
		}
		return nil
	})

	again := startServerIn(t, s.dir, settings...)
	require.False(t, again.view("demo").Live)
	camera(t, again.RTMPURL(key))
	again.plays(t, "demo", "height=360", "height=180")
}
