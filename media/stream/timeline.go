package stream

import "time"

const (
	// timelineStart is the session time of the first packet: far enough from zero
	// that no composition offset makes a presentation time negative.
	timelineStart = 10 * time.Second

	forwardJump  = 10 * time.Second       // more than the wall clock says: the sender's clock jumped
	backwardJump = 100 * time.Millisecond // within one track, whose decoding times grow
	trackSkew    = 2 * time.Second        // how far apart the tracks of a connection may come
	jumpStep     = 20 * time.Millisecond
)

// Tracks of a connection that a Timeline tells apart.
const (
	VideoTrack = iota
	AudioTrack
	tracks
)

// Timeline maps the publisher's timestamps, which start anywhere, jump and begin
// anew with each connection, to one monotonic session time with one wall-clock
// anchor. One goroutine uses it at a time.
type Timeline struct {
	anchor time.Time // wall clock of session time zero

	anchored  bool
	restarted bool          // the next timestamp comes from a new connection
	offset    time.Duration // session time minus publisher time
	previous  time.Duration // the offset before the last jump, for stragglers
	last      [tracks]time.Duration
	seen      [tracks]bool  // since the offset was set
	lastOut   time.Duration // greatest session time given
	lastAt    time.Time     // when the last timestamp came
	jumps     int
}

// NewTimeline returns a Timeline whose anchor is set by the first packet.
func NewTimeline() *Timeline { return &Timeline{} }

// Restart says that the next timestamp comes from a new connection: it continues
// where the wall clock is by then.
func (t *Timeline) Restart() { t.restarted = true }

// Map returns the session time of a decoding time of the publisher that came at now,
// whole milliseconds if that is. Both tracks share the mapping; a packet of one that was
// sent before a jump which the other has already made is still placed by the old.
func (t *Timeline) Map(track int, dts time.Duration, now time.Time) time.Duration {
	elapsed := now.Sub(t.lastAt)
	t.lastAt = now
	switch {
	case !t.anchored:
		t.anchored = true
		t.anchor = now.Add(-timelineStart)
		t.rebase(dts, timelineStart)
		t.previous = t.offset
	case t.restarted:
		t.rebase(dts, max(now.Sub(t.anchor), t.lastOut+jumpStep))
		t.previous = t.offset
	case t.jumped(track, dts, elapsed):
		if out := dts + t.previous; !t.seen[track] && t.near(out) {
			return out
		}
		t.jumps++
		t.previous = t.offset
		t.rebase(dts, t.lastOut+max(elapsed, jumpStep))
	}
	t.restarted = false
	t.last[track], t.seen[track] = dts, true
	out := dts + t.offset
	t.lastOut = max(t.lastOut, out)
	return out
}

func (t *Timeline) jumped(track int, dts, elapsed time.Duration) bool {
	if !t.seen[track] {
		return !t.near(dts + t.offset)
	}
	step := dts - t.last[track]
	return step < -backwardJump || step > elapsed+forwardJump
}

func (t *Timeline) rebase(dts, at time.Duration) {
	t.offset = at.Truncate(time.Millisecond) - dts
	t.seen = [tracks]bool{}
}

// near says whether out could be a session time of about now.
func (t *Timeline) near(out time.Duration) bool {
	d := t.lastOut - out
	return d < trackSkew && d > -trackSkew
}

// Wall returns the wall clock of a session time.
func (t *Timeline) Wall(session time.Duration) time.Time { return t.anchor.Add(session) }

// Jumps counts the jumps of the publisher's clock that were absorbed.
func (t *Timeline) Jumps() int { return t.jumps }
