package hls

import (
	"math"
	"time"

	"bandstand/media/stream"
)

const (
	// longTarget is the TARGETDURATION of a stream whose keyframes are further
	// apart, and how much media may pass until that is known: nothing could be
	// played before the first segment ends anyway.
	longTarget = 10 * time.Second

	// gopJitter is how far keyframes that come evenly may stray.
	gopJitter = 100 * time.Millisecond

	// rounding is how much longer than TARGETDURATION a segment may be: EXTINF
	// rounded to the second must not exceed it. RFC 8216bis 4.4.3.1.
	rounding = 490 * time.Millisecond

	// cutMargin keeps a cut away from that limit by more than a frame's jitter.
	cutMargin = 90 * time.Millisecond

	// cutEarly lets a keyframe end a segment that jitter made a little short.
	cutEarly = 20 * time.Millisecond

	// hole is a pause that is not one slow frame any more.
	hole = 500 * time.Millisecond
)

// lead packs a packet of the leading track, which decides where segments begin.
func (st *Stream) lead(r *rendition, p *stream.Packet) error {
	st.led = p.Arrived
	if st.leader != r || r.epoch != p.Epoch {
		if r.video && !p.Key {
			return nil
		}
		if err := st.beginEpoch(r, p); err != nil {
			return err
		}
	} else if err := st.continueEpoch(r, p); err != nil {
		return err
	}
	if r.cur == nil {
		return nil // waiting for a keyframe
	}
	if err := r.add(p); err != nil {
		return err
	}
	st.high = max(st.high, p.Time())
	st.decideParts(r, false)
	return nil
}

// beginEpoch ends the leader's segment and begins the first one of p's epoch.
func (st *Stream) beginEpoch(r *rendition, p *stream.Packet) error {
	if st.leader != nil {
		if err := st.leader.finish(-1); err != nil {
			return err
		}
		st.closeSlot(st.leader.declared)
	}
	if err := r.finish(-1); err != nil {
		return err
	}
	st.leader = r
	st.lastKey = 0
	st.sawKey(p)
	switch {
	case st.target > 0:
	case !r.video:
		st.setTarget(st.server.cfg.SegmentTarget)
	case len(st.slots) > 0 && p.Time()-st.slots[0].start >= longTarget:
		st.setTarget(st.longTarget()) // epochs too short to tell
	}
	format := p.Epoch.Format
	for _, o := range st.renditions {
		if o != r && ((o.video && format.Video == nil) || (!o.video && format.Audio == nil)) {
			st.lose(o)
		}
	}
	sl := st.openSlot(p.Epoch.Number, p.Time(), p.NTP)
	sl.discontinuity = sl.msn > st.firstMSN
	if sl.discontinuity {
		sl.discontinuous++
	}
	return r.open(sl, p)
}

// continueEpoch begins a new segment where one is due.
func (st *Stream) continueEpoch(r *rendition, p *stream.Packet) error {
	expected, _ := r.cadence.frame()
	paused := r.cadence.primed && r.at(p.DTS-r.cadence.last-expected) > hole
	if paused {
		st.lastKey = 0 // the distance to the next says nothing
	}
	if p.Key {
		st.sawKey(p)
	}
	if r.cur == nil { // after a pause that others went on in
		if !p.Key || p.Time() <= st.slots[len(st.slots)-1].start {
			return nil
		}
		return st.cut(r, p)
	}
	elapsed := r.at(p.DTS) - r.cur.start
	frame := r.at(expected)
	if st.target == 0 && elapsed >= longTarget {
		st.setTarget(st.longTarget())
	}
	if st.target == 0 {
		return nil
	}
	limit := st.longest() - cutMargin
	switch {
	case paused && elapsed > limit:
		return st.pause(r, p)
	case !r.video:
		if elapsed+frame/2 < st.server.cfg.SegmentTarget {
			return nil
		}
	case p.Key:
		if elapsed+cutEarly < st.server.cfg.SegmentTarget && elapsed+st.nextKey() <= limit {
			return nil
		}
	case elapsed+frame <= limit:
		return nil
	}
	return st.cut(r, p)
}

// cut ends the leader's segment where p begins the next.
func (st *Stream) cut(r *rendition, p *stream.Packet) error {
	if err := r.finish(p.DTS); err != nil {
		return err
	}
	st.closeSlot(r.at(p.DTS))
	if r.video && !p.Key {
		st.independent = false
		st.variantsChanged()
	}
	return r.open(st.openSlot(p.Epoch.Number, p.Time(), p.NTP), p)
}

// pause ends the leader's segment at its last frame and declares gaps from there
// to p, or a discontinuity when p is very far.
func (st *Stream) pause(r *rendition, p *stream.Packet) error {
	if err := r.finish(-1); err != nil {
		return err
	}
	from, to := r.declared, r.at(p.DTS)
	st.closeSlot(from)
	anchor := p.NTP.Add(-p.Time())
	length := to - from
	if n := (length + st.target - 1) / st.target; n > 0 && length <= 2*st.longTarget() {
		for i := range n {
			st.openSlot(p.Epoch.Number, from+length*i/n, anchor.Add(from+length*i/n))
			st.closeSlot(from + length*(i+1)/n)
		}
		return st.cut(r, p)
	}
	sl := st.openSlot(p.Epoch.Number, p.Time(), p.NTP)
	sl.discontinuity = true
	sl.discontinuous++
	return r.open(sl, p)
}

// stalled ends the slot of a leader that went silent while p of another track is
// already past its longest duration. The leader's last frame lasts until then.
func (st *Stream) stalled(p *stream.Packet) error {
	if err := st.leader.finish(stream.Ticks(p.Time(), st.leader.track.ClockRate)); err != nil {
		return err
	}
	st.closeSlot(p.Time())
	st.openSlot(p.Epoch.Number, p.Time(), p.NTP)
	return nil
}

