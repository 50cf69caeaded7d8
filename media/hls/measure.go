package hls

import "time"

// rate measures the bitrate of a rendition for BANDWIDTH and AVERAGE-BANDWIDTH.
type rate struct {
	peakBPS  int64
	bytes    int64
	duration time.Duration
}

// closed takes the size and duration of a finished segment. RFC 8216bis 4.4.6.2:
// the peak is that of any contiguous set of segments of 0.5 to 1.5 target
// durations, so a short rest of an epoch does not make one.
func (m *rate) closed(seg *segment) {
	m.bytes += seg.size
	m.duration += seg.duration
	if seg.duration >= time.Second {
		m.peakBPS = max(m.peakBPS, bitsPerSecond(seg.size, seg.duration))
	}
}

// average returns the mean of all segments, zero before the first.
func (m *rate) average() int64 { return bitsPerSecond(m.bytes, m.duration) }

func bitsPerSecond(sizeBytes int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(sizeBytes) * 8 / d.Seconds())
}

// frameCount measures the frame rate over an epoch. Holes do not count.
type frameCount struct {
	clock  int64 // ticks a second
	frames int64 // distances between frames
	ticks  int64 // their sum
	last   int64
}

func (c *frameCount) observe(dts int64) {
	if d := dts - c.last; c.last > 0 && d > 0 && d < c.clock/2 {
		c.frames++
		c.ticks += d
	}
	c.last = dts
}

// usualRates are what a measured frame rate is taken for when it is near.
var usualRates = [...]float64{23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 90, 100, 119.88, 120}

// rate returns frames a second, zero when there are too few to tell.
func (c *frameCount) rate() float64 {
	if c.frames < 10 {
		return 0
	}
	measured := float64(c.frames) * float64(c.clock) / float64(c.ticks)
	best, distance := measured, measured*0.005
	for _, usual := range usualRates {
		if d := max(usual-measured, measured-usual); d < distance {
			best, distance = usual, d
		}
	}
	return best
}
