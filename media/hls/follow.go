package hls

import (
	"time"

	"bandstand/media/stream"
)

const (
	// sameStart is how far a rung's timestamps may be from the source's.
	sameStart = 2 * time.Millisecond

	// lateStart is how far into a segment a rung's first frame may be: a frame
	// rate cap may have dropped the very first ones.
	lateStart = 100 * time.Millisecond
)

// follow packs a packet of a rendition that takes its MSNs from the leader, or
// keeps it until the leader has come as far.
func (st *Stream) follow(r *rendition, p *stream.Packet) error {
	if len(r.ahead) == 0 && st.reached(r, p, p) {
		return st.place(r, p)
	}
	if len(r.ahead) >= maxAhead {
		st.lose(r)
	}
	r.ahead = append(r.ahead, p)
	return st.catchUp(r)
}

// followAhead packs the packets that waited for the leader.
func (st *Stream) followAhead() error {
	for _, r := range st.renditions {
		if len(r.ahead) == 0 {
			continue
		}
		if err := st.catchUp(r); err != nil {
			if r.name == audioName {
				return err
			}
			st.log.Error("rung not packaged", "rendition", r.name, "err", err)
			st.lose(r)
		}
	}
	return nil
}

// catchUp packs the packets of r that need not wait any more.
func (st *Stream) catchUp(r *rendition) error {
	waiting := r.ahead
	n := 0
	for n < len(waiting) && st.reached(r, waiting[n], waiting[len(waiting)-1]) {
		if err := st.place(r, waiting[n]); err != nil {
			return err
		}
		n++
	}
	rest := copy(waiting, waiting[n:])
	clear(waiting[rest:])
	r.ahead = waiting[:rest]
	return nil
}

// reached says whether the leader is past p, so that its segment is known. Audio
// whose newest packet is far ahead, and came long after the leader's last, waits no
// longer: the leader has gone silent.
func (st *Stream) reached(r *rendition, p, newest *stream.Packet) bool {
	if st.leader == nil {
		return false
	}
	if leads := st.leader.epoch.Number; p.Epoch.Number != leads {
		return p.Epoch.Number < leads
	}
	if r.video {
		return p.Time()-sameStart <= st.high
	}
	return p.Time() <= st.high ||
		(newest.Time() > st.high+patience && newest.Arrived.Sub(st.led) > patience)
}

// place puts p into the segment it belongs to.
func (st *Stream) place(r *rendition, p *stream.Packet) error {
	t := p.Time()
	if r.video {
		t += sameStart
	}
	sl := st.slotAt(p.Epoch.Number, t)
	if sl == nil {
		return nil // before the epoch's first segment
	}
	if silent := t > st.high; silent && !r.video && !sl.closed && t-sl.start > st.longest()-cutMargin {
		if err := st.stalled(p); err != nil {
			return err
		}
		sl = st.slots[len(st.slots)-1]
	}
	if sl.msn > r.lastMSN() {
		joins := r.cur != nil && r.epoch == p.Epoch && sl.msn == r.cur.msn+1
		if r.video && (p.Time()-sl.start > lateStart || (!joins && !p.Key)) {
			return nil // begins at the next segment
		}
		if err := r.leave(joins, p); err != nil {
			return err
		}
		if err := r.open(sl, p); err != nil {
			return err
		}
	}
	if r.cur == nil || r.cur.msn != sl.msn || r.epoch != p.Epoch {
		return nil // declared a gap already
	}
	return r.add(p)
}

// leave ends the open segment before p begins another: where p does if it joins, and
// where its own frames end if it does not.
func (r *rendition) leave(joins bool, p *stream.Packet) error {
	switch {
	case joins:
		return r.finish(p.DTS)
	case r.video && r.cur != nil && r.epoch.Number == p.Epoch.Number:
		r.tear()
		return nil
	default:
		return r.finish(-1)
	}
}

// flush closes all segments at the end of the stream.
func (st *Stream) flush() error {
	if st.leader == nil {
		return nil
	}
	if st.target == 0 {
		st.setTarget(max(st.server.cfg.SegmentTarget, st.leader.at(st.leader.cadence.last)-st.slots[0].start))
	}
	if err := st.leader.finish(-1); err != nil {
		return err
	}
	st.closeSlot(st.leader.declared)
	for _, r := range st.renditions {
		for _, p := range r.ahead {
			if err := st.place(r, p); err != nil {
				return err
			}
		}
		r.ahead = nil
		if err := r.finish(-1); err != nil {
			return err
		}
		if r.torn != nil {
			r.mend(r.torn.duration) // the stream's last segment may be short
		}
		if len(r.segs) > 0 {
			r.fillGaps(st.closedMSN())
		}
	}
	return nil
}