// sawKey notes a keyframe of the leader. Those of the first seconds tell the target
// duration: if they come evenly, the one that segments aim for will do.
func (st *Stream) sawKey(p *stream.Packet) {
	if !p.Track.Codec.Video() {
		return
	}
	at := p.Track.Duration(p.DTS)
	if st.lastKey == 0 {
		st.firstKey = at
	} else {
		gop := at - st.lastKey
		st.uneven = st.uneven || (st.gop > 0 && (gop-st.gop).Abs() > gopJitter)
		st.gop = max(st.gop, gop)
	}
	st.lastKey = at
	if st.target > 0 || st.gop == 0 {
		return
	}
	goal := seconds(st.server.cfg.SegmentTarget)
	limit := goal + rounding - cutMargin
	fits := seconds(st.gop - rounding + cutMargin) // the least that a whole GOP does not exceed
	switch {
	case st.uneven: // extra keyframes at cuts of the scene: the next may be far
		st.setTarget(min(max(2*goal, fits), st.longTarget()))
	case st.gop > limit:
		st.setTarget(min(fits, st.longTarget()))
	case at-st.firstKey+cutEarly >= st.server.cfg.SegmentTarget,
		at-st.firstKey+st.gop > limit: // the next one would be too late
		st.setTarget(goal)
	}
}

// nextKey returns how far the next keyframe may be.
func (st *Stream) nextKey() time.Duration {
	if st.uneven {
		return max(st.gop, st.server.cfg.SegmentTarget)
	}
	return st.gop
}

// setTarget fixes TARGETDURATION, which never changes again. RFC 8216bis 4.4.3.1.
func (st *Stream) setTarget(d time.Duration) {
	st.target = seconds(d)
	st.structure.fire()
}

// seconds rounds d up to whole seconds.
func seconds(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(d.Seconds())) * time.Second
}

// targetDuration returns TARGETDURATION, or what it would be if decided now.
func (st *Stream) targetDuration() time.Duration {
	if st.target > 0 {
		return st.target
	}
	return seconds(st.server.cfg.SegmentTarget)
}

func (st *Stream) longTarget() time.Duration { return max(longTarget, st.targetDuration()) }

// longest returns the longest that a segment may be declared.
func (st *Stream) longest() time.Duration { return st.targetDuration() + rounding }

// decideParts fixes PART-TARGET once the leader's frame rate is known. Parts are
// published from then on. now says not to wait for more frames.
func (st *Stream) decideParts(r *rendition, now bool) {
	const frames = 5
	if st.partTarget > 0 || len(r.pending) == 0 {
		return
	}
	waited := r.at(r.cadence.last - r.pending[0].dts)
	if !now && r.cadence.fixed == 0 && len(r.pending) < frames && waited < time.Second {
		return
	}
	frame := r.at(r.cadence.smallest())
	if expected, steady := r.cadence.frame(); steady {
		frame = r.at(expected)
	}
	st.partTarget = partTarget(st.server.cfg.PartTarget, frame)
}

// openSlot allots the next MSN, which starts at start.
func (st *Stream) openSlot(epoch int, start time.Duration, pdt time.Time) *slot {
	sl := &slot{msn: st.firstMSN, epoch: epoch, start: start, pdt: pdt}
	if n := len(st.slots); n > 0 {
		last := st.slots[n-1]
		sl.msn = last.msn + 1
		sl.discontinuous = last.discontinuous
	}
	if len(st.slots) == maxSlots {
		copy(st.slots, st.slots[1:])
		st.slots = st.slots[:maxSlots-1]
	}
	st.slots = append(st.slots, sl)
	return sl
}

// closeSlot ends the open slot at end and makes renditions that lag too far behind
// declare gaps.
func (st *Stream) closeSlot(end time.Duration) {
	n := len(st.slots)
	if n == 0 || st.slots[n-1].closed {
		return
	}
	sl := st.slots[n-1]
	sl.closed = true
	sl.duration = min(max(end-sl.start, 100*time.Millisecond).Round(declaredGrid), st.longest())
	if seg, _ := st.leader.segment(sl.msn); seg != nil && seg.closed {
		sl.duration = seg.duration
	}
	for _, r := range st.renditions {
		r.mend(sl.duration)
		switch {
		case r == st.leader || r.down:
			r.fillGaps(sl.msn)
		case len(r.segs) > 0 && r.lastMSN() < sl.msn-1:
			if r.video {
				r.tear()
			} else if err := r.finish(-1); err != nil {
				st.log.Error("segment not finished", "rendition", r.name, "err", err)
			}
			r.fillGaps(sl.msn - 1)
		}
	}
}

// slot returns what is known about msn, nil if it was forgotten.
func (st *Stream) slot(msn int) *slot {
	if len(st.slots) == 0 || msn < st.slots[0].msn {
		return nil
	}
	if i := msn - st.slots[0].msn; i < len(st.slots) {
		return st.slots[i]
	}
	return nil
}

// slotAt returns the slot of an epoch that holds session time t, nil if there is
// none or it was forgotten.
func (st *Stream) slotAt(epoch int, t time.Duration) *slot {
	for i := len(st.slots) - 1; i >= 0; i-- {
		sl := st.slots[i]
		if sl.epoch < epoch {
			return nil
		}
		if sl.epoch == epoch && sl.start <= t {
			return sl
		}
	}
	return nil
}

// closedMSN returns the last MSN that the leader has closed, zero before the first.
func (st *Stream) closedMSN() int {
	for i := len(st.slots) - 1; i >= 0; i-- {
		if st.slots[i].closed {
			return st.slots[i].msn
		}
	}
	return 0
}
