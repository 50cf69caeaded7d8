package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
)

// channelView is what the API says of a channel.
type channelView struct {
	Live         bool   `json:"live"`
	Viewers      int    `json:"viewers"`
	HLSURL       string `json:"hls_url"`
	ThumbnailURL string `json:"thumbnail_url"`
	Renditions   []struct {
		Name   string `json:"name"`
		Height int    `json:"height"`
		Codecs string `json:"codecs"`
	} `json:"renditions"`
}

func (s *server) view(slug string) channelView {
	s.t.Helper()
	var v channelView
	require.Equal(s.t, http.StatusOK, s.call("GET", "/api/v1/channels/"+slug, nil, &v))
	return v
}

// plays waits until ffprobe, as any player, finds want in a channel's stream.
func (s *server) plays(t *testing.T, slug string, want ...string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		found, err := probe(t, s.HLSURL(slug))
		if err != nil {
			return fmt.Errorf("%w: %s", err, found)
		}
		for _, w := range want {
			if !strings.Contains(found, w) {
				return fmt.Errorf("no %s in %s", w, found)
			}
		}
		return nil
	})
}

// watch follows a channel for a while and returns the report; whatever breaks the
// rules of HLS fails the test.
func (s *server) watch(t *testing.T, slug string, d time.Duration) *conform.Report {
	t.Helper()
	report, err := conform.Watch(t.Context(), conform.Config{
		URL: s.HLSURL(slug), Duration: d, StartWithin: 30 * time.Second, FetchMedia: true,
	})
	require.NoError(t, err)
	for _, v := range report.Violations {
		t.Errorf("%v", v)
	}
	require.Zero(t, report.Dropped)
	return report
}

func TestPublishedStreamPlays(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	key := s.channel("demo")
	require.False(t, s.view("demo").Live)
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264", "width=640", "height=360", "codec_name=aac", "sample_rate=48000")

	eventually(t, 20*time.Second, func() error {
		v := s.view("demo")
		if !v.Live || len(v.Renditions) == 0 || v.ThumbnailURL == "" {
			return fmt.Errorf("the API says %+v", v)
		}
		return s.status(v.ThumbnailURL, http.StatusOK)
	})
	require.NoError(t, s.status("/hls-live/demo.m3u8", http.StatusOK))
	var list struct {
		Items []struct{ Slug string }
	}
	require.Equal(t, http.StatusOK, s.call("GET", "/api/v1/channels?live=true", nil, &list))
	require.Len(t, list.Items, 1)
	require.NotContains(t, s.Log(), key, "a stream key must not be logged")
}

func TestLadderMakesRungsBelowTheSource(t *testing.T) {
	t.Parallel()
	s := startServer(t, `BANDSTAND_TRANSCODE_RUNGS=[{"name":"720p","height":720,"bitrate":"1M"},`+
		`{"name":"240p","height":240,"bitrate":"300k"},{"name":"144p","height":144,"bitrate":"150k"}]`,
		"BANDSTAND_TRANSCODE_PRESET=ultrafast")
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=240", "height=144")
	report := s.watch(t, "demo", 20*time.Second)
	require.Len(t, report.Renditions, 4) // source, two rungs and audio: nothing is scaled up
	for _, r := range report.Renditions {
		require.Zero(t, r.Gaps, r.Name)
		require.Greater(t, r.Segments, 5, r.Name)
	}
}

// TestLiveStreamKeepsTheRules watches for a minute: long enough for segments to leave
// the window and for clocks to drift apart.
func TestLiveStreamKeepsTheRules(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`)
	key := s.channel("demo")
	publish(t, join(picture("640x360", "30"), tone(), h264("60"), aac(), to(s.RTMPURL(key)))...)
	report := s.watch(t, "demo", time.Minute)
	require.True(t, report.LowLatency)
	for _, r := range report.Renditions {
		require.InDelta(t, time.Minute, r.Duration, float64(20*time.Second), r.Name)
	}
}

func TestWrongKeyIsRefusedReadably(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.channel("demo")
	p := camera(t, s.RTMPURL("live_wrong"))
	p.wait(20 * time.Second)
	require.Contains(t, p.Said(), "stream key")
	require.False(t, s.view("demo").Live)
	require.NotContains(t, s.Log(), "live_wrong")
}

func TestAnyAppNameAndKeyInTheQuery(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	camera(t, "rtmp://"+s.address("rtmp")+"/streaming/whatever?key="+key)
	s.plays(t, "demo", "codec_name=h264")
}

func TestSecondPublisherIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	second := camera(t, s.RTMPURL(key))
	second.wait(20 * time.Second)
	require.Contains(t, second.Said(), "on air")
	select {
	case <-first.done:
		t.Fatal("the first publisher was sent away")
	default:
	}
}

func TestSilentPublisherYields(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP))
	eventually(t, 30*time.Second, func() error {
		second := camera(t, s.RTMPURL(key))
		select {
		case <-second.done:
			return errors.New("refused")
		case <-time.After(2 * time.Second):
			return nil
		}
	})
}

func TestRevokedKeyEndsItsSession(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	s.channel("demo")
	var made struct {
		ID        string `json:"id"`
		StreamKey string `json:"stream_key"`
	}
	require.Equal(t, http.StatusCreated, s.call("POST", "/api/v1/channels/demo/keys", map[string]string{"label": "studio"}, &made))
	p := camera(t, s.RTMPURL(made.StreamKey))
	s.plays(t, "demo", "codec_name=h264")
	require.Equal(t, http.StatusNoContent, s.call("DELETE", "/api/v1/channels/demo/keys/"+made.ID, nil, nil))
	p.wait(20 * time.Second)
	eventually(t, 10*time.Second, func() error {
		if s.view("demo").Live {
			return errors.New("still live")
		}
		return nil
	})
	again := camera(t, s.RTMPURL(made.StreamKey))
	again.wait(20 * time.Second)
	require.Contains(t, again.Said(), "stream key")
}

func TestReconnectedPublisherGoesOnInTheSamePlaylists(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`)
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "height=360", "height=180")

	reports := make(chan *conform.Report, 1)
	go func() { reports <- s.watch(t, "demo", 25*time.Second) }()
	time.Sleep(5 * time.Second) // what is being watched, not a wait for a condition
	first.kill()
	time.Sleep(3 * time.Second)
	camera(t, s.RTMPURL(key))
	report := <-reports
	require.False(t, report.Ended)
	for _, r := range report.Renditions {
		require.Equal(t, 1, r.Discontinuities, r.Name)
		require.Greater(t, r.Segments, 8, r.Name)
	}
}

