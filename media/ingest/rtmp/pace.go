package rtmp

import "time"

const (
	paceWindow = 30 * time.Second
	paceLead   = 30 * time.Second // that a backlog may make up for within a window
	paceSlow   = 0.7              // seconds of media in a second
)

// pace compares one track's timestamps with the clock, in one window after the
// other, so that a clock that is merely a little wrong never adds up.
type pace struct {
	begin, seen time.Time     // of the window; when the last message came
	last        time.Duration // time of the last message
	media       time.Duration // by which the timestamps have advanced, jumps left out
	flowing     time.Duration // of the clock, silence left out
}

// observe takes the time of a message that came at now. An error says that nobody
// could watch this live.
func (p *pace) observe(at time.Duration, now time.Time, kind string) error {
	if p.begin.IsZero() {
		*p = pace{begin: now, seen: now, last: at}
		return nil
	}
	if step := at - p.last; step > 0 && step <= maxStep {
		p.media += step
	}
	if gap := now.Sub(p.seen); gap <= maxStep {
		p.flowing += gap
	}
	p.last, p.seen = at, now
	passed := now.Sub(p.begin)
	if p.media > passed+paceLead {
		return unusable("the stream comes faster than it plays: send it in real time (with ffmpeg: -re)")
	}
	if passed < paceWindow {
		return nil
	}
	rate := p.media.Seconds() / max(p.flowing.Seconds(), 1)
	slow := p.flowing > paceWindow/2 && rate < paceSlow
	*p = pace{begin: now, seen: now, last: at}
	if slow {
		return unusable("the %s's timestamps advance by %.2g seconds in a second: they have to follow the clock", kind, rate)
	}
	return nil
}
