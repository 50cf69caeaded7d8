package hls

import (
	"sort"
	"time"

	"bandstand/media/stream"
)

const (
	// declaredSlack is how far the declared time may stray from the true one, so
	// that millisecond jitter does not make a part longer than PART-TARGET.
	declaredSlack = 2500 * time.Microsecond

	// maxInits bounds the init segments kept: a viewer needs those of the window.
	maxInits = 256

	// declaredGrid is what declared times are rounded to: the precision of EXTINF
	// and PART durations, so that their sums are exact as printed.
	declaredGrid = 10 * time.Microsecond

	// declaredLag is how far a segment's parts may end before its media does
	// without the segment being declared longer than they are.
	declaredLag = 5 * time.Millisecond
)

// rendition packs one track into parts and segments. The stream's mu guards it.
type rendition struct {
	st    *Stream
	name  string
	video bool
	rung  *stream.Rung // nil for the source's own tracks

	epoch *stream.Epoch // of the newest segment
	track *stream.Track
	store *store
	inits []*initSegment

	segs     []*segment // contiguous MSNs; the last may be open
	listed   int        // index into segs of the first one in the playlist
	cur      *segment   // the open one, nil if none
	torn     *segment   // lost its end, and waits for the leader to say how much that is
	nextPart int        // number of the next part, from 1

	pending  []sample
	arrived  time.Time // of the first pending packet
	cadence  cadence
	declared time.Duration // end of the last part, as declared
	scratch  []byte
	vector   [][]byte

	ahead  []*stream.Packet // wait for the leader to pass them
	down   bool             // nothing comes for now: gaps without waiting
	rate   rate
	frames frameCount

	changed signal // a part or segment came
	version uint64 // grows with every change of the playlist
	shown   *rendering
}

func newRendition(st *Stream, name string, video bool) *rendition {
	return &rendition{st: st, name: name, video: video, nextPart: 1}
}

// at converts ticks of the track's clock to session time.
func (r *rendition) at(ticks int64) time.Duration { return r.track.Duration(ticks) }

func (r *rendition) lastMSN() int {
	if len(r.segs) == 0 {
		return 0
	}
	return r.segs[len(r.segs)-1].msn
}

// shownLast returns the last segment that the playlist shows, nil if none: an open
// one counts from its first part on.
func (r *rendition) shownLast() *segment {
	for i := len(r.segs) - 1; i >= r.listed; i-- {
		if r.segs[i].closed || len(r.segs[i].parts) > 0 {
			return r.segs[i]
		}
	}
	return nil
}

// touch makes waiting requests look again.
func (r *rendition) touch() {
	r.version++
	r.changed.fire()
}

// open begins the segment of sl with p. The last segment must be closed.
func (r *rendition) open(sl *slot, p *stream.Packet) error {
	if err := r.setUp(p); err != nil {
		return err
	}
	r.fillGaps(sl.msn - 1)
	dts := r.at(p.DTS)
	if d := dts - r.declared; d > declaredLag || d < -declaredLag {
		r.declared = (dts + sl.drift).Round(declaredGrid) // a rung as the leader, exactly
	}
	if r == r.st.leader {
		sl.drift = r.declared - dts
	}
	seg := &segment{
		msn:           sl.msn,
		pdt:           p.NTP,
		start:         r.declared,
		init:          r.inits[len(r.inits)-1],
		discontinuity: sl.discontinuity,
		discontinuous: sl.discontinuous,
		independent:   p.Key,
		firstPart:     r.nextPart,
		offset:        r.store.align(),
	}
	if r.video {
		seg.pdt = sl.pdt // the same in every video rendition
	}
	r.segs = append(r.segs, seg)
	r.cur = seg
	r.down = false
	return nil
}

// setUp prepares the rendition for the epoch of p.
func (r *rendition) setUp(p *stream.Packet) error {
	if r.epoch == p.Epoch {
		return nil
	}
	data, err := marshalInit(p.Track)
	if err != nil {
		return err
	}
	if r.store == nil {
		if r.store, err = newStore(r.name); err != nil {
			return err
		}
	}
	r.epoch, r.track = p.Epoch, p.Track
	r.cadence = newCadence(p.Track.ClockRate, p.Track.FrameSamples)
	r.frames = frameCount{clock: int64(p.Track.ClockRate)}
	next := 0
	if n := len(r.inits); n > 0 {
		next = r.inits[n-1].number + 1
	}
	if len(r.inits) == maxInits {
		r.inits = append(r.inits[:0:0], r.inits[1:]...)
	}
	r.inits = append(r.inits, &initSegment{number: next, data: data})
	r.st.variantsChanged()
	return nil
}

