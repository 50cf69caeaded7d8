package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser watches a page in headless Chromium by the web client's own check, and
// returns what it saw.
func browser(t *testing.T, url string, args ...string) map[string]any {
	t.Helper()
	for _, need := range []string{"../../web/node_modules/playwright-core", "../../web/dist/index.html", "/usr/bin/chromium"} {
		if _, err := os.Stat(need); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"e2e/watch.mjs", "--url", url}, args...)...)
	cmd.Dir = "../../web"
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 10 * time.Second
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
}
