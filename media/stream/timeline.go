package stream

import "time"

const (
	// timelineStart is the session time of the first packet: far enough from zero
	// that no composition offset makes a presentation time negative.
	timelineStart = 10 * time.Second

	forwardJump  = 10 * time.Second // more than the wall clock says: the sender's clock jumped
	backwardJump = 2 * time.Second  // further back than any reordering
	jumpStep     = 20 * time.Millisecond
)

// Timeline maps the publisher's timestamps, which start anywhere, jump and begin
// anew with each connection, to one monotonic session time with one wall-clock
// anchor. One goroutine uses it at a time.
type Timeline struct {
	now    func() time.Time
	anchor time.Time // wall clock of session time zero

	anchored  bool
	restarted bool          // the next timestamp comes from a new connection
	offset    time.Duration // session time minus publisher time
	previous  time.Duration // the offset before the last jump, for stragglers
	lastIn    time.Duration
	lastOut   time.Duration // greatest session time given
	lastAt    time.Time     // when the last timestamp came
	jumps     int
}

// NewTimeline returns a Timeline whose anchor is set by the first packet.
func NewTimeline(now func() time.Time) *Timeline {
	return &Timeline{now: now}
}

// Restart says that the next timestamp comes from a new connection: it continues
// where the wall clock is by then.
func (t *Timeline) Restart() { t.restarted = true }

// Map returns the session time of a decoding time of the publisher. Both tracks of
// a connection share the mapping, and their packets come nearly in order; a packet
// from before a jump that comes late is still placed with its own.
func (t *Timeline) Map(dts time.Duration) time.Duration {
	now := t.now()
	switch {
	case !t.anchored:
		t.anchored = true
		t.anchor = now.Add(-timelineStart)
		t.rebase(dts, timelineStart)
		t.previous = t.offset
	case t.restarted:
		t.rebase(dts, max(now.Sub(t.anchor), t.lastOut+jumpStep))
		t.previous = t.offset
	default:
		elapsed := now.Sub(t.lastAt)
		if step := dts - t.lastIn; step > elapsed+forwardJump || step < -backwardJump {
			if out := dts + t.previous; t.near(out) {
				return out
			}
			t.jumps++
			t.previous = t.offset
			t.rebase(dts, t.lastOut+max(elapsed, jumpStep))
		}
	}
	t.restarted = false
	t.lastIn, t.lastAt = dts, now
	out := dts + t.offset
	t.lastOut = max(t.lastOut, out)
	return out
}

func (t *Timeline) rebase(dts, at time.Duration) {
	t.offset = (at - dts).Truncate(time.Millisecond)
}

// near says whether session time out could be a straggler's.
func (t *Timeline) near(out time.Duration) bool {
	d := t.lastOut - out
	return t.previous != t.offset && d < backwardJump && d > -backwardJump
}

// Wall returns the wall clock of a session time.
func (t *Timeline) Wall(session time.Duration) time.Time { return t.anchor.Add(session) }

// Jumps counts the jumps of the publisher's clock that were absorbed.
func (t *Timeline) Jumps() int { return t.jumps }
