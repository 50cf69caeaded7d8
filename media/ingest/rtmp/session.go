package rtmp

import (
	"errors"
	"fmt"
	"time"

	"bandstand/media/ingest/rtmp/guard"
	"bandstand/media/live"
	"bandstand/media/stream"
	"bandstand/media/stream/flv"
)

const (
	decideAfter    = time.Second            // of media, for the second track to show up
	settleAfter    = 300 * time.Millisecond // of media, even with both
	maxHaste       = 2 * time.Second        // by which a burst at the start may be ahead
	maxPending     = 1024                   // samples held until then
	maxPendingSize = 4 << 20                // and their bytes
	maxStep        = 2 * time.Second
	firstUse       = 15 * time.Second // of messages, before there is anything to pass on
	firstKeyframe  = 15 * time.Second // of video
	keyframeWithin = 30 * time.Second // of each other
	bitrateWindow  = 10               // seconds
)

// unusableError says what is wrong with a stream, to whoever sends it.
type unusableError struct{ text string }

func (e *unusableError) Error() string { return e.text }

func unusable(format string, args ...any) error {
	return &unusableError{text: fmt.Sprintf(format, args...)}
}

// sink is what a session feeds: a live.Publisher.
type sink interface {
	SetFormat(f stream.Format)
	Write(s live.Sample) error
}

type sessionConfig struct {
	maxBitrateBPS int
	metrics       *metrics
	now           func() time.Time
}

// session turns one publisher's messages into samples. It announces a format once
// audio and video are both here, or after a second of media without the other. A
// track belongs to the format once it has both its parameters and a frame. The first
// moments are held in any case, until it shows how late the first frame was.
type session struct {
	cfg   sessionConfig
	out   sink
	clock clock
	video flv.Video
	audio flv.Audio

	tracks  stream.Format // whose parameters are known
	format  stream.Format // as announced
	decided bool

	began        bool
	first, last  time.Duration // times of the first and the last message
	idle         time.Duration // of messages, before anything could be held
	pending      []live.Sample // until decided
	pendingBytes int

	videoAt time.Duration // time of the last frame
	unkeyed time.Duration // of video since the last keyframe
	seenKey bool
	seenPic bool

	videoPace, audioPace pace

	credit   float64 // bytes that may still come
	creditAt time.Time
}

func newSession(out sink, cfg sessionConfig) *session {
	s := &session{cfg: cfg, out: out, creditAt: cfg.now()}
	s.credit = s.maxCredit()
	return s
}

// metadata takes the frame rate, for streams whose bitstream does not tell it.
func (s *session) metadata(values map[string]any) {
	if rate, ok := values["framerate"].(float64); ok && rate > 0 {
		s.video.FrameRate = rate
	}
}

// message takes one message. An *unusableError, an *flv.UnsupportedError or an
// error of the sink means that the publisher has to go.
func (s *session) message(m guard.Message) error {
	s.cfg.metrics.received.Add(float64(len(m.Body)))
	if err := s.charge(len(m.Body)); err != nil {
		return err
	}
	at := s.clock.unroll(m.Time)
	if !s.began {
		s.began, s.first, s.last = true, at, at
	}
	var u flv.Unit
	var err error
	if m.Video {
		u, err = s.video.Parse(m.Body)
	} else {
		u, err = s.audio.Parse(m.Body)
	}
	if err != nil {
		return s.useless(err)
	}
	if u.Track != nil {
		s.known(m.Video, u.Track)
	}
	if u.Payload != nil {
		now := s.cfg.now()
		if err := s.follow(m.Video, at, now); err != nil {
			return err
		}
		err := s.sample(live.Sample{
			Video: m.Video, Key: u.Key, DTS: at, CTS: u.CTS, Payload: u.Payload, Arrived: now,
		})
		if err != nil {
			return err
		}
	}
	if s.decided {
		return nil
	}
	if s.mayDecide(at) {
		return s.decide()
	}
	return s.expectUse(at)
}

// expectUse ends a stream of which nothing can be passed on, for want of parameters
// or of frames.
func (s *session) expectUse(at time.Duration) error {
	if step := at - s.last; step > 0 && step <= maxStep {
		s.idle += step
	}
	s.last = at
	if s.idle > firstUse {
		return unusable("nothing that can be played came in %d seconds: the encoder's configuration or its frames are missing",
			int(firstUse/time.Second))
	}
	return nil
}

// follow ends a stream that is not live.
func (s *session) follow(video bool, at time.Duration, now time.Time) error {
	if video {
		return s.videoPace.observe(at, now, "video")
	}
	return s.audioPace.observe(at, now, "audio")
}

