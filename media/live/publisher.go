package live

import (
	"time"

	"bandstand/media/stream"
)

// Publisher is one connection that sends a session its packets. One goroutine
// writes to it.
type Publisher struct {
	session *Session

	// Guarded by session.mu.
	format  stream.Format // of the samples that come
	fresh   bool          // the next keyframe begins an epoch of format
	started bool          // an epoch has begun on this connection
	heard   time.Time     // when the last sample came
	err     error         // why it has to go

	gone chan struct{} // closed when it has to go
}

// Session returns what p publishes to.
func (p *Publisher) Session() *Session { return p.session }

// SetFormat says what the samples to come are. If that differs from what came
// before, the next keyframe begins a new epoch.
func (p *Publisher) SetFormat(f stream.Format) {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	if p.started && f.Same(p.format) {
		return
	}
	p.format, p.fresh = f, true
}

// Write publishes one sample. It never blocks on a consumer. Samples of a track
// that the format does not have, and those before the first keyframe of an epoch,
// are dropped. An error means that the publisher has to go, and says why.
func (p *Publisher) Write(sm Sample) error {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	now := s.reg.cfg.Now()
	p.heard = now
	s.reg.metrics.received(len(sm.Payload))
	s.health.add(now, sm)

	kind, track := stream.AudioTrack, p.format.Audio
	if sm.Video {
		kind, track = stream.VideoTrack, p.format.Video
	}
	if track == nil {
		return nil
	}
	if !sm.Arrived.IsZero() {
		now = sm.Arrived
	}
	at := s.timeline.Map(kind, sm.DTS, now)
	if p.fresh {
		if track != p.format.Lead() || !(sm.Key || !sm.Video) {
			p.writeOld(sm, at, now)
			return nil
		}
		p.begin()
	}
	s.publish(track, sm, at, now)
	return nil
}

// writeOld goes on with the audio of the epoch before, while the new one waits for
// its keyframe.
func (p *Publisher) writeOld(sm Sample, at time.Duration, now time.Time) {
	s := p.session
	if p.started && !sm.Video && s.epoch.Format.Video != nil && s.epoch.Format.Audio.Same(p.format.Audio) {
		s.publish(s.epoch.Format.Audio, sm, at, now)
	}
}

// begin opens an epoch of the publisher's format.
func (p *Publisher) begin() {
	s := p.session
	number := 0
	if s.epoch != nil {
		number = s.epoch.Number + 1
	}
	s.epoch = &stream.Epoch{Number: number, Format: p.format}
	p.fresh, p.started = false, true
	s.reg.metrics.epochs.Inc()
	attrs := []any{"epoch", number}
	if v := p.format.Video; v != nil {
		attrs = append(attrs, "video", v.Codec, "width", v.Width, "height", v.Height)
	}
	if a := p.format.Audio; a != nil {
		attrs = append(attrs, "audio", a.Codec, "rate", a.ClockRate, "channels", a.Channels)
	}
	s.log.Info("epoch started", attrs...)
	if s.cancel == nil {
		s.run(p.format)
	}
}

// publish hands a sample at session time at to the consumers.
func (s *Session) publish(track *stream.Track, sm Sample, at time.Duration, now time.Time) {
	pkt := &stream.Packet{
		Epoch:   s.epoch,
		Track:   track,
		Key:     sm.Key || !sm.Video,
		Arrived: now,
		Payload: sm.Payload,
	}
	if sm.Video {
		pkt.DTS, pkt.PTS = s.videoTimes(at, sm.CTS)
	} else {
		pkt.DTS = s.audio.next(track, at, sm.Payload)
		pkt.PTS = pkt.DTS
	}
	pkt.NTP = s.timeline.Wall(pkt.Time())
	s.stream.Publish(pkt)
}

// videoTimes keeps decoding times growing where a sender gives two frames one.
func (s *Session) videoTimes(at, cts time.Duration) (dts, pts int64) {
	dts = stream.Ticks(at, stream.VideoClockRate)
	pts = stream.Ticks(at+cts, stream.VideoClockRate)
	if dts <= s.videoDTS {
		dts = s.videoDTS + stream.VideoClockRate/1000
	}
	s.videoDTS = dts
	return dts, max(pts, dts)
}

// Done is closed when the publisher has to go; Err then says why.
func (p *Publisher) Done() <-chan struct{} { return p.gone }

// Err returns why the publisher has to go, nil while it may stay.
func (p *Publisher) Err() error {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	return p.err
}

// Close says that the connection has ended. The session waits its grace period for
// another. Closing twice, or after Done, does nothing.
func (p *Publisher) Close() {
	p.session.disconnect(p)
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	p.stop(ErrGone)
}

// stop tells the publisher to go. session.mu is held.
func (p *Publisher) stop(why error) {
	if p.err != nil {
		return
	}
	if why == nil {
		why = ErrGone
	}
	p.err = why
	close(p.gone)
}
