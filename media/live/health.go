package live

import "time"

// Health is how a publisher is doing, measured over about the last second, and what
// its session has taken so far.
type Health struct {
	BitrateBPS       int
	FrameRate        float64
	KeyframeInterval time.Duration // between the last two keyframes; zero before
	Silent           time.Duration // since the last sample
	ClockJumps       int           // of the publisher's clock, absorbed so far
	Waiting          bool          // for the publisher to return

	// Of the whole session so far.
	Bytes       uint64 // of samples
	VideoFrames uint64
	Lost        uint64 // packets that consumers lost because their queues were full
	Reconnects  int    // publishers after the first
}

// Health returns how the session's publisher is doing.
func (s *Session) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health.now
	h.ClockJumps = s.timeline.Jumps()
	h.Waiting = s.publisher == nil
	h.Lost = s.lost.Load()
	h.Reconnects = max(0, s.connects-1)
	if !s.health.last.IsZero() {
		h.Silent = s.reg.cfg.Now().Sub(s.health.last)
	}
	return h
}

// meter counts samples in windows of a second.
type meter struct {
	now           Health
	since, last   time.Time
	bytes, frames int
	keyframe      time.Duration // publisher time of the last one
	keyed         bool
}

func (m *meter) add(at time.Time, sm Sample) {
	if m.since.IsZero() {
		m.since = at
	}
	if d := at.Sub(m.since); d >= time.Second {
		m.now.BitrateBPS = int(float64(8*m.bytes) / d.Seconds())
		m.now.FrameRate = float64(m.frames) / d.Seconds()
		m.since, m.bytes, m.frames = at, 0, 0
	}
	m.last = at
	m.bytes += len(sm.Payload)
	m.now.Bytes += uint64(len(sm.Payload))
	if !sm.Video {
		return
	}
	m.frames++
	m.now.VideoFrames++
	if sm.Key {
		if m.keyed && sm.DTS > m.keyframe {
			m.now.KeyframeInterval = sm.DTS - m.keyframe
		}
		m.keyframe, m.keyed = sm.DTS, true
	}
}
