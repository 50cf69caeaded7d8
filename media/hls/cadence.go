package hls

import "time"

const (
	cadenceFrames = 8 // deltas remembered
	cadenceSteady = 4 // deltas needed to call a cadence steady
)

// cadence follows the distance of frames and predicts how long the newest lasts.
type cadence struct {
	rate   int
	fixed  int64 // ticks of every frame, when the track declares it
	deltas [cadenceFrames]int64
	count  int // deltas seen
	last   int64
	primed bool
}

func newCadence(rate, fixed int) cadence { return cadence{rate: rate, fixed: int64(fixed)} }

// observe takes the next frame's decoding time.
func (c *cadence) observe(dts int64) {
	if expected, steady := c.frame(); steady && dts-c.last > max(4*expected, int64(c.rate)/2) {
		c.count = 0 // a hole says nothing about the frames after it
	} else if c.primed {
		c.deltas[c.count%cadenceFrames] = dts - c.last
		c.count++
	}
	c.last, c.primed = dts, true
}

// frame returns how long a frame is expected to last, in ticks, and whether
// frames have come evenly enough to rely on it. An uneven frame is expected to
// last as long as the one before it, the very first 1/30 s.
func (c *cadence) frame() (ticks int64, steady bool) {
	if c.fixed > 0 {
		return c.fixed, true
	}
	n := min(c.count, cadenceFrames)
	if n == 0 {
		return int64(c.rate / 30), false
	}
	var sum int64
	low, high := c.deltas[0], c.deltas[0]
	for _, d := range c.deltas[:n] {
		sum += d
		low, high = min(low, d), max(high, d)
	}
	mean := (sum + int64(n)/2) / int64(n)
	tolerance := max(int64(c.rate)*2/1000, mean/10)
	steady = n >= cadenceSteady && high-mean <= tolerance && mean-low <= tolerance
	if !steady {
		return c.deltas[(c.count-1)%cadenceFrames], false
	}
	return mean, true
}

// smallest returns the shortest distance of the frames seen, zero before the second.
func (c *cadence) smallest() int64 {
	if c.fixed > 0 {
		return c.fixed
	}
	n := min(c.count, cadenceFrames)
	if n == 0 {
		return 0
	}
	low := c.deltas[0]
	for _, d := range c.deltas[:n] {
		low = min(low, d)
	}
	return low
}

// partTarget returns the PART-TARGET to advertise for frames that last frame:
// goal and a little more, or what makes whole frames fill it. RFC 8216bis 4.4.3.7.
func partTarget(goal, frame time.Duration) time.Duration {
	target := goal * 1055 / 1000
	if frame > 0 {
		n := (target + declaredSlack) / frame
		switch filled := n * frame; {
		case n == 0:
			target = frame * 105 / 100
		case filled*100 < target*87:
			target = filled * 103 / 100
		}
	}
	return (target + time.Millisecond - 1).Truncate(time.Millisecond)
}
