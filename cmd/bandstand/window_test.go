package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
)

// TestSegmentsLeaveTheWindow watches longer than the DVR window is, with low latency
// and without.
func TestSegmentsLeaveTheWindow(t *testing.T) {
	t.Parallel()
	clip := sized(t, "320x180", "50")
	for name, lowLatency := range map[string]bool{"low latency": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_HLS_WINDOW=10s",
				"BANDSTAND_HLS_SEGMENT_TARGET=1s", fmt.Sprintf("BANDSTAND_HLS_LOW_LATENCY=%t", lowLatency))
			send(t, s.RTMPURL(s.channel("demo")), rtmptest.Options{}, clip, nil)
			s.plays(t, "demo", "codec_name=h264")
			old := s.mediaIn(t, sourcePlaylist)
			report := s.watch(t, "demo", 18*time.Second)
			require.Equal(t, lowLatency, report.LowLatency)
			for _, r := range report.Renditions {
				require.Greater(t, r.Segments, 15, r.Name)
				require.Equal(t, lowLatency, r.Parts > 0, r.Name)
			}

			list := s.ask(t, "GET", sourcePlaylist).body
			require.NotContains(t, list, "#EXT-X-MEDIA-SEQUENCE:1\n", "segments leave")
			for _, tag := range []string{"#EXT-X-PART", "#EXT-X-PRELOAD-HINT", "CAN-BLOCK-RELOAD"} {
				require.Equal(t, lowLatency, strings.Contains(list, tag), "%s in %s", tag, list)
			}
			listed := s.mediaIn(t, sourcePlaylist)
			for _, path := range listed {
				require.Equal(t, http.StatusOK, s.ask(t, "GET", path).code, path)
			}
			for _, path := range old {
				if strings.HasSuffix(path, ".mp4") { // still that of what is listed
					require.Contains(t, listed, path)
					continue
				}
				require.NotContains(t, listed, path)
				// Viewers with an old playlist may still ask for a while.
				eventually(t, 30*time.Second, func() error { return s.status(path, http.StatusGone) })
			}
		})
	}
}
