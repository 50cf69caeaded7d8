package live

import (
	"time"

	"bandstand/media/stream"
)

// audioJitter is how far a millisecond timestamp may be from where the count of
// samples says it is, and still mean that.
const audioJitter = 16 * time.Millisecond

// sampleClock gives audio packets sample-accurate times: RTMP rounds to the
// millisecond, and players hear the gaps.
type sampleClock struct {
	rate int
	end  int64 // where the last packet ended, in samples
	last int64 // time of the last packet
}

// next returns the time of a packet that came with session time at.
func (c *sampleClock) next(track *stream.Track, at time.Duration, payload []byte) int64 {
	want := stream.Ticks(at, track.ClockRate)
	if c.rate != track.ClockRate {
		*c = sampleClock{rate: track.ClockRate, end: want, last: want - 1}
	}
	jitter := stream.Ticks(audioJitter, track.ClockRate)
	if d := want - c.end; d >= -jitter && d <= jitter {
		want = c.end
	}
	want = max(want, c.last+1)
	c.last = want
	c.end = want + int64(frameSamples(track, payload))
	return want
}

// frameSamples returns how many samples an access unit holds.
func frameSamples(track *stream.Track, payload []byte) int {
	if track.Codec == stream.Opus && len(payload) > 0 {
		return opusSamples(payload)
	}
	return track.FrameSamples
}

// opusSamples reads the duration of an Opus packet at 48 kHz from its table of
// contents. RFC 6716 3.1, 3.2.5
func opusSamples(packet []byte) int {
	config := packet[0] >> 3
	var frame int
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = [...]int{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = [...]int{120, 240, 480, 960}[config&3]
	}
	switch packet[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(packet) < 2 {
		return frame
	}
	return min(int(packet[1]&0x3f)*frame, 5760) // at most 120 ms
}
