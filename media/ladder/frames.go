package ladder

import (
	"errors"
	"sync"
	"time"

	"bandstand/media/stream"
)

const (
	ticksPerMS = stream.VideoClockRate / 1000
	maxPending = 8192        // frames inside one encoder
	startMS    = 10_000      // time of a run's first frame: what decodes before it stays above zero
	timeMask   = 1<<31 - 1   // ffmpeg's FLV times have 31 bits
	pause      = time.Second // a source that rests as long is no sign of a stalled encoder
)

// frame is a source frame inside the encoder.
type frame struct {
	packet *stream.Packet
	gap    bool // source frames before it were lost
	fed    time.Time
}

// frames knows the source frames that the encoder of one run has, and how each rung
// is getting on.
type frames struct {
	base int64 // PTS that the encoder sees as zero

	mu      sync.Mutex
	byTime  map[uint32]frame // guarded by mu; by encoder time, milliseconds modulo 2³¹
	order   []uint32         // guarded by mu; keys of byTime as they were fed
	shown   []int64          // guarded by mu; for each rung, the PTS of its last frame
	at      []time.Time      // guarded by mu; and when that came out
	resumed time.Time        // guarded by mu; when the source last began after a rest
	lag     time.Duration    // guarded by mu; of the last frame of any rung
}

func newFrames(first *stream.Packet, rungs int) *frames {
	f := &frames{
		base:   first.PTS - startMS*ticksPerMS,
		byTime: make(map[uint32]frame),
		shown:  make([]int64, rungs), at: make([]time.Time, rungs),
	}
	for i := range f.shown {
		f.shown[i] = f.base
	}
	return f
}

// ms returns the encoder's time for a PTS, rounded to the nearest.
func (f *frames) ms(pts int64) uint64 {
	return uint64(max(0, pts-f.base+ticksPerMS/2) / ticksPerMS)
}

var errTooManyPending = errors.New("encoder holds too many frames")

// add notes that p goes into the encoder, rested after the one before, and returns
// the time in milliseconds that it has there: one of its own, though the source may
// show two frames at once.
func (f *frames) add(p *stream.Packet, gap bool, rested time.Duration, now time.Time) (ms uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resumed.IsZero() || rested > pause {
		f.resumed = now
	}
	f.forget()
	if len(f.order) >= maxPending {
		return 0, errTooManyPending
	}
	ms = f.ms(p.PTS)
	for f.has(ms) {
		ms++
	}
	key := uint32(ms & timeMask)
	f.byTime[key] = frame{packet: p, gap: gap, fed: now}
	f.order = append(f.order, key)
	return ms, nil
}

func (f *frames) has(ms uint64) bool {
	_, ok := f.byTime[uint32(ms&timeMask)]
	return ok
}

// forget drops the frames that all rungs have passed.
func (f *frames) forget() {
	passed := f.shown[0]
	for _, pts := range f.shown[1:] {
		passed = min(passed, pts)
	}
	n := 0
	for n < len(f.order) {
		if at, ok := f.byTime[f.order[n]]; ok && at.packet.PTS > passed {
			break
		}
		delete(f.byTime, f.order[n])
		n++
	}
	f.order = append(f.order[:0], f.order[n:]...)
}

// take returns the source frame that rung i shows at an encoder time, and how long
// ago it came in.
func (f *frames) take(i int, ms uint32, now time.Time) (frame, time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	src, ok := f.byTime[ms&timeMask]
	if !ok {
		return frame{}, 0, false
	}
	f.shown[i] = max(f.shown[i], src.packet.PTS)
	f.at[i] = now
	came := src.packet.Arrived
	if came.IsZero() {
		came = src.fed
	}
	f.lag = now.Sub(came)
	return src, f.lag, true
}

// patience returns how much longer the quietest rung may say nothing: stall, or
// startup before its first frame.
func (f *frames) patience(now time.Time, startup, stall time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resumed.IsZero() {
		return startup
	}
	least := startup
	for _, at := range f.at {
		limit := stall
		if at.IsZero() {
			limit = startup
		}
		if at.Before(f.resumed) {
			at = f.resumed
		}
		least = min(least, limit-now.Sub(at))
	}
	return least
}

// lagging returns how far behind the source the last frame was.
func (f *frames) lagging() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lag
}
