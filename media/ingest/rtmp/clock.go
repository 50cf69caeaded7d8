package rtmp

import "time"

// clock unrolls RTMP's 32-bit milliseconds, which wrap after 49 days. Audio and
// video share one, so that a wrap does not part them.
type clock struct {
	last    int64
	started bool
}

// unroll returns the time nearest to the last that t may stand for.
func (c *clock) unroll(t uint32) time.Duration {
	if !c.started {
		c.started = true
		c.last = int64(t)
	}
	c.last += int64(int32(t - uint32(c.last)))
	return time.Duration(c.last) * time.Millisecond
}
