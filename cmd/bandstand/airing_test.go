package main

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// broadcastView is what the API says of a broadcast.
type broadcastView struct {
	ID           string     `json:"id"`
	State        string     `json:"state"`
	Title        string     `json:"title"`
	PublishedAt  *time.Time `json:"published_at"`
	PeakViewers  int        `json:"peak_viewers"`
	TotalViewers int        `json:"total_viewers"`
	DurationMS   int        `json:"duration_ms"`
}

// airing is one session of a broadcast.
type airing struct {
	ID     string `json:"id"`
	Ingest struct {
		Codecs      string `json:"codecs"`
		Width       int    `json:"width"`
		Bytes       int64  `json:"bytes"`
		VideoFrames int    `json:"video_frames"`
	} `json:"ingest"`
}

// airings returns the sessions of a broadcast, newest first.
func (s *server) airings(t *testing.T, broadcast string) []airing {
	t.Helper()
	var list struct{ Items []airing }
	s.does(t, s.token, "GET", "/api/v1/broadcasts/"+broadcast+"/sessions", nil, &list)
	return list.Items
}

// is waits until the owner finds a broadcast in a state.
func (s *server) is(t *testing.T, broadcast, state string, within time.Duration) (b broadcastView) {
	t.Helper()
	eventually(t, within, func() error {
		s.does(t, s.token, "GET", "/api/v1/broadcasts/"+broadcast, nil, &b)
		if b.State != state {
			return fmt.Errorf("want the broadcast %s: %+v", state, b)
		}
		return nil
	})
	return b
}

// TestBroadcastOutlivesItsServer follows a scheduled broadcast from its beginning, by
// way of a killed server, to its publication, and a webhook that is told of it.
func TestBroadcastOutlivesItsServer(t *testing.T) {
	t.Parallel()
	settings := []string{
		"BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_INGEST_GRACE_PERIOD=1s", "BANDSTAND_BROADCASTS_RESUME=25s",
		`BANDSTAND_WEBHOOKS_ALLOW_NETWORKS=["127.0.0.0/8"]`,
	}
	s := startServer(t, settings...)
	key := s.channel("demo")
	to := newReceiver(t)
	var hook struct{ Secret string }
	s.does(t, s.token, "POST", "/api/v1/channels/demo/webhooks",
		map[string]any{"url": to.URL, "events": []string{"broadcast.live", "broadcast.ended"}}, &hook)
	var planned broadcastView
	s.does(t, s.token, "POST", "/api/v1/channels/demo/broadcasts", map[string]any{
		"title": "Evening session", "planned_start": time.Now().Add(10 * time.Minute), "planned_end": time.Now().Add(time.Hour),
	}, &planned)
	require.Equal(t, "scheduled", planned.State)

	camera(t, s.RTMPURL(key))
	s.is(t, planned.ID, "live", 30*time.Second)
	s.plays(t, "demo", "codec_name=h264") // a viewer
	var before broadcastView
	var sessions []airing
	eventually(t, 20*time.Second, func() error {
		before, sessions = s.is(t, planned.ID, "live", 0), s.airings(t, planned.ID)
		if len(sessions) != 1 || sessions[0].Ingest.Bytes < 50_000 || sessions[0].Ingest.Codecs == "" || before.PeakViewers == 0 || before.TotalViewers == 0 {
			return fmt.Errorf("%+v %+v", before, sessions)
		}
		return nil
	})
	require.Equal(t, 640, sessions[0].Ingest.Width)
	require.Positive(t, sessions[0].Ingest.VideoFrames)
	missed := to.missed(t)

	s.signal(syscall.SIGKILL)
	<-s.done
	to.repair(hook.Secret)
	token := s.token
	s = startServerIn(t, s.dir, settings...)
	s.token = token
	second := camera(t, s.RTMPURL(key))
	var after broadcastView
	eventually(t, 30*time.Second, func() error {
		after, sessions = s.is(t, planned.ID, "live", 0), s.airings(t, planned.ID)
		if len(sessions) != 2 || sessions[0].Ingest.Bytes == 0 || after.DurationMS <= before.DurationMS {
			return fmt.Errorf("%+v %+v", after, sessions)
		}
		return nil
	})
	require.GreaterOrEqual(t, after.PeakViewers, before.PeakViewers)
	require.GreaterOrEqual(t, after.TotalViewers, before.TotalViewers)
	require.GreaterOrEqual(t, sessions[1].Ingest.Bytes, int64(50_000))
	live := to.got(t, "broadcast.live")
	require.Equal(t, missed, live.id, "the message that did not come through")
	require.Equal(t, planned.ID, live.data.ID)

	second.kill()
	s.is(t, planned.ID, "ended", time.Minute)
	require.Equal(t, planned.ID, to.got(t, "broadcast.ended").data.ID)
	var all struct{ Items []broadcastView }
	s.does(t, s.token, "GET", "/api/v1/channels/demo/broadcasts", nil, &all)
	require.Len(t, all.Items, 1, "one broadcast, whatever happened to the server")
	path := "/api/v1/broadcasts/" + planned.ID
	require.Equal(t, http.StatusNotFound, s.as(t, "", "GET", path, nil, nil).code, "nobody asked for it to be shown")
	s.does(t, s.token, "POST", path+"/publish", nil, nil)
	var shown broadcastView
	s.does(t, "", "GET", path, nil, &shown)
	require.NotNil(t, shown.PublishedAt)
	require.Equal(t, "Evening session", shown.Title)
	require.GreaterOrEqual(t, shown.DurationMS, after.DurationMS)
}
