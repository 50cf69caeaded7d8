// Package conform watches a live HLS stream from outside, as a very strict
// player would, and reports which rules of RFC 8216bis (and of players in use)
// it breaks, with measured bitrates and latency. It shares no code with the
// server that it judges.
package conform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config is what Watch needs. Only URL is required.
type Config struct {
	URL         string        // of the multivariant playlist, or of a media playlist
	Client      *http.Client  // a client of its own if nil; must not have a timeout under 15 s
	Duration    time.Duration // how long to watch; 30 s if zero
	StartWithin time.Duration // how long the stream may take to appear; 10 s if zero
	FetchMedia  bool          // load and check init segments, parts and segments too
	SkipHTTP    bool          // leave out the checks of header fields and wrong requests

	now   func() time.Time
	sleep func(ctx context.Context, d time.Duration)
}

func (c *Config) validate() error {
	if c.Duration == 0 {
		c.Duration = 30 * time.Second
	}
	if c.StartWithin == 0 {
		c.StartWithin = 10 * time.Second
	}
	if c.Client == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: 2 * maxRenditions}
		c.Client = &http.Client{Transport: transport}
	}
	if c.now == nil {
		c.now = time.Now
		c.sleep = sleep
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("URL %q is not http or https", c.URL)
	}
	if c.Duration < 0 || c.StartWithin < 0 {
		return errors.New("negative duration")
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// errEnough ends a watch whose time is over.
var errEnough = errors.New("watched long enough")

// watcher is one watch; its fields are set before the followers start.
type watcher struct {
	cfg       Config
	fetch     *fetcher
	log       violations
	frameAge  samples
	edgeAge   samples
	deadline  time.Time
	base      *url.URL
	master    *multivariant // nil when URL is a media playlist
	followers []*follower
}

// Watch follows every rendition of the stream at cfg.URL until cfg.Duration has
// passed, the stream ends or ctx does, and returns what it saw. It blocks all
// that time. An error means that there was no stream to watch or that cfg is
// bad; a stream that breaks rules is not an error.
func Watch(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("conform: %w", err)
	}
	defer cfg.Client.CloseIdleConnections()
	w := &watcher{cfg: cfg, fetch: &fetcher{cfg.Client, cfg.now}}
	if err := w.open(ctx); err != nil {
		return nil, fmt.Errorf("conform: %w", err)
	}
	began := cfg.now()
	w.deadline = began.Add(cfg.Duration)
	if err := w.follow(ctx); err != nil {
		return nil, fmt.Errorf("conform: %w", err)
	}
	watched := cfg.now().Sub(began)
	w.compareRenditions()
	w.checkVariants(ctx)
	if !cfg.SkipHTTP && ctx.Err() == nil {
		w.probe(ctx)
	}
	return w.report(watched), nil
}

// open loads the first playlist, waiting for the stream to appear, and makes a
// follower for each rendition.
func (w *watcher) open(ctx context.Context) error {
	var err error
	if w.base, err = url.Parse(w.cfg.URL); err != nil {
		return err
	}
	until := w.cfg.now().Add(w.cfg.StartWithin)
	var a *answer
	for {
		if a, err = w.fetch.get(ctx, w.cfg.URL, maxPlaylistBytes); err == nil {
			break
		}
		if ctx.Err() != nil || !w.cfg.now().Before(until) {
			return fmt.Errorf("load %s: %w", w.cfg.URL, err)
		}
		w.cfg.sleep(ctx, 250*time.Millisecond)
	}
	if isMedia(string(a.body)) {
		return w.add(path.Base(w.base.Path), false)
	}
	if w.master, err = parseMultivariant(string(a.body)); err != nil {
		return fmt.Errorf("parse %s: %w", w.cfg.URL, err)
	}
	for _, v := range w.master.variants {
		if err := w.add(v.uri, false); err != nil {
			return err
		}
	}
	for _, r := range w.master.audio {
		if err := w.add(r.uri, true); err != nil {
			return err
		}
	}
	return nil
}

// add makes a follower for the media playlist at uri, once.
func (w *watcher) add(uri string, audio bool) error {
	if uri == "" || w.follower(uri) != nil {
		return nil
	}
	u, err := w.base.Parse(uri)
	if err != nil {
		return err
	}
	w.followers = append(w.followers, newFollower(w, nameOf(uri), u, audio, len(w.followers) == 0))
	return nil
}

// nameOf returns uri without its query: what is there may be of one load of the
// multivariant playlist alone, as a token is.
func nameOf(uri string) string {
	name, _, _ := strings.Cut(uri, "?")
	return name
}

// follower returns the one that follows uri, as the multivariant playlist has
// it, or nil.
func (w *watcher) follower(uri string) *follower {
	for _, f := range w.followers {
		if f.name == nameOf(uri) {
			return f
		}
	}
	return nil
}

// follow runs the followers until time is over, ctx ends or the stream does.
func (w *watcher) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Duration+requestTimeout)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range w.followers {
		group.Go(func() error { return f.run(ctx) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for _, f := range w.followers {
		f.history.checkClock()
		if f.history.last == nil {
			w.log.add(RuleMediaFetch, f.name, "the playlist could never be loaded")
		}
	}
	return nil
}

func (w *watcher) report(watched time.Duration) *Report {
	r := &Report{
		Watched: watched, Ended: true,
		FrameAge: w.frameAge.latency(), EdgeAge: w.edgeAge.latency(),
	}
	for _, f := range w.followers {
		r.Renditions = append(r.Renditions, f.rendition())
		last := f.history.last
		r.Ended = r.Ended && last != nil && last.ended
		r.LowLatency = r.LowLatency || f.history.lowLatency
	}
	r.Violations, r.Dropped = w.log.result()
	return r
}
