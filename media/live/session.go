package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"bandstand/media/stream"

	"github.com/google/uuid"
)

// Session is one publisher's time on air, reconnections included.
type Session struct {
	ID      string
	Channel string // slug
	Started time.Time

	reg    *Registry
	log    *slog.Logger
	stream stream.Stream
	done   chan struct{}
	lost   atomic.Uint64 // packets, by all consumers

	mu        sync.Mutex
	cancel    context.CancelFunc // guarded by mu; of the consumers, nil before the first epoch
	grant     Grant              // guarded by mu; of the latest publisher
	publisher *Publisher         // guarded by mu; nil while waiting for it to return
	grace     *time.Timer        // guarded by mu; runs while publisher is nil
	ended     bool               // guarded by mu
	timeline  *stream.Timeline   // guarded by mu
	audio     sampleClock        // guarded by mu
	videoDTS  int64              // guarded by mu; last given
	epoch     *stream.Epoch      // guarded by mu; nil before the first packet
	health    meter              // guarded by mu
	connects  int                // guarded by mu; publishers so far
	source    Source             // guarded by mu; of the latest publisher
}

func newSession(r *Registry, g Grant) *Session {
	id := uuid.Must(uuid.NewV7()).String()
	return &Session{
		ID:       id,
		Channel:  g.Channel,
		Started:  r.cfg.Now(),
		reg:      r,
		log:      r.cfg.Logger.With("channel", g.Channel, "session", id),
		done:     make(chan struct{}),
		grant:    g,
		timeline: stream.NewTimeline(),
	}
}

// Grant returns what the latest publisher may do.
func (s *Session) Grant() Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant
}

// Done is closed when the session has ended and all its consumers have returned.
func (s *Session) Done() <-chan struct{} { return s.done }

// run connects the consumers to a session whose publisher sends f, and sees to it
// that the registry waits for all of them. s.mu is held.
func (s *Session) run(f stream.Format) {
	out := s.reg.cfg.Outputs(s, s.grant, f)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	var consumers sync.WaitGroup
	for _, c := range out.Consumers {
		count := s.reg.metrics.onLoss(c.Name)
		c.Queue.OnLoss = func(hole bool) {
			s.lost.Add(1)
			count(hole)
		}
		q := s.stream.Attach(c.Queue)
		consumers.Go(func() { s.consume(ctx, c, q) })
	}
	s.reg.running.Go(func() {
		defer close(s.done)
		defer cancel()
		consumers.Wait()
		if out.Done != nil {
			out.Done()
		}
	})
}

// consume runs c. A consumer that fails leaves the session to the others.
func (s *Session) consume(ctx context.Context, c Consumer, q *stream.Queue) {
	defer s.stream.Detach(q)
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return c.Run(ctx, q)
	}()
	if lost := q.Lost(); lost > 0 {
		s.log.Warn("consumer lost packets", "consumer", c.Name, "holes", q.Holes(), "packets", lost)
	}
	if err == nil && !s.isEnded() {
		err = errors.New("it stopped before the session")
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("consumer failed", "consumer", c.Name, "err", err)
	}
}

func (s *Session) isEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// connect makes a publisher from src the session's, if the one that is there
// yields. The error is ErrBusy otherwise.
func (s *Session) connect(g Grant, src Source) (*Publisher, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, ErrBusy // its last packets are being written: come back in a moment
	}
	if old := s.publisher; old != nil {
		silent := s.reg.cfg.Now().Sub(old.heard)
		if !s.reg.cfg.Takeover && silent <= s.reg.cfg.SilentAfter {
			return nil, ErrBusy
		}
		s.log.Info("publisher replaced", "silent", silent, "remote", src.Remote)
		old.stop(ErrTakenOver)
	}
	if s.grace != nil {
		s.grace.Stop()
		s.grace = nil
	}
	s.grant = g
	s.timeline.Restart()
	p := &Publisher{session: s, heard: s.reg.cfg.Now(), gone: make(chan struct{})}
	s.publisher = p
	s.connects++
	s.source = src
	s.log.Debug("publisher connected", "remote", src.Remote, "protocol", src.Protocol)
	return p, nil
}

// disconnect begins the wait for p, which has ended, to return.
func (s *Session) disconnect(p *Publisher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher != p || s.ended {
		return
	}
	s.publisher = nil
	s.log.Info("publisher left", "grace", s.reg.cfg.Grace)
	s.grace = time.AfterFunc(s.reg.cfg.Grace, func() { s.end(nil) })
}

// end takes the session off air. why is what a publisher that is still there is
// told; without one it is that nobody returned, and then a publisher that is there
// means that it did.
func (s *Session) end(why error) {
	s.mu.Lock()
	if s.ended || (why == nil && s.publisher != nil) {
		s.mu.Unlock()
		return
	}
	s.ended = true
	if s.grace != nil {
		s.grace.Stop()
	}
	if s.publisher != nil {
		s.publisher.stop(why)
		s.publisher = nil
	}
	if s.cancel == nil {
		close(s.done) // nothing ever came
	} else {
		time.AfterFunc(s.reg.cfg.DrainFor, s.cancel)
	}
	s.mu.Unlock()
	s.reg.forget(s)
	s.stream.Close()
	if why == nil {
		why = errNoReturn
	}
	s.log.Info("session ended", "reason", why, "after", s.reg.cfg.Now().Sub(s.Started).Round(time.Millisecond))
}
