package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// webScript returns a command that runs one of the web client's own checks. Without
// their libraries the test is skipped, except in CI.
func webScript(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	need(t, "../../web/node_modules/playwright-core", "../../web/node_modules/hls-parser")
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = "../../web"
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// needBrowser is for tests that open pages of the client.
func needBrowser(t *testing.T) {
	t.Helper()
	need(t, "../../web/dist/index.html", "/usr/bin/chromium")
}

func need(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// browser watches a page in headless Chromium by the web client's own check, and
// returns what it saw.
func browser(t *testing.T, url string, args ...string) map[string]any {
	t.Helper()
	needBrowser(t)
	cmd := webScript(t.Context(), t, append([]string{"e2e/watch.mjs", "--url", url}, args...)...)
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var seen map[string]any
	require.NoError(t, json.Unmarshal(out, &seen), "%s", out)
	t.Logf("seen: %s", out)
	return seen
}

func TestBrowserPlaysThroughQualitySwitches(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`)
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=180")
	seen := browser(t, s.URL("/c/demo"), "--seconds", "20", "--switches", "2", "--start", "60")
	require.Equal(t, true, seen["ok"])
	var kept struct {
		Total int `json:"total_viewers"`
	}
	s.does(t, s.token, "GET", "/api/v1/broadcasts/"+s.onlyBroadcast(t)+"/audience", nil, &kept)
	require.Equal(t, 2, kept.Total, "ffprobe and the browser, each once, whatever they play")
}
