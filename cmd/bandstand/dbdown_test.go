package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/storage/db/dbtest"
)

// TestDatabaseIsGoneForAWhile cuts a server off its database, and then has the
// database hang: what is in memory is still told, and the stream goes on; whoever
// comes is refused until it is back.
func TestDatabaseIsGoneForAWhile(t *testing.T) {
	t.Parallel()
	database, line := dbtest.Postgres(t)
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_DB_URL="+database)
	key, next := s.channel("demo"), s.channel("next")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	eventually(t, 10*time.Second, func() error { return s.liveIs("demo", true) })
	broadcast := s.onlyBroadcast(t)
	reads := []string{"/api/v1/channels/demo", "/api/v1/live", "/api/v1/instance"}
	reports := make(chan *conform.Report, 1)
	go func() { reports <- s.watch(t, "demo", 25*time.Second) }()

	for _, name := range []string{"cut", "hanging"} {
		before := s.bytesOf(t, broadcast)
		for _, path := range reads { // by somebody, so that they are in memory
			require.NoError(t, s.status(path, http.StatusOK))
		}
		if name == "cut" {
			line.Cut()
		} else {
			line.Hang()
		}
		eventually(t, 30*time.Second, func() error { return s.status("/readyz", http.StatusServiceUnavailable) })
		for _, path := range reads {
			got := s.as(t, "", "GET", path, nil, nil)
			require.Equal(t, http.StatusOK, got.code, "%s: %s: %s", name, path, got.body)
			if path == "/api/v1/live" {
				require.Contains(t, got.body, `"slug":"demo"`, name)
			}
		}
		got := s.as(t, s.token, "PATCH", "/api/v1/channels/demo", map[string]string{"title": name}, nil)
		require.Equal(t, http.StatusServiceUnavailable, got.code, "%s: %s", name, got.body)
		require.NotEmpty(t, got.header.Get("Retry-After"), name)
		require.NoError(t, s.status("/live/demo/index.m3u8", http.StatusOK), name)
		require.NoError(t, s.status("/healthz", http.StatusOK), "restarting the server would not help")
		var refused *rtmptest.StatusError
		_, err := rtmptest.Publish(s.RTMPURL(next), rtmptest.Options{Timeout: 30 * time.Second})
		require.ErrorAs(t, err, &refused, name)
		require.Contains(t, refused.Text, "could not check", name)

		line.Restore()
		eventually(t, 30*time.Second, func() error { return s.status("/readyz", http.StatusOK) })
		eventually(t, 30*time.Second, func() error {
			got := s.as(t, s.token, "PATCH", "/api/v1/channels/demo", map[string]string{"title": name}, nil)
			if got.code != http.StatusOK {
				return fmt.Errorf("%s: %d %s", name, got.code, got.body)
			}
			return nil
		})
		eventually(t, 30*time.Second, func() error {
			if got := s.bytesOf(t, broadcast); got <= before {
				return fmt.Errorf("%s: %d bytes are noted, after %d", name, got, before)
			}
			return nil
		})
		eventually(t, 30*time.Second, func() error {
			c, err := rtmptest.Publish(s.RTMPURL(next), rtmptest.Options{})
			if err != nil {
				return err
			}
			return c.Close()
		})
	}
	require.NoError(t, s.liveIs("demo", true))
	require.Equal(t, broadcast, s.onlyBroadcast(t))
	require.Len(t, s.airings(t, broadcast), 1)
	for _, r := range (<-reports).Renditions {
		require.Zero(t, r.Gaps, r.Name)
		require.Zero(t, r.Discontinuities, r.Name)
	}
}

// onlyBroadcast waits for the broadcast of the channel demo that is on air, and
// returns its id.
func (s *server) onlyBroadcast(t *testing.T) string {
	t.Helper()
	var list struct{ Items []broadcastView }
	eventually(t, 20*time.Second, func() error {
		s.does(t, s.token, "GET", "/api/v1/channels/demo/broadcasts", nil, &list)
		if len(list.Items) != 1 || list.Items[0].State != "live" {
			return fmt.Errorf("got %+v", list.Items)
		}
		return nil
	})
	return list.Items[0].ID
}

// bytesOf returns how much of a broadcast's session is written down.
func (s *server) bytesOf(t *testing.T, broadcast string) int64 {
	t.Helper()
	sessions := s.airings(t, broadcast)
	require.NotEmpty(t, sessions)
	return sessions[0].Ingest.Bytes
}
