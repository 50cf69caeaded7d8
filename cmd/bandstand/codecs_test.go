package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"
)

// TestEnhancedCodecsPassThrough publishes what came to RTMP lately: it reaches
// viewers as it is, and in H.264 beside that.
func TestEnhancedCodecsPassThrough(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"90p","height":90,"bitrate":"100k"}]`)
	tests := map[string]struct {
		picture     []string
		sound       func(t *testing.T, seconds string) []flv.Tag
		codecs      []string // of the source rendition and the sound
		wantInProbe []string
	}{
		"hevc-and-aac": {
			[]string{"libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=60:open-gop=0:bframes=2:pools=1:frame-threads=1"},
			soundOf,
			[]string{"hvc1.", "mp4a.40.2"},
			[]string{"codec_name=hevc", "codec_name=aac", "codec_name=h264", "height=180", "height=90"},
		},
		"av1-and-opus": {
			[]string{"libsvtav1", "-preset", "12", "-g", "60", "-svtav1-params", "pred-struct=1:lp=1"},
			opusOf,
			[]string{"av01.", "opus"},
			[]string{"codec_name=av1", "codec_name=opus", "codec_name=h264", "height=180", "height=90"},
		},
	}
	for name, tt := range tests {
		key := s.channel(name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const seconds = "40"
			clip := merge(flvtest.Enhanced(t, flvtest.Picture(seconds, tt.picture...)...), tt.sound(t, seconds))
			send(t, s.RTMPURL(key), rtmptest.Options{}, clip, nil)
			s.plays(t, name, tt.wantInProbe...)
			report := s.watch(t, name, 12*time.Second)
			require.Len(t, report.Renditions, 3) // source, rung and audio
			for _, r := range report.Renditions {
				require.Zero(t, r.Gaps, r.Name)
				require.Greater(t, r.Segments, 3, r.Name)
			}
			_, list, err := s.get("/live/" + name + "/index.m3u8")
			require.NoError(t, err)
			require.Contains(t, variantCodecs(t, list, "source"), tt.codecs[0])
			require.Contains(t, strings.ToLower(variantCodecs(t, list, "source")), tt.codecs[1])
			require.Contains(t, variantCodecs(t, list, "90p"), "avc1.")
		})
	}
}

// variantCodecs returns the CODECS of a rendition in a multivariant playlist.
func variantCodecs(t *testing.T, list, rendition string) string {
	t.Helper()
	before, _, found := strings.Cut(list, "\n"+rendition+"/index.m3u8")
	require.True(t, found, "no %s in %s", rendition, list)
	_, attributes, found := strings.Cut(before[strings.LastIndex(before, "#EXT-X-STREAM-INF"):], `CODECS="`)
	require.True(t, found, list)
	codecs, _, _ := strings.Cut(attributes, `"`)
	return codecs
}
