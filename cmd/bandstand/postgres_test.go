package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/storage/db/dbtest"
)

// TestPublishAndPlayOnEveryDatabase goes the whole way on each database, over a
// restart too.
func TestPublishAndPlayOnEveryDatabase(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_DB_URL="+url)
		key := s.channel("demo")
		s.stop()
		s = startServerIn(t, s.dir, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_DB_URL="+url)
		clip := sized(t, "320x180", "20")
		send(t, s.RTMPURL(key), rtmptest.Options{}, clip, nil)
		s.plays(t, "demo", "codec_name=h264", "codec_name=aac")
		eventually(t, 10*time.Second, func() error { return s.liveIs("demo", true) })
		require.NotContains(t, s.Log(), key)
	})
}
