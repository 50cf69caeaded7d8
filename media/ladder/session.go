package ladder

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"bandstand/media/stream"
	"bandstand/transcode"
)

const (
	briefEpoch = time.Second
	mostBrief  = 4 // brief epochs in a row that are put up with
)

// session is one publisher's time on air. One goroutine runs it; the encoders that
// it starts put out their frames one after the other.
type session struct {
	*Ladder
	queue    *stream.Queue
	override []stream.Rung
	out      Output

	backoff backoff
	shed    shedding
	dts     map[string]*int64 // by rung; the last DTS given
	active  map[string]bool   // rungs that the latest run has

	prev  chan struct{}  // closed when what came before has put out its last frame
	older chan struct{}  // the prev of prev: no encoder starts while that one runs
	brief int            // epochs in a row that were over at once
	tasks sync.WaitGroup // runs and stills

	lost      uint64    // queue losses counted so far
	nextStill time.Time // not before
	still     chan struct{}
	failing   bool // runs fail, and the log knows
}

// run is the body of Ladder.Run.
func (s *session) run(ctx context.Context) error {
	defer s.tasks.Wait()
	defer s.countLost()
	var t taken
	var err error
	for {
		if t.packet == nil {
			if t, err = s.pop(ctx); err != nil {
				return unlessEnded(ctx, err)
			}
		}
		video := t.packet.Epoch.Format.Video
		if video != nil && (t.packet.Track != video || !t.packet.Key) {
			s.metrics.dropped.Inc()
			t = taken{}
			continue
		}
		if rungs := s.rungs(t.packet.Epoch.Format); len(rungs) > 0 {
			t, err = s.encode(ctx, t, rungs)
		} else {
			t, err = s.watch(ctx, t)
		}
		if err != nil {
			return unlessEnded(ctx, err)
		}
	}
}

// unlessEnded returns err if it is neither of the two good ends.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() == nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (s *session) pop(ctx context.Context) (taken, error) {
	p, gap, err := s.queue.Pop(ctx)
	return taken{p, gap}, err
}

// rungs returns the plan for f without those that are shed.
func (s *session) rungs(f stream.Format) []stream.Rung {
	plan := s.Plan(f, s.override)
	return plan[min(s.shed.count, len(plan)):]
}

// retries says whether, with p, a rung that was shed is to be tried again.
func (s *session) retries(p *stream.Packet) bool {
	return p.Key && p.Track == p.Epoch.Format.Video && s.shed.due(time.Now())
}

// encode runs an encoder from t on, and returns what the next one begins with once
// this one takes no more. Its last frames may still be on the way out then. If it
// fails, nothing is returned until it is time to start another.
func (s *session) encode(ctx context.Context, t taken, rungs []stream.Rung) (taken, error) {
	<-s.older // it ends in some seconds at most
	r := s.newRun(t, rungs)
	s.cfg.Logger.DebugContext(ctx, "encoder starts", "epoch", t.packet.Epoch.Number, "rungs", len(rungs))
	s.tasks.Go(func() { r.process(ctx) })
	h := <-r.fed
	s.countLost()
	switch {
	case h.err == nil:
		if s.retries(h.next.packet) {
			s.shed.restore(time.Now())
			s.cfg.Logger.InfoContext(ctx, "rung is tried again", "rungs", len(rungs)+1)
		}
		return s.settle(ctx, r, h.next)
	case errors.Is(h.err, io.EOF):
		return taken{}, io.EOF
	}
	<-r.done
	if ctx.Err() != nil {
		return taken{}, ctx.Err()
	}
	return taken{}, s.discard(ctx, s.failed(ctx, r))
}