func TestSignalEndsThePlaylistsAndTheProgram(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	_, list, err := s.get("/live/demo/source/index.m3u8")
	require.NoError(t, err)
	var msn int
	for line := range strings.Lines(list) {
		if n, err := fmt.Sscanf(line, "#EXT-X-MEDIA-SEQUENCE:%d", &msn); err == nil && n == 1 {
			break
		}
	}
	waiting := make(chan string, 1)
	go func() {
		next := msn + strings.Count(list, "#EXTINF")
		_, body, err := s.get(fmt.Sprintf("/live/demo/source/index.m3u8?_HLS_msn=%d", next+1))
		waiting <- fmt.Sprintf("%v %s", err, body)
	}()
	time.Sleep(200 * time.Millisecond) // so that the request is there to be ended
	s.signal(syscall.SIGTERM)
	require.Contains(t, <-waiting, "#EXT-X-ENDLIST")
	<-s.done
	require.Equal(t, 0, s.cmd.ProcessState.ExitCode(), s.Log())
}

func TestIngestAloneAsksTheAPI(t *testing.T) {
	t.Parallel()
	api := startServer(t, "BANDSTAND_ROLES=api")
	key := api.channel("demo")
	var token strings.Builder
	require.NoError(t, run(t.Context(), []string{"token", "ingest-1"}, api.env, nil, &token, &token))
	s := startServer(t, "BANDSTAND_ROLES=ingest", "BANDSTAND_SECRET=", "BANDSTAND_TRANSCODE_ENABLED=false",
		"BANDSTAND_INGEST_API_URL="+api.URL(""),
		"BANDSTAND_INGEST_SERVICE_TOKEN="+strings.TrimSpace(token.String()))
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	eventually(t, 10*time.Second, func() error {
		v := api.view("demo")
		if !v.Live || v.HLSURL != s.HLSURL("demo") {
			return fmt.Errorf("the API says %+v", v)
		}
		return nil
	})
	refused := camera(t, s.RTMPURL("live_wrong"))
	refused.wait(20 * time.Second)
	require.Contains(t, refused.Said(), "stream key")

	var keys struct {
		Items []struct{ ID string }
	}
	require.Equal(t, http.StatusOK, api.call("GET", "/api/v1/channels/demo/keys", nil, &keys))
	require.Equal(t, http.StatusNoContent, api.call("DELETE", "/api/v1/channels/demo/keys/"+keys.Items[0].ID, nil, nil))
	eventually(t, 10*time.Second, func() error {
		if api.view("demo").Live {
			return errors.New("still live")
		}
		return nil
	})

	api.stop() // fail closed
	closed := camera(t, s.RTMPURL(key))
	closed.wait(20 * time.Second)
	require.Contains(t, closed.Said(), "stream key")
}

func TestBadRequestsGetClearAnswers(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	for path, want := range map[string]int{
		"/live/nobody/index.m3u8":                      404,
		"/live/demo/4k/index.m3u8":                     404,
		"/live/demo/../../etc/passwd":                  404,
		"/live/demo/source/%2e%2e/%2e%2e/secret":       404,
		"/live/demo/source/index.m3u8?_HLS_msn=999999": 400,
		"/live/demo/source/index.m3u8?_HLS_msn=x":      400,
		"/live/demo/source/index.m3u8?_HLS_part=1":     400,
		"/live/demo/source/nonsense-p1.m4s":            404,
		"/api/v1/nothing":                              404,
		"/api/v1/channels/nobody":                      404,
		"/api/v1/channels?cursor=garbage":              400,
		"/nothing":                                     404,
	} {
		code, body, err := s.get(path)
		require.NoError(t, err)
		require.Equal(t, want, code, "%s: %s", path, body)
	}
	code, body, err := s.get("/api/v1/channels/nobody")
	require.NoError(t, err)
	var problem struct{ Status int }
	require.NoError(t, json.Unmarshal([]byte(body), &problem), body)
	require.Equal(t, code, problem.Status)
}
