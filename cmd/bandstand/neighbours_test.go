package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
)

// TestHostileNeighboursDisturbNobody has a channel on air and watched while others
// do to the server whatever they can; then all that they held is free again.
func TestHostileNeighboursDisturbNobody(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_RTMP_SETUP_TIMEOUT=3s",
		"BANDSTAND_RTMP_MAX_PER_ADDRESS=200", "BANDSTAND_RTMP_CONNECT_RATE=100000")
	send(t, s.RTMPURL(s.channel("demo")), rtmptest.Options{}, sized(t, "320x180", "60"), nil)
	s.plays(t, "demo", "codec_name=h264")
	before := s.settled(t, nil)
	reports := make(chan *conform.Report, 1)
	go func() { reports <- s.watch(t, "demo", 16*time.Second) }()

	var conns []net.Conn
	open := func(service string) net.Conn {
		c, err := net.Dial("tcp", s.address(service))
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
		return c
	}
	for range 1000 { // silent; those over the limit are hung up on
		open("rtmp")
	}
	random := rand.New(rand.NewPCG(1, 2))
	garbage := make([]byte, 16<<10)
	for range 100 {
		for i := range garbage {
			garbage[i] = byte(random.Uint32())
		}
		open("rtmp").Write(garbage) //nolint:errcheck // it may have been hung up on
	}
	for range 100 { // viewers who ask for everything and read nothing
		c := open("http")
		w := bufio.NewWriter(c)
		for _, path := range append(s.mediaIn(t, sourcePlaylist), sourcePlaylist) {
			fmt.Fprintf(w, "GET %s HTTP/1.1\r\nHost: bandstand\r\n\r\n", path)
		}
		c.SetWriteDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // of a TCP connection
		w.Flush()                                           //nolint:errcheck // the server need not read on
	}
	for i := range 200 { // who wait for parts that are far away, and leave
		c := open("http")
		fmt.Fprintf(c, "GET %s?_HLS_msn=%d&_HLS_part=%d HTTP/1.1\r\nHost: bandstand\r\n\r\n", sourcePlaylist, i, i)
		if i%2 == 0 {
			c.Close()
		}
	}
	for range 50 {
		c := open("http")
		fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: bandstand\r\nX-Long: ", strings.Repeat("a", 1000)) // and never ends
	}

	report := <-reports
	for _, r := range report.Renditions {
		require.Zero(t, r.Gaps, r.Name)
	}
	for _, c := range conns {
		c.Close()
	}
	s.settled(t, before)
	require.NotContains(t, s.Log(), "panic")
	// What Go took from the system at most; the race detector's own memory is not in it.
	taken, err := s.metric("go_memstats_sys_bytes")
	require.NoError(t, err)
	require.Less(t, taken, float64(400<<20))
}