// settle returns next, after a run that served its epoch. A source that changes its
// parameters again and again within a second is not worth an encoder each time: for
// a while it gets none.
func (s *session) settle(ctx context.Context, r *run, next taken) (taken, error) {
	if stream.Duration(r.length, stream.VideoClockRate) >= briefEpoch {
		s.brief = 0
		return next, nil
	}
	s.brief++
	if s.brief < mostBrief {
		return next, nil
	}
	s.retire(nil)
	wait := s.backoff.after(0)
	s.cfg.Logger.WarnContext(ctx, "source keeps changing: no encoder for a while", "retry_in", wait)
	return taken{}, s.discard(ctx, wait)
}

// newRun takes its place in the order of runs.
func (s *session) newRun(t taken, rungs []stream.Rung) *run {
	r := &run{
		session: s, first: t.packet, gap: t.gap, rungs: rungs,
		frames: newFrames(t.packet, len(rungs)),
		done:   make(chan struct{}),
		fed:    make(chan handover, 1),
		began:  time.Now(),
	}
	s.retire(rungs)
	r.prev = s.prev
	s.older, s.prev = s.prev, r.done
	for i, rung := range rungs {
		if s.dts[rung.Name] == nil {
			s.dts[rung.Name] = new(int64)
		}
		r.outputs = append(r.outputs, &rungOutput{run: r, index: i, rung: rung, dts: s.dts[rung.Name]})
	}
	return r
}

// retire says that active rungs which are not among next are down, once their last
// frames are out.
func (s *session) retire(next []stream.Rung) {
	gone := s.active
	s.active = make(map[string]bool)
	for _, r := range next {
		s.active[r.Name] = true
		delete(gone, r.Name)
	}
	if len(gone) == 0 {
		return
	}
	prev, done := s.prev, make(chan struct{})
	s.prev = done
	s.tasks.Go(func() {
		defer close(done)
		<-prev
		for name := range gone {
			s.out.RungDown(name)
		}
	})
}

// failed counts and logs the failure of a run, sheds a rung if it was overloaded,
// and returns how long to wait.
func (s *session) failed(ctx context.Context, r *run) time.Duration {
	reason, lasted := reasonOf(r.err), time.Since(r.began)
	s.metrics.restarts.WithLabelValues(reason).Inc()
	log := s.cfg.Logger.With("reason", reason, "err", r.err, "lasted", lasted)
	if errors.Is(r.err, errOverload) {
		s.shed.drop(time.Now())
		s.metrics.shed.WithLabelValues(shedReason(r.err)).Inc()
		log.WarnContext(ctx, "rung is shed", "rung", r.rungs[0].Name, "left", len(r.rungs)-1, "retry_in", s.shed.wait)
		return 0
	}
	wait := s.backoff.after(lasted)
	if s.failing {
		log.DebugContext(ctx, "encoder failed again", "retry_in", wait)
	} else {
		log.WarnContext(ctx, "encoder failed", "retry_in", wait)
	}
	s.failing = true
	return wait
}

// recovered notes that a run has lasted. The run's feed calls it, while the session
// waits for that.
func (s *session) recovered(ctx context.Context, r *run) {
	if s.failing {
		s.failing = false
		s.cfg.Logger.InfoContext(ctx, "encoder works again", "rungs", len(r.rungs))
	}
}

// reasonOf names a failure in the metrics.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, errOverload):
		return "overload"
	case errors.Is(err, errStalled):
		return "stall"
	case errors.Is(err, errGarbage):
		return "garbage"
	case errors.Is(err, transcode.ErrStart):
		return "start"
	default:
		return "exit"
	}
}

func shedReason(err error) string {
	if errors.Is(err, errHoles) {
		return "queue"
	}
	return "lag"
}

// discard throws packets away for d, and what is queued then. What comes next is
// at most as old as the next keyframe.
func (s *session) discard(ctx context.Context, d time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for {
		_, _, err := s.queue.Pop(wait)
		if wait.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		s.metrics.dropped.Inc()
	}
	s.queue.Skip()
	s.countLost()
	return ctx.Err()
}

// countLost adds what the queue has lost to the metrics.
func (s *session) countLost() {
	lost := s.queue.Lost()
	s.metrics.dropped.Add(float64(lost - s.lost))
	s.lost = lost
}
