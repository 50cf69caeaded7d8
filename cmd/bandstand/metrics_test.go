package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMetricsAreAsDocumented has what README.md tells operators to look at on the
// metrics' own listener, and nothing there that names a channel or a key.
func TestMetricsAreAsDocumented(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`)
	const slug = "a-name-like-no-other"
	key := s.channel(slug)
	camera(t, s.RTMPURL(key))
	s.plays(t, slug, "height=360", "height=180")
	require.Positive(t, s.view(slug).Viewers, "ffprobe has just been one")

	encoder, err := s.encoder()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(encoder, syscall.SIGKILL)) // so that it is counted
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	names := regexp.MustCompile("`(bandstand_[a-z_]+)`").FindAllSubmatch(readme, -1)
	require.NotEmpty(t, names)
	var text string
	eventually(t, 20*time.Second, func() error {
		if text, err = s.metricsText(); err != nil {
			return err
		}
		for _, name := range names {
			if !strings.Contains(text, "\n# TYPE "+string(name[1])+" ") {
				return fmt.Errorf("README.md names %s, which is not there", name[1])
			}
		}
		return nil
	})
	require.NotContains(t, text, slug)
	require.NotContains(t, text, key)
	for name, least := range map[string]float64{
		"bandstand_live_sessions": 1, "bandstand_hls_streams": 1, "bandstand_hls_viewers": 1,
		"bandstand_ladder_processes": 1, "bandstand_live_received_bytes_total": 10_000,
	} {
		eventually(t, 10*time.Second, func() error {
			if got, err := s.metric(name); err != nil || got < least {
				return fmt.Errorf("%s: got %v (%w), want at least %v", name, got, err, least)
			}
			return nil
		})
	}
	code, _, err := s.get("/metrics")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, code, "they are not for the public")
	require.NotContains(t, s.Log(), key)
}
