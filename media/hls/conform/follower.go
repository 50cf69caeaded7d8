package conform

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Pace of a follower.
const (
	retryAfter   = 500 * time.Millisecond
	fullEvery    = 8                // of so many loads one is full on the follower that takes deltas
	blockBound   = 10 * time.Second // longest that a blocking reload may wait
	blockSlack   = 2 * time.Second  // for the network and a busy machine
	joinSegments = 3                // finished segments that are fetched at the start
)

// follower follows one media playlist. Its goroutine owns everything in it; the
// watcher reads it only after that has ended.
type follower struct {
	w       *watcher
	name    string
	url     *url.URL
	audio   bool
	deltas  bool // ask for delta updates
	history *history
	media   *mediaChecker

	loads, deltaLoads int
	join              int64 // next segment that is fetched as a whole
	progress          map[int64]*progress
	hinted            *hinted
	hints             sync.WaitGroup
}

func newFollower(w *watcher, name string, u *url.URL, audio, deltas bool) *follower {
	f := &follower{w: w, name: name, url: u, audio: audio, deltas: deltas, progress: map[int64]*progress{}}
	f.history = newHistory(f.broken)
	f.media = &mediaChecker{broken: f.broken, inits: map[string]*initSegment{}}
	return f
}

func (f *follower) broken(r Rule, format string, args ...any) {
	f.w.log.add(r, f.name, format, args...)
}

// run follows the playlist until ctx or the stream ends, or time is over: that
// is errEnough, so that the others stop too.
func (f *follower) run(ctx context.Context) error {
	hintCtx, cancel := context.WithCancel(ctx)
	defer f.hints.Wait()
	defer cancel()
	for {
		pl, changed, err := f.load(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			f.w.cfg.sleep(ctx, retryAfter)
		case f.w.cfg.FetchMedia:
			ready := f.hinted
			f.ask(hintCtx, pl)
			f.fetchMedia(ctx, pl, ready)
		}
		if f.w.cfg.now().After(f.w.deadline) {
			return errEnough
		}
		if err == nil && pl.ended {
			return nil
		}
		if err == nil && !pl.lowLatency() {
			wait := pl.target
			if !changed {
				wait /= 2 // RFC 8216bis 6.3.4
			}
			f.w.cfg.sleep(ctx, wait)
		}
	}
}

// load gets the playlist once more: blocking for the next part where that is
// offered, as a delta update where this follower takes them.
func (f *follower) load(ctx context.Context) (pl *mediaPlaylist, changed bool, err error) {
	last := f.history.last
	target, asked, blocking, delta := f.request(last)
	a, err := f.w.fetch.get(ctx, target, maxPlaylistBytes)
	if err != nil {
		f.loadFailed(ctx, err, blocking)
		return nil, false, err
	}
	pl, err = parseMedia(string(a.body))
	if err != nil {
		f.broken(RuleSyntax, "%v", err)
		return nil, false, err
	}
	f.loads++
	if pl.skipped > 0 {
		f.deltaLoads++
		if !delta {
			f.broken(RuleDelta, "EXT-X-SKIP was not asked for")
		}
	}
	isDelta := pl.skipped > 0
	if !f.history.reconstruct(pl) {
		return nil, false, errors.New("delta update without its base")
	}
	checkPlaylist(pl, f.broken)
	changed = last == nil || last.next() != pl.next()
	if !f.history.observe(pl, isDelta, a.arrived) {
		return nil, false, errors.New("playlist went backwards")
	}
	if blocking {
		f.checkBlocking(pl, asked, a.took, last.target)
	}
	return pl, changed, nil
}

// request decides what to ask for next.
func (f *follower) request(last *mediaPlaylist) (target string, asked position, blocking, delta bool) {
	if last == nil || !last.lowLatency() {
		return f.url.String(), asked, false, false
	}
	u := *f.url
	q := u.Query()
	asked = last.next()
	q.Set("_HLS_msn", strconv.FormatInt(asked.msn, 10))
	q.Set("_HLS_part", strconv.Itoa(asked.part))
	fresh := f.w.cfg.now().Sub(f.history.lastAt) < last.canSkipUntil/2 // RFC 8216bis 6.2.5.1
	delta = f.deltas && fresh && f.loads%fullEvery != 0
	if delta {
		q.Set("_HLS_skip", "YES")
	}
	u.RawQuery = q.Encode()
	return u.String(), asked, true, delta
}

// loadFailed reports a playlist that did not load. A blocking reload may be
// refused with 503 after its time (RFC 8216bis 6.2.5.2).
func (f *follower) loadFailed(ctx context.Context, err error, blocking bool) {
	var status statusError
	if ctx.Err() != nil || blocking && errors.As(err, &status) && status == 503 {
		return
	}
	f.broken(RuleMediaFetch, "playlist: %v", err)
}

// checkBlocking verifies that a blocking reload brought what was asked for, and
// in time.
func (f *follower) checkBlocking(pl *mediaPlaylist, asked position, took, target time.Duration) {
	if took > max(blockBound, 3*target)+blockSlack {
		f.broken(RuleBlocking, "a reload took more than %v", max(blockBound, 3*target)+blockSlack)
	}
	if !asked.less(pl.next()) && !pl.ended && took < min(blockBound, 3*target)-blockSlack {
		f.broken(RuleBlocking, "an answer without the part that was asked for")
	}
}

// progress is what was fetched of one segment.
type progress struct {
	parts int
	whole bool // every part up to now was fetched
	sum   *digest
}

