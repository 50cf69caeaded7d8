package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
)

// TestPublishersClocksAreAbsorbed sends one clip with clocks as real encoders have
// them; viewers must notice nothing.
func TestPublishersClocksAreAbsorbed(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	clip := sized(t, "320x180", "45")
	const hour = 3_600_000
	const jumpAt = 14_500 // within a GOP
	tests := map[string]struct {
		at   func(ms uint32) uint32
		bare bool // extended timestamps are not repeated
	}{
		"wrap":      {at: func(ms uint32) uint32 { return math.MaxUint32 - jumpAt + ms }},
		"late":      {at: func(ms uint32) uint32 { return 0xffffff - jumpAt + ms }},
		"late-bare": {at: func(ms uint32) uint32 { return 5*hour + ms }, bare: true},
		"forward": {at: func(ms uint32) uint32 {
			if ms < jumpAt {
				return ms
			}
			return ms + hour
		}},
		"backward": {at: func(ms uint32) uint32 {
			if ms < jumpAt {
				return 2*hour + ms
			}
			return hour + ms
		}},
	}
	var slugs []string
	for slug, tt := range tests {
		slugs = append(slugs, slug)
		// Chunks so small that every frame has continuations.
		send(t, s.RTMPURL(s.channel(slug)), rtmptest.Options{ChunkSize: 512, BareContinuations: tt.bare}, clip, tt.at)
	}
	for _, slug := range slugs {
		s.plays(t, slug, "codec_name=h264", "codec_name=aac")
	}
	for slug, report := range s.watchAll(t, slugs, 22*time.Second) {
		var except []conform.Rule
		if slug == "forward" || slug == "backward" {
			// How much later the first frame after a jump is, its arrival tells, to a
			// few milliseconds.
			except = append(except, conform.RuleDecodeTime)
		}
		clean(t, report, except...)
		for _, r := range report.Renditions {
			require.Zero(t, r.Gaps, "%s %s", slug, r.Name)
			require.Zero(t, r.Discontinuities, "%s %s", slug, r.Name)
			require.Greater(t, r.Segments, 8, "%s %s", slug, r.Name)
		}
	}
	for _, slug := range slugs {
		s.plays(t, slug, "codec_name=h264", "width=320", "codec_name=aac")
	}
}
