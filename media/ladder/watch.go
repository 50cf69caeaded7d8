package ladder

import (
	"context"
	"slices"
	"time"

	"bandstand/transcode"
)

// watch follows an epoch that gets no rungs, and makes a still of a keyframe now
// and then. It returns the packet with which that changes.
func (s *session) watch(ctx context.Context, t taken) (taken, error) {
	s.retire(nil)
	epoch := t.packet.Epoch
	for {
		if p := t.packet; p.Key && p.Track == epoch.Format.Video {
			s.considerStill(ctx, t)
		}
		var err error
		if t, err = s.pop(ctx); err != nil {
			return taken{}, err
		}
		if s.retries(t.packet) {
			s.shed.restore(time.Now())
			return t, nil
		}
		if t.packet.Epoch != epoch {
			return t, nil
		}
	}
}

// considerStill starts a still of the keyframe t if it is time and none is being
// made.
func (s *session) considerStill(ctx context.Context, t taken) {
	now := time.Now()
	if s.cfg.ThumbnailEvery < 0 || now.Before(s.nextStill) {
		return
	}
	if s.still != nil {
		select {
		case <-s.still:
		default:
			return
		}
	}
	p := t.packet
	b, err := matroskaHeader(p.Track, 0)
	if err != nil {
		return // as the source is, there is nothing to show
	}
	b = appendFrame(slices.Clip(b), startMS, true, p.Payload)
	s.nextStill = now.Add(s.cfg.ThumbnailEvery)
	s.still = make(chan struct{})
	prev, done := s.prev, s.still
	s.tasks.Go(func() {
		defer close(done)
		s.metrics.processes.Inc()
		jpeg, err := transcode.Still(ctx, s.cfg.FFmpeg, b)
		s.metrics.processes.Dec()
		if err != nil {
			s.cfg.Logger.DebugContext(ctx, "no still", "err", err)
			return
		}
		<-prev
		s.out.SetThumbnail(jpeg)
	})
}
