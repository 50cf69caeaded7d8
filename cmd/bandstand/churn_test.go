package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
)

// metricsText returns all metrics.
func (s *server) metricsText() (string, error) {
	res, err := http.Get("http://" + s.address("metrics") + "/metrics") //nolint:noctx // bounded by the test's own time
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// metric returns the value of a metric without labels.
func (s *server) metric(name string) (float64, error) {
	text, err := s.metricsText()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// TestManyPublishersLeaveNothingBehind has publishers come and break off on several
// channels, with viewers waiting for more, and compares what the process holds.
func TestManyPublishersLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	const channels, rounds = 10, 4
	s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
		`BANDSTAND_TRANSCODE_RUNGS=[{"name":"90p","height":90,"bitrate":"100k"}]`,
		"BANDSTAND_INGEST_GRACE_PERIOD=500ms", "BANDSTAND_HLS_LINGER=500ms", "BANDSTAND_RTMP_CONNECT_RATE=100")
	clip := sized(t, "160x120", "30")
	var slugs, urls []string
	for i := range channels {
		slugs = append(slugs, fmt.Sprintf("channel-%d", i))
		urls = append(urls, s.RTMPURL(s.channel(slugs[i])))
	}

	round := func() {
		var publishers []*sender
		for _, url := range urls {
			publishers = append(publishers, send(t, url, rtmptest.Options{}, clip, nil))
		}
		for _, slug := range slugs { // this waits until there is something to play
			eventually(t, 30*time.Second, func() error { return s.status("/live/"+slug+"/source/index.m3u8", http.StatusOK) })
		}
		for _, p := range publishers {
			p.stop()
		}
		for _, slug := range slugs {
			eventually(t, 30*time.Second, func() error { return s.status("/live/"+slug+"/source/index.m3u8", http.StatusNotFound) })
		}
		s.client.CloseIdleConnections()
	}

	round() // what is made once is made now
	before := s.settled(t, nil)
	for range rounds {
		round()
	}
	s.settled(t, before)
}

// settled waits until no ffmpeg runs, and no more goroutines and files are in use
// than in most, which may be nil; it returns how many.
func (s *server) settled(t *testing.T, most map[string]float64) map[string]float64 {
	t.Helper()
	// Connections of metrics and requests come and go beside what is counted.
	const slack = 6
	held := map[string]float64{}
	var last map[string]float64
	eventually(t, 30*time.Second, func() error {
		if pid, err := s.encoder(); err == nil {
			return fmt.Errorf("ffmpeg runs as %d", pid)
		}
		last, held = held, map[string]float64{}
		for _, name := range []string{"go_goroutines", "process_open_fds"} {
			n, err := s.metric(name)
			if err != nil {
				return err
			}
			held[name] = n
			if most != nil && n > most[name]+slack {
				return fmt.Errorf("%s: got %v, want %v as before", name, n, most[name])
			}
			if last[name] != n {
				return fmt.Errorf("%s still changes: %v, then %v", name, last[name], n)
			}
		}
		return nil
	})
	require.NotEmpty(t, held)
	return held
}
