package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/realtime/realtimetest"
)

// aViewer finds the token that a player gets.
var aViewer = regexp.MustCompile(`\?v=([\w-]{32})`)

// player asks for a media playlist of a node again and again, as a browser does, until
// it is stopped. It returns the token that it has.
func (s *server) player(t *testing.T, agent, token string) (viewer string, stop func()) {
	t.Helper()
	get := func(ctx context.Context, path string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL(path), nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("User-Agent", agent)
		res, err := s.client.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	list, err := get(t.Context(), "/live/demo/index.m3u8")
	require.NoError(t, err)
	found := aViewer.FindStringSubmatch(list)
	require.NotNil(t, found, list)
	if token == "" {
		token = found[1]
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			_, _ = get(ctx, sourcePlaylist+"?v="+token) // when told to stop
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return token, stop
}

// TestAudienceIsOneNumber has players on an ingest node and sockets on that of the API:
// whoever watches counts once, and everybody says the same number.
func TestAudienceIsOneNumber(t *testing.T) {
	t.Parallel()
	api := startServer(t, "BANDSTAND_ROLES=api")
	admin := api.staff(t, "boss", "admin")
	key := api.channel("demo")
	token, err := api.runs(t, "", "token", "ingest-1")
	require.NoError(t, err)
	node := startServer(t, "BANDSTAND_ROLES=ingest", "BANDSTAND_TRANSCODE_ENABLED=false",
		"BANDSTAND_INGEST_API_URL="+api.URL(""), "BANDSTAND_INGEST_SERVICE_TOKEN="+strings.TrimSpace(token))
	camera(t, node.RTMPURL(key))
	node.plays(t, "demo", "codec_name=h264")
	_, err = probe(t, node.HLSURL("demo"))
	require.NoError(t, err)
	publish(t, "-i", node.HLSURL("demo"), "-f", "null", "-") // plays, after it has been looked at twice

	viewer, pause := node.player(t, "browser", "")
	_, leave := node.player(t, "browser", "")
	node.player(t, "another browser", strings.Repeat("x", 32)) // as if it were a token
	const all = 4
	socket := realtimetest.Connect(t, api.URL(""), "")
	socket.Subscribe("live:demo", map[string]string{"viewer": viewer})
	popout := realtimetest.Connect(t, api.URL(""), "")
	popout.Subscribe("live:demo", nil)

	viewers := func(want int, within time.Duration) {
		t.Helper()
		eventually(t, within, func() error {
			if got := api.view("demo").Viewers; got != want {
				return fmt.Errorf("%d watch, want %d", got, want)
			}
			return nil
		})
	}
	viewers(all, 20*time.Second)
	var live struct{ Items []channelView }
	api.does(t, "", "GET", "/api/v1/live", nil, &live)
	require.Equal(t, all, live.Items[0].Viewers)
	var sessions struct {
		Items []struct{ Viewers int }
	}
	api.does(t, admin, "GET", "/api/v1/admin/sessions", nil, &sessions)
	require.Equal(t, all, sessions.Items[0].Viewers)
	var said struct{ Viewers int }
	for said.Viewers != all {
		require.NoError(t, json.Unmarshal(socket.Next("live:demo", "live.viewers").Data, &said))
	}
	eventually(t, 5*time.Second, func() error {
		got, err := api.metric("bandstand_audience_viewers")
		if err != nil || got != all {
			return fmt.Errorf("the metric says %v, %w", got, err)
		}
		return nil
	})

	pause() // and its socket stays
	leave()
	viewers(all-1, 30*time.Second)
	socket.Cut()
	viewers(all-2, 30*time.Second)

	broadcast := api.onlyBroadcast(t)
	var kept struct {
		Viewers int
		Peak    int `json:"peak_viewers"`
		Total   int `json:"total_viewers"`
	}
	eventually(t, 10*time.Second, func() error {
		api.does(t, api.token, "GET", "/api/v1/broadcasts/"+broadcast+"/audience", nil, &kept)
		if kept.Viewers != all-2 || kept.Peak != all || kept.Total != all {
			return fmt.Errorf("the broadcast has %+v", kept)
		}
		return nil
	})
}