// fetchMedia loads the parts and segments that are new in pl, in order.
func (f *follower) fetchMedia(ctx context.Context, pl *mediaPlaylist, ready *hinted) {
	first := f.loads == 1
	if first {
		finished := pl.finished()
		f.join = pl.mediaSequence + int64(max(0, len(finished)-joinSegments))
	}
	for _, s := range pl.segments {
		if s.msn < f.join || ctx.Err() != nil {
			continue
		}
		p := f.progress[s.msn]
		if s.msn > f.join && s.complete() {
			f.media.reset()
		}
		if p == nil {
			p = &progress{whole: true, sum: newDigest()}
			f.progress[s.msn] = p
		}
		f.fetchParts(ctx, s, p, ready, first)
		if s.complete() {
			f.fetchSegment(ctx, pl, s, p, first)
			delete(f.progress, s.msn)
			f.join = s.msn + 1
		}
	}
}

func (f *follower) fetchParts(ctx context.Context, s *segment, p *progress, ready *hinted, first bool) {
	end := s.dateTime
	for i, part := range s.parts {
		end = end.Add(part.duration)
		if i < p.parts {
			continue
		}
		p.parts++
		if part.gap {
			p.whole = false
			continue
		}
		a, err := f.fetchPart(ctx, part.uri, ready)
		if err != nil {
			p.whole = false
			f.fetchFailed(ctx, fmt.Sprintf("part %d.%d", s.msn, i), err)
			continue
		}
		p.sum.add(a.body)
		f.media.init(ctx, f, s.initURI)
		f.media.checkPart(s, i, a.body)
		if !first {
			f.measure(a, end, s.dateTime.IsZero())
		}
	}
}

func (f *follower) fetchSegment(ctx context.Context, pl *mediaPlaylist, s *segment, p *progress, first bool) {
	if s.gap {
		f.media.reset()
		return
	}
	a, err := f.fetchMediaAt(ctx, s.uri)
	if err != nil {
		f.media.reset()
		f.fetchFailed(ctx, fmt.Sprintf("segment %d", s.msn), err)
		return
	}
	f.history.records[s.msn].bytes = int64(len(a.body))
	if p.parts > 0 && p.parts == len(s.parts) && p.whole && !p.sum.equals(a.body) {
		f.broken(RuleConcatenation, "segment %d differs from its %d parts put together", s.msn, p.parts)
	}
	f.media.init(ctx, f, s.initURI)
	f.media.checkSegment(s, a.body)
	if !first && !pl.lowLatency() {
		f.measure(a, s.dateTime.Add(s.duration), s.dateTime.IsZero())
	}
}

func (f *follower) fetchFailed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		f.broken(RuleMediaFetch, "%s: %v", what, err)
	}
}

func (f *follower) fetchMediaAt(ctx context.Context, uri string) (*answer, error) {
	u, err := f.url.Parse(uri)
	if err != nil {
		return nil, err
	}
	return f.w.fetch.get(ctx, u.String(), maxMediaBytes)
}

// measure takes the ages of what has just arrived.
func (f *follower) measure(a *answer, end time.Time, undated bool) {
	for _, m := range Marks(a.body) {
		f.w.frameAge.add(a.arrived.Sub(m.Sent))
	}
	if !undated && !f.audio {
		f.w.edgeAge.add(a.arrived.Sub(end))
	}
}

// hinted is the request for a part that was only hinted.
type hinted struct {
	uri    string
	done   chan struct{} // closed when the fields below are set
	answer *answer
	err    error
}

// ask requests the part that pl hints, before it exists.
func (f *follower) ask(ctx context.Context, pl *mediaPlaylist) {
	if pl.hint == "" || !pl.lowLatency() || f.hinted != nil && f.hinted.uri == pl.hint {
		return
	}
	h := &hinted{uri: pl.hint, done: make(chan struct{})}
	f.hinted = h
	f.hints.Go(func() {
		defer close(h.done)
		h.answer, h.err = f.fetchMediaAt(ctx, h.uri)
	})
}

// fetchPart loads a part that is listed by now, or takes it from the request
// that was made when it was hinted.
func (f *follower) fetchPart(ctx context.Context, uri string, ready *hinted) (*answer, error) {
	if ready != nil && ready.uri == uri {
		select {
		case <-ready.done:
			if ready.err == nil {
				return ready.answer, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return f.fetchMediaAt(ctx, uri)
}

// rendition sums up what was seen.
func (f *follower) rendition() Rendition {
	r := Rendition{Name: f.name, Audio: f.audio, Loads: f.loads, Deltas: f.deltaLoads, Codecs: f.media.codecs()}
	var fetched time.Duration
	for _, s := range f.history.records {
		r.Segments++
		r.Parts += len(s.parts)
		r.Duration += s.length()
		if s.gap {
			r.Gaps++
		}
		if s.discontinuity {
			r.Discontinuities++
		}
		r.FetchedBytes += s.bytes
		if s.bytes > 0 {
			fetched += s.duration
		}
	}
	r.PeakBPS = f.peakBPS()
	if fetched > 0 {
		r.AverageBPS = int64(float64(r.FetchedBytes) * 8 / fetched.Seconds())
	}
	return r
}

// peakBPS is the highest bitrate of a fetched segment that lasts at least half a
// target duration, as RFC 8216bis 4.1 counts it.
func (f *follower) peakBPS() int64 {
	var peak int64
	if f.history.last == nil {
		return 0
	}
	for _, s := range f.history.records {
		if s.bytes > 0 && s.duration >= f.history.last.target/2 {
			peak = max(peak, int64(float64(s.bytes)*8/s.duration.Seconds()))
		}
	}
	return peak
}
