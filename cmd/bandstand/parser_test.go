package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnotherParserReadsEveryPlaylist has a strict parser that is not ours read the
// playlists of a stream with a rung and a discontinuity.
func TestAnotherParserReadsEveryPlaylist(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast", "BANDSTAND_HLS_SEGMENT_TARGET=1s",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`)
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=180")
	first.kill()
	camera(t, s.RTMPURL(key))
	out, err := webScript(t.Context(), t, "e2e/parse.mjs", "--url", s.HLSURL("demo"), "--seconds", "22").Output()
	require.NoError(t, err, "%s", out)
	var seen struct {
		OK                                                  bool
		Playlists, Deltas, Discontinuities, Segments, Parts int
		Renditions                                          []string
	}
	require.NoError(t, json.Unmarshal(out, &seen), "%s", out)
	require.True(t, seen.OK, "%s", out)
	require.Len(t, seen.Renditions, 3)
	require.Greater(t, seen.Playlists, 100)
	require.Positive(t, seen.Deltas)
	require.Equal(t, 1, seen.Discontinuities)
	require.Greater(t, seen.Segments, 10)
	require.Positive(t, seen.Parts)
}