// add puts p into the open segment.
func (r *rendition) add(p *stream.Packet) error {
	if len(r.pending) > 0 {
		expected, _ := r.cadence.frame()
		if err := r.fit(p.DTS, expected); err != nil {
			return err
		}
	}
	if len(r.pending) == 0 {
		r.arrived = p.Arrived
	}
	r.cadence.observe(p.DTS)
	r.frames.observe(p.DTS)
	r.pending = append(r.pending, sample{
		dts:     p.DTS,
		offset:  int32(p.PTS - p.DTS),
		key:     p.Key,
		payload: p.Payload,
	})
	if expected, steady := r.cadence.frame(); steady {
		return r.fit(p.DTS+expected, expected)
	}
	return nil
}

// fit publishes what is pending, which lasts until end, as parts of at most the
// part target, except what another frame as long as next still fits in with.
func (r *rendition) fit(end, next int64) error {
	target := r.st.partTarget
	for target > 0 && len(r.pending) > 0 {
		limit := r.declared + target + r.slack()
		n := len(r.pending)
		for n > 1 && r.at(r.endOf(n, end)) > limit {
			n--
		}
		if n == len(r.pending) && r.at(end+next) <= limit {
			return nil
		}
		if err := r.publish(n, r.endOf(n, end)); err != nil {
			return err
		}
	}
	return nil
}

// slack returns how far declared times may stray: not at all where frames say
// exactly how long they are.
func (r *rendition) slack() time.Duration {
	if r.cadence.fixed > 0 {
		return 0
	}
	return declaredSlack
}

// endOf returns where the first n pending samples end if all end at end.
func (r *rendition) endOf(n int, end int64) int64 {
	if n < len(r.pending) {
		return r.pending[n].dts
	}
	return end
}

// publish stores the first n pending samples, which end at end, as the next part.
func (r *rendition) publish(n int, end int64) error {
	samples := r.pending[:n]
	r.scratch = appendFragment(r.scratch[:0], uint32(r.nextPart), samples, end)
	r.vector = append(r.vector[:0], r.scratch)
	size := int64(len(r.scratch))
	for i := range samples {
		if len(samples[i].payload) > 0 {
			r.vector = append(r.vector, samples[i].payload)
			size += int64(len(samples[i].payload))
		}
	}
	offset, err := r.store.append(r.vector)
	clear(r.vector)
	if err != nil {
		r.st.server.metrics.failed.Inc()
		return err
	}
	// What is declared is contiguous, and never longer than PART-TARGET: time that
	// does not fit is left to the next part.
	until := min(r.at(end).Round(declaredGrid), r.declared+r.st.partTarget)
	until = max(until, r.declared+time.Millisecond)
	seg := r.cur
	seg.parts = append(seg.parts, part{
		offset:      offset,
		size:        size,
		duration:    until - r.declared,
		independent: samples[0].key && (len(seg.parts) == 0 || !seg.independent),
	})
	seg.duration += until - r.declared
	seg.size += size
	r.declared = until
	r.nextPart++
	r.st.stored += size
	r.st.server.metrics.publish.Observe(r.st.server.cfg.Now().Sub(r.arrived).Seconds())

	rest := copy(r.pending, r.pending[n:])
	clear(r.pending[rest:])
	r.pending = r.pending[:rest]
	r.st.published(r)
	r.touch()
	return nil
}

// finish closes the open segment. Its media ends at end, in ticks; a negative end
// means that nothing follows it, so that its last frame lasts as expected.
func (r *rendition) finish(end int64) error {
	seg := r.cur
	if seg == nil {
		return nil
	}
	if n := len(r.pending); n > 0 {
		if end <= r.pending[n-1].dts {
			expected, _ := r.cadence.frame()
			end = r.pending[n-1].dts + expected
		}
		r.st.decideParts(r, true)
		if err := r.fit(end, int64(r.track.ClockRate)*3600); err != nil {
			return err
		}
	}
	r.cur = nil
	if len(seg.parts) == 0 {
		r.segs = r.segs[:len(r.segs)-1]
		return nil
	}
	if lag := r.at(end) - r.declared; end > 0 && lag > declaredLag {
		lag = min(lag.Round(declaredGrid), r.st.longest()-seg.duration)
		seg.duration += max(lag, 0)
		r.declared += max(lag, 0)
	}
	r.close(seg)
	return nil
}