// useless drops a message that cannot be read, unless the next would be no better.
func (s *session) useless(err error) error {
	var unsupported *flv.UnsupportedError
	if errors.As(err, &unsupported) {
		return err
	}
	s.cfg.metrics.dropped("malformed", 1)
	return nil
}

func (s *session) known(video bool, t *stream.Track) {
	if video {
		s.tracks.Video = t
	} else {
		s.tracks.Audio = t
	}
}

// sample passes on or holds one access unit.
func (s *session) sample(sm live.Sample) error {
	if sm.Video {
		if err := s.expectKeyframes(sm); err != nil {
			return err
		}
	}
	if !s.decided && s.changes(sm.Video) {
		if err := s.decide(); err != nil {
			return err
		}
	}
	if !s.decided {
		s.pending = append(s.pending, sm)
		s.pendingBytes += len(sm.Payload)
		s.include(sm.Video)
		return nil
	}
	if s.include(sm.Video) {
		s.out.SetFormat(s.format)
	}
	return s.out.Write(sm)
}

// changes says whether a sample is of other parameters than those before it.
func (s *session) changes(video bool) bool {
	if video {
		return s.format.Video != nil && s.format.Video != s.tracks.Video
	}
	return s.format.Audio != nil && s.format.Audio != s.tracks.Audio
}

// include makes the track of a sample part of the format. It says whether that
// changed it.
func (s *session) include(video bool) bool {
	if video {
		if s.format.Video == s.tracks.Video {
			return false
		}
		s.format.Video = s.tracks.Video
		return true
	}
	if s.format.Audio == s.tracks.Audio {
		return false
	}
	s.format.Audio = s.tracks.Audio
	return true
}

// mayDecide says whether waiting for another track is over.
func (s *session) mayDecide(at time.Duration) bool {
	limit := decideAfter
	switch {
	case s.format.Video != nil && s.format.Audio != nil:
		limit = settleAfter
	case s.format.Video == nil && s.format.Audio == nil:
		return false
	}
	return (at-s.first).Abs() >= limit || // a jump is no reason to wait on
		len(s.pending) >= maxPending || s.pendingBytes >= maxPendingSize
}

// decide announces the format and passes on what was held.
func (s *session) decide() error {
	s.decided = true
	s.dateFirst()
	s.out.SetFormat(s.format)
	for _, sm := range s.pending {
		if err := s.out.Write(sm); err != nil {
			return err
		}
	}
	s.pending = nil
	return nil
}

// dateFirst moves the arrival of the first sample to when it would have come had it
// been as quick as the quickest of those behind it. Encoders take a moment to start
// and then catch up; the wall clock of everything to come hangs on the first.
func (s *session) dateFirst() {
	if len(s.pending) == 0 {
		return
	}
	first := &s.pending[0]
	var late time.Duration
	for _, sm := range s.pending {
		shown := sm.DTS + sm.CTS - first.DTS
		if l := shown - sm.Arrived.Sub(first.Arrived); l > late && l <= maxHaste {
			late = l
		}
	}
	first.Arrived = first.Arrived.Add(-late)
}

// expectKeyframes ends a stream that nobody could begin to watch.
func (s *session) expectKeyframes(sm live.Sample) error {
	step := sm.DTS - s.videoAt
	s.videoAt = sm.DTS
	if !s.seenPic {
		s.seenPic = true
		step = 0
	}
	if sm.Key {
		s.seenKey, s.unkeyed = true, 0
		return nil
	}
	if step > 0 && step <= maxStep {
		s.unkeyed += step
	}
	limit := firstKeyframe
	if s.seenKey {
		limit = keyframeWithin
	}
	if s.unkeyed > limit {
		return unusable("no keyframe came in %d seconds: set the keyframe interval to 2 seconds",
			int(limit/time.Second))
	}
	return nil
}

func (s *session) maxCredit() float64 { return bitrateWindow * float64(s.cfg.maxBitrateBPS) / 8 }

// charge ends a stream that is above the bitrate limit for longer than a burst.
func (s *session) charge(n int) error {
	s.credit -= float64(n)
	if s.credit >= 0 {
		return nil
	}
	now := s.cfg.now()
	s.credit = min(s.maxCredit(), s.credit+now.Sub(s.creditAt).Seconds()*float64(s.cfg.maxBitrateBPS)/8)
	s.creditAt = now
	if s.credit < 0 {
		return unusable("the stream exceeds the limit of %.3g Mbit/s", float64(s.cfg.maxBitrateBPS)/1e6)
	}
	return nil
}
