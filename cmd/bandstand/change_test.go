package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"
)

// TestPictureSizeChanges has a publisher begin with another picture size, on the
// same connection and on a new one: viewers see one discontinuity.
func TestPictureSizeChanges(t *testing.T) {
	t.Parallel()
	const rungs = `BANDSTAND_TRANSCODE_RUNGS=[{"name":"90p","height":90,"bitrate":"100k"}]`
	small, large := sized(t, "320x180", "16"), sized(t, "426x240", "40")
	changes := map[string]func(t *testing.T, url string) (change func()){
		"same connection": func(t *testing.T, url string) func() {
			// The new configuration comes with its first keyframe, as encoders send it.
			send(t, url, rtmptest.Options{}, slices.Concat(small, shifted(large, 16_000)), nil)
			return func() {}
		},
		"new connection": func(t *testing.T, url string) func() {
			first := send(t, url, rtmptest.Options{}, small, nil)
			return func() {
				<-first.done
				send(t, url, rtmptest.Options{}, large, nil)
			}
		},
	}
	for name, begin := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast", rungs)
			change := begin(t, s.RTMPURL(s.channel("demo")))
			s.plays(t, "demo", "height=180", "height=90")
			reports := make(chan *conform.Report, 1)
			go func() { reports <- s.watch(t, "demo", 26*time.Second) }()
			change()
			s.checkOneChange(t, <-reports)
		})
	}
}

// checkOneChange checks what viewers see of a change of the picture's size.
func (s *server) checkOneChange(t *testing.T, report *conform.Report) {
	t.Helper()
	require.Len(t, report.Renditions, 3)
	for _, r := range report.Renditions {
		require.Equal(t, 1, r.Discontinuities, r.Name)
		require.Greater(t, r.Segments, 8, r.Name)
	}
	for _, rendition := range []string{"source", "90p", "audio"} {
		list := s.ask(t, "GET", "/live/demo/"+rendition+"/index.m3u8").body
		before, after, found := strings.Cut(list, "\n#EXT-X-DISCONTINUITY\n")
		require.True(t, found, list)
		require.Contains(t, before, "#EXT-X-MAP:", rendition)
		next, _, _ := strings.Cut(after, ".m4s")
		require.Contains(t, next, "#EXT-X-MAP:", "%s: the first segment of an epoch has a map of its own", rendition)
		_, segments, _ := strings.Cut(after, "#EXTINF")
		require.Contains(t, segments, "#EXTINF", "%s goes on", rendition)
		require.NotContains(t, segments, "#EXT-X-GAP", "%s goes on", rendition)
	}
	s.plays(t, "demo", "height=240", "height=90")
	_, variants, err := s.get("/live/demo/index.m3u8")
	require.NoError(t, err)
	require.Contains(t, variants, "RESOLUTION=426x240")
	require.Contains(t, variants, "RESOLUTION=160x90")
}

// repeatedConfig returns tags with their video configuration sent again every so many
// milliseconds.
func repeatedConfig(tags []flv.Tag, every uint32) (out []flv.Tag) {
	var config flv.Tag
	next := every
	for _, tag := range tags {
		if tag.Type == flv.TypeVideo && len(tag.Body) > 1 && tag.Body[1] == 0 {
			config = tag
		}
		if tag.Type == flv.TypeVideo && tag.Time >= next {
			next += every
			again := config
			again.Time = tag.Time
			out = append(out, again)
		}
		out = append(out, tag)
	}
	return out
}

func TestRepeatedConfigurationChangesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	send(t, s.RTMPURL(s.channel("demo")), rtmptest.Options{}, repeatedConfig(sized(t, "320x180", "25"), 700), nil)
	report := s.watch(t, "demo", 8*time.Second)
	for _, r := range report.Renditions {
		require.Zero(t, r.Discontinuities, r.Name)
	}
}

// TestSourceChangesItsCodecs has publishers of one session follow each other with
// other codecs, and with a track more.
func TestSourceChangesItsCodecs(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"90p","height":90,"bitrate":"100k"}]`)
	url := s.RTMPURL(s.channel("demo"))
	hevc := flvtest.Enhanced(t, flvtest.Picture("40", "libx265", "-preset", "ultrafast",
		"-x265-params", "log-level=error:keyint=30:open-gop=0:bframes=0:pools=1:frame-threads=1")...)

	first := send(t, url, rtmptest.Options{}, soundOf(t, "30"), nil)
	s.plays(t, "demo", "codec_name=aac")
	first.stop()
	second := send(t, url, rtmptest.Options{}, sized(t, "320x180", "14"), nil)
	s.plays(t, "demo", "codec_name=h264", "height=180", "height=90", "codec_name=aac")

	reports := make(chan *conform.Report, 1)
	go func() { reports <- s.watch(t, "demo", 22*time.Second) }()
	<-second.done
	send(t, url, rtmptest.Options{}, merge(hevc, opusOf(t, "40")), nil)
	for _, r := range (<-reports).Renditions {
		require.GreaterOrEqual(t, r.Discontinuities, 1, r.Name)
		require.Greater(t, r.Segments, 5, r.Name)
	}
	s.plays(t, "demo", "codec_name=hevc", "codec_name=h264", "height=90", "codec_name=opus")
}