// close says that nothing is added to seg any more.
func (r *rendition) close(seg *segment) {
	seg.closed = true
	if seg.gap {
		r.st.server.metrics.gaps.Inc()
	} else {
		r.rate.closed(seg)
	}
	r.evict()
	r.touch()
	r.st.structure.fire()
	r.st.closedSegment()
}

// fillGaps declares every MSN up to upTo a gap that has no segment. A rendition
// that has not begun has none.
func (r *rendition) fillGaps(upTo int) {
	if len(r.segs) == 0 {
		return
	}
	filled := false
	for msn := r.lastMSN() + 1; msn <= upTo; msn++ {
		sl := r.st.slot(msn)
		if sl == nil {
			// Older than anyone remembers: begin anew behind it.
			for _, seg := range r.segs {
				r.retire(seg)
			}
			r.segs, r.listed = nil, 0
			return
		}
		r.segs = append(r.segs, &segment{
			msn:           msn,
			pdt:           sl.pdt,
			start:         sl.start,
			duration:      sl.duration,
			discontinuity: sl.discontinuity,
			discontinuous: sl.discontinuous,
			firstPart:     r.nextPart,
			independent:   true,
			gap:           true,
			closed:        true,
		})
		r.st.server.metrics.gaps.Inc()
		filled = true
	}
	if filled {
		r.evict()
		r.touch()
		r.st.structure.fire()
	}
}

// evict takes segments that are older than the window out of the playlist, and
// then, once viewers had time to fetch them, out of the store.
func (r *rendition) evict() {
	const grace = 2 // segments stored beyond the playlist
	least := 3*r.st.targetDuration() + r.st.partTarget
	total := r.listedDuration()
	for r.listed < len(r.segs)-1 {
		seg := r.segs[r.listed]
		left := total - seg.duration
		over := r.st.stored > r.st.server.cfg.MaxStreamBytes
		if left < least || (left < r.st.server.cfg.Window && !over) {
			// A gap at the start makes players stall.
			if !seg.gap {
				break
			}
		} else if left < r.st.server.cfg.Window {
			r.st.server.metrics.shrunk.Inc()
		}
		total = left
		r.listed++
	}
	keep := grace
	if r.st.stored > r.st.server.cfg.MaxStreamBytes {
		keep = 0
	}
	drop := max(r.listed-keep, 0)
	for i, seg := range r.segs[:drop] {
		r.retire(seg)
		r.segs[i] = nil
	}
	r.segs = r.segs[drop:]
	r.listed -= drop
}

func (r *rendition) listedDuration() (total time.Duration) {
	for _, seg := range r.segs[r.listed:] {
		if seg.closed {
			total += seg.duration
		}
	}
	return total
}

// retire gives seg's memory back as soon as no response sends from it.
func (r *rendition) retire(seg *segment) {
	r.st.stored -= seg.size
	seg.evicted = true
	if seg.users == 0 && r.store != nil {
		r.store.free(seg.offset, seg.size)
	}
}

// segment returns the segment numbered msn. expired says that there was one.
func (r *rendition) segment(msn int) (seg *segment, expired bool) {
	if len(r.segs) == 0 || msn < r.segs[0].msn {
		return nil, len(r.segs) > 0 && msn >= r.st.firstMSN
	}
	if i := msn - r.segs[0].msn; i < len(r.segs) {
		return r.segs[i], false
	}
	return nil, false
}

// initSegment returns the init segment numbered n. expired says that there was one.
func (r *rendition) initSegment(n int) (init *initSegment, expired bool) {
	if len(r.inits) == 0 || n < r.inits[0].number {
		return nil, len(r.inits) > 0
	}
	if i := n - r.inits[0].number; i < len(r.inits) {
		return r.inits[i], false
	}
	return nil, false
}

// part returns the part numbered n and its segment. expired says that there was one.
func (r *rendition) part(n int) (seg *segment, p *part, expired bool) {
	if n < 1 || n >= r.nextPart {
		return nil, nil, false
	}
	i := sort.Search(len(r.segs), func(i int) bool { return r.segs[i].firstPart > n }) - 1
	for ; i >= 0 && len(r.segs[i].parts) == 0; i-- {
		continue
	}
	if i < 0 {
		return nil, nil, true
	}
	seg = r.segs[i]
	if k := n - seg.firstPart; k < len(seg.parts) {
		return seg, &seg.parts[k], false
	}
	return nil, nil, true
}
