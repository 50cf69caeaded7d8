package main

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
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

// TestDatabaseFailsOnAir cuts the server off its database, and then has the database
// hang: whoever is on air stays there, whoever comes is refused, until it is back.
func TestDatabaseFailsOnAir(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, address string) {
		if strings.HasPrefix(address, "sqlite:") {
			return // a file does not go away
		}
		u, err := url.Parse(address)
		require.NoError(t, err)
		line := newLine(t, u.Host)
		u.Host = line.ln.Addr().String()
		s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_DB_URL="+u.String())
		onAir, next := s.channel("demo"), s.channel("next")
		clip := sized(t, "320x180", "60")
		send(t, s.RTMPURL(onAir), rtmptest.Options{}, clip, nil)
		s.plays(t, "demo", "codec_name=h264")
		reports := make(chan *conform.Report, 1)
		go func() { reports <- s.watch(t, "demo", 25*time.Second) }()

		for _, failure := range []failure{cut, hanging} {
			line.fail(failure)
			eventually(t, 30*time.Second, func() error { return s.status("/readyz", http.StatusServiceUnavailable) })
			var refused *rtmptest.StatusError
			_, err := rtmptest.Publish(s.RTMPURL(next), rtmptest.Options{Timeout: 30 * time.Second})
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Text, "could not check")
			require.NoError(t, s.status("/healthz", http.StatusOK), "restarting the server would not help")

			line.fail(none)
			eventually(t, 30*time.Second, func() error { return s.status("/readyz", http.StatusOK) })
			eventually(t, 30*time.Second, func() error {
				c, err := rtmptest.Publish(s.RTMPURL(next), rtmptest.Options{})
				if err != nil {
					return err
				}
				return c.Close()
			})
		}
		for _, r := range (<-reports).Renditions {
			require.Zero(t, r.Gaps, r.Name)
			require.Zero(t, r.Discontinuities, r.Name)
		}
		require.NoError(t, s.liveIs("demo", true))
	})
}

// failure is what a line may suffer from.
type failure int

const (
	none    failure = iota
	cut             // connections end, and new ones are hung up on
	hanging         // nothing comes through any more
)

// line is a TCP connection between a server and its database that can fail.
type line struct {
	ln net.Listener
	to string

	mu      sync.Mutex
	failure failure               // guarded by mu
	changed chan struct{}         // guarded by mu; closed when failure changes
	conns   map[net.Conn]struct{} // guarded by mu
}

// newLine returns a line to an address, for as long as the test runs.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{ln: ln, to: to, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { l.serve(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		l.fail(cut)
		running.Wait()
	})
	return l
}

// fail makes the line suffer from f from now on.
func (l *line) fail(f failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = f
	close(l.changed)
	l.changed = make(chan struct{})
	for c := range l.conns {
		if f == cut {
			c.Close()
		}
	}
}

// await returns once the line lets bytes through, or an error if it is cut.
func (l *line) await() error {
	for {
		l.mu.Lock()
		f, changed := l.failure, l.changed
		l.mu.Unlock()
		switch f {
		case none:
			return nil
		case cut:
			return errors.New("the line is cut")
		}
		<-changed
	}
}

func (l *line) serve(c net.Conn) {
	defer l.track(c)()
	if l.await() != nil {
		return
	}
	d, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer l.track(d)()
	var back sync.WaitGroup
	back.Go(func() { l.copy(c, d) })
	l.copy(d, c)
	back.Wait()
}

// track has fail end c, and returns what ends it otherwise.
func (l *line) track(c net.Conn) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, c)
		c.Close()
	}
}

// copy carries bytes until one end is closed, and then closes the other.
func (l *line) copy(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if l.await() != nil {
			return
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
