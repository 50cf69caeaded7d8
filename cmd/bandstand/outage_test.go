package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// moment is what a watch page shows at one time.
type moment struct {
	State string
	TimeS float64
	Loads int
	Error string
}

// page is a watch page in a browser.
type page struct {
	t       *testing.T
	in      io.WriteCloser
	moments chan moment
	last    moment
}

// openPage opens url and follows what it shows until the test ends.
func openPage(t *testing.T, url string) *page {
	t.Helper()
	needBrowser(t)
	// Ended by its input, so that it ends its browser.
	cmd := webScript(context.WithoutCancel(t.Context()), t, "e2e/follow.mjs", "--url", url)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &page{t: t, in: in, moments: make(chan moment, 1000)}
	go func() {
		defer close(p.moments)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var m moment
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				m.Error = lines.Text()
			}
			p.moments <- m
		}
	}()
	t.Cleanup(func() {
		in.Close()
		for m := range p.moments {
			p.check(m)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("browser: %v", err)
		}
	})
	return p
}

func (p *page) check(m moment) {
	p.t.Helper()
	if m.Error != "" {
		p.t.Errorf("error in the page: %s", m.Error)
	}
}

// until waits for a moment that is ok, while the page shows none but the states.
func (p *page) until(what string, ok func(m moment) bool, states ...string) {
	p.t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		select {
		case m, open := <-p.moments:
			require.True(p.t, open, "the browser ended, waiting for %s", what)
			p.check(m)
			if m.State != p.last.State {
				p.t.Logf("waiting for %s: %s at %.1f s", what, m.State, m.TimeS)
			}
			p.last = m
			if ok(m) {
				return
			}
			require.Contains(p.t, states, m.State, "waiting for %s", what)
		case <-limit.C:
			p.t.Fatalf("no %s; at last: %+v", what, p.last)
		}
	}
}

// shows waits for a state, by way of others.
func (p *page) shows(state string, by ...string) {
	p.t.Helper()
	p.until(state, func(m moment) bool { return m.State == state }, by...)
}

// plays waits until seconds of media more have been shown without a stop.
func (p *page) plays(seconds float64, by ...string) {
	p.t.Helper()
	p.shows("playing", by...)
	begin := p.last.TimeS
	p.until("a moving picture", func(m moment) bool { return m.State == "playing" && m.TimeS >= begin+seconds }, "playing")
}

// TestBrowserFollowsAChannel stays on one page while its channel goes on air, loses
// its publisher, gets it back, ends and begins anew.
func TestBrowserFollowsAChannel(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_INGEST_GRACE_PERIOD=8s")
	key := s.channel("demo")
	p := openPage(t, s.URL("/c/demo"))
	p.shows("offline", "connecting")
	first := camera(t, s.RTMPURL(key))
	p.plays(3, "offline", "connecting")

	first.kill()
	p.shows("reconnecting", "playing") // what was buffered has run out
	before := p.last.TimeS
	second := camera(t, s.RTMPURL(key))
	p.plays(3, "reconnecting")
	require.Greater(t, p.last.TimeS, before, "the player goes on where it was")

	second.kill()
	p.shows("ended", "playing", "reconnecting")
	camera(t, s.RTMPURL(key))
	p.plays(3, "ended", "connecting")
	require.Equal(t, 1, p.last.Loads, "nobody had to load the page again")

	_, err := io.WriteString(p.in, s.URL("/c/nobody")+"\n")
	require.NoError(t, err)
	p.shows("missing", "playing", "connecting")
}
