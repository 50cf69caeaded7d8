package party_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/party"
	"bandstand/storage/db/dbtest"
)

// How far apart players may be, and the networks that they are behind.
const apartMS = 50

var (
	near = network{20 * time.Millisecond, 10 * time.Millisecond}
	far  = network{150 * time.Millisecond, 60 * time.Millisecond}
)

// syncPace names the environment variable that stretches the time between changes, for
// measuring; syncLive the one that has a live stream measured, too.
const (
	syncPace = "BANDSTAND_TEST_SYNC_PACE"
	syncLive = "BANDSTAND_TEST_SYNC_LIVE"
)

// measured is what the pages together have seen.
type measured struct {
	P50MS, P95MS, MaxMS float64
	Count               int
	Seconds             float64
	Stalls              int // of pages that had no time to do anything, on a busy machine
	Unsettled           struct{ P50MS, P95MS, MaxMS float64 }
	Frames              []struct{ Seen, Wrong int }
	Errors              []string
}

// plan is what e2e/party.mjs does.
type plan struct {
	Guests []planGuest `json:"guests"`
	Party  string      `json:"party"`
	Source string      `json:"source"`
	FPS    int         `json:"fps"`
	Pace   float64     `json:"pace"`
	Live   bool        `json:"live"`
}

type planGuest struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// needBrowser skips a test that opens pages where that cannot be, except in CI.
func needBrowser(t *testing.T) {
	t.Helper()
	for _, file := range []string{"../../web/node_modules/playwright-core", "/usr/bin/chromium"} {
		if _, err := os.Stat(file); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// node runs a check of the web client, and returns what it prints.
func node(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = "../../web"
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	return out
}

// cinema is a world that serves a page for watching, and what there is to watch.
func cinema(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t, dbtest.SQLite(t), 1)
	sockets, err := w.nodes[0].Node.Handler()
	require.NoError(t, err)
	dir := t.TempDir()
	node(t, "e2e/party.mjs", "--build", dir)
	w.Server = apitest.New(t, w.DB, []api.Feature{func(to huma.API) { party.Register(to, w.parties[0]) }}, func(c *api.Config) {
		c.Sockets, c.Web = sockets, http.FileServer(http.Dir(dir))
		c.Logger = slog.New(slog.DiscardHandler)
	})
	return w, dir
}

// measure has guests watch, and says how far apart they were.
func (w *world) measure(t *testing.T, p plan) measured {
	t.Helper()
	p.Pace = 1
	if pace := os.Getenv(syncPace); pace != "" {
		var err error
		p.Pace, err = strconv.ParseFloat(pace, 64)
		require.NoError(t, err)
	}
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	out := node(t, "e2e/party.mjs", "--plan", string(raw))
	if file := os.Getenv("PARTY_NOTES"); file != "" {
		require.NoError(t, os.WriteFile(file, out, 0o600))
	}
	var m measured
	require.NoError(t, json.Unmarshal(out, &m), "%s", out)
	t.Logf("apart: p50 %.1f ms, p95 %.1f ms, max %.1f ms over %.1f s; with changes p95 %.1f ms; %d stalls; frames %v",
		m.P50MS, m.P95MS, m.MaxMS, m.Seconds, m.Unsettled.P95MS, m.Stalls, m.Frames)
	require.Empty(t, m.Errors)
	return m
}

// guests makes people who are in a party, each behind a network of their own.
func (w *world) guests(t *testing.T, body string, networks ...network) (guests []planGuest, id string) {
	t.Helper()
	server := strings.TrimPrefix(w.URL, "http://")
	var people []apitest.Person
	for i, n := range networks {
		p := w.Person(fmt.Sprint("viewer", i), auth.RoleUser)
		people = append(people, p)
		guests = append(guests, planGuest{URL: "http://" + n.over(t, server) + "/", Token: p.Token})
	}
	channel := w.Channel(people[0], "stage")
	_, id = w.party(strings.Replace(body, "FILM", w.film(channel), 1), people[0], people[1:]...)
	return guests, id
}

// TestPlayersKeepTogether has three real players watch together over networks with
// delays, through play, pause, seek, rate and coming late.
func TestPlayersKeepTogether(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	w, dir := cinema(t)
	film(t, filepath.Join(dir, "film.mp4"), 100)
	guests, id := w.guests(t, `{"item":{"kind":"broadcast","broadcast":"FILM"}}`, near, far, far)
	m := w.measure(t, plan{Guests: guests, Party: id, Source: "/film.mp4", FPS: filmFPS})
	require.Greater(t, m.Count, 100)
	for _, f := range m.Frames {
		require.Positive(t, f.Seen)
		require.LessOrEqual(t, f.Wrong, f.Seen/50+1, "what a player says that it shows is what it shows")
	}
	require.LessOrEqual(t, m.P95MS, float64(apartMS))
}

// TestPlayersKeepTogetherLive is the same with a live stream, whose positions are dates.
func TestPlayersKeepTogetherLive(t *testing.T) {
	t.Parallel()
	if os.Getenv(syncLive) == "" {
		t.Skipf("%s is not set", syncLive)
	}
	needBrowser(t)
	w, dir := cinema(t)
	broadcast(t, dir)
	guests, id := w.guests(t, `{"item":{"kind":"channel","channel":"stage"},"live_delay_ms":5000}`, near, far)
	m := w.measure(t, plan{Guests: guests, Party: id, Source: "/live.m3u8", FPS: filmFPS, Live: true})
	require.Greater(t, m.Count, 100)
	require.LessOrEqual(t, m.P95MS, float64(apartMS))
}

const filmFPS = 25

// picture is what ffmpeg shows: the number of the frame in black and white squares, the
// lowest digit first.
func picture() string {
	filter := "color=black:size=160x90:rate=" + strconv.Itoa(filmFPS)
	for digit := range 12 {
		filter += fmt.Sprintf(",drawbox=x=%d:y=0:w=12:h=12:color=white:t=fill:enable='mod(floor(n/%d),2)'", digit*12, 1<<digit)
	}
	return filter
}

var encoding = []string{
	"-c:v", "libx264", "-preset", "ultrafast", "-g", strconv.Itoa(filmFPS), "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "48k",
}

// film makes a film of some seconds.
func film(t *testing.T, path string, seconds int) {
	t.Helper()
	args := append([]string{
		"-hide_banner", "-nostdin", "-loglevel", "error", "-t", strconv.Itoa(seconds), "-f", "lavfi", "-i", picture(),
		"-t", strconv.Itoa(seconds), "-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000",
	}, encoding...)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-movflags", "+faststart", path)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// broadcast makes a live stream with dates, until the test ends.
func broadcast(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	args := append([]string{
		"-hide_banner", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", picture(),
		"-re", "-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000",
	}, encoding...)
	cmd := exec.CommandContext(ctx, "ffmpeg", append(args, "-f", "hls", "-hls_time", "1", "-hls_list_size", "30",
		"-hls_flags", "program_date_time+temp_file", filepath.Join(dir, "live.m3u8"))...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to stop
	})
	require.Eventually(t, func() bool {
		list, err := os.ReadFile(filepath.Join(dir, "live.m3u8"))
		return err == nil && strings.Count(string(list), "#EXTINF") >= 6
	}, time.Minute, 100*time.Millisecond)
}
