package ladder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"bandstand/media/stream"
	"bandstand/transcode"
)

const (
	startupTime = 10 * time.Second // longest wait for an encoder's first frame
	drainTime   = 3 * time.Second  // for its last ones, when the input has ended
)

var (
	errStalled  = errors.New("encoder has stalled")
	errOverload = errors.New("encoder is too slow")
	errBehind   = fmt.Errorf("%w: rungs lag", errOverload)
	errHoles    = fmt.Errorf("%w: source frames were lost", errOverload)
)

// run is one encoder process, from a keyframe on.
type run struct {
	session *session
	first   *stream.Packet
	gap     bool // the source lost frames before first
	rungs   []stream.Rung
	frames  *frames
	outputs []*rungOutput

	prev <-chan struct{} // closed when the run before has put out its last frame
	done chan struct{}   // closed when this one has; err is set
	err  error

	fed    chan handover // gets one value when this run takes no more from the queue
	served bool          // the feed got to its end: a failure after that is of the drain
	began  time.Time
	length int64  // ticks of source that were fed
	buf    []byte // scratch of the feed
}

// handover is how a run leaves the queue to the next.
type handover struct {
	next taken // what the next run begins with, if it was taken already
	err  error // io.EOF at the end of the queue
}

// taken is a packet that came out of the queue.
type taken struct {
	packet *stream.Packet
	gap    bool
}

// process lets the encoder run to its end.
func (r *run) process(ctx context.Context) {
	defer close(r.done)
	m := r.session.metrics
	job := r.session.job(r.first.Track, r.rungs)
	p := transcode.Program{
		Binary: r.session.cfg.FFmpeg.Binary, Args: transcode.Args(r.session.cfg.FFmpeg, job),
		Feed: r.feed, Grace: drainTime,
	}
	for _, o := range r.outputs {
		p.Outputs = append(p.Outputs, o.read)
	}
	if job.ThumbnailEvery > 0 {
		p.Outputs = append(p.Outputs, r.readThumbnails)
	}
	m.processes.Inc()
	r.err = p.Run(ctx)
	m.processes.Dec()
	select {
	case r.fed <- handover{err: r.err}: // it never got to feeding
	default:
	}
	<-r.prev
	if r.err == nil || ctx.Err() != nil {
		return
	}
	if r.served { // nobody waits for it any more
		reason := reasonOf(r.err)
		m.restarts.WithLabelValues(reason).Inc()
		r.session.cfg.Logger.WarnContext(ctx, "encoder failed at its end", "reason", reason, "err", r.err)
	}
	for _, rung := range r.rungs {
		r.session.out.RungDown(rung.Name)
	}
}

func (r *run) readThumbnails(from io.Reader) error {
	err := transcode.ReadThumbnails(from, func(jpeg []byte) {
		<-r.prev
		r.session.out.SetThumbnail(jpeg)
	})
	if err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", errGarbage, err)
	}
	return err
}

// feed gives the encoder the packets of one epoch.
func (r *run) feed(ctx context.Context, w *os.File) error {
	next, err := r.pump(ctx, w)
	r.served = err == nil || errors.Is(err, io.EOF)
	r.fed <- handover{next: next, err: err}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// pump returns the first packet that is not for this encoder, or why it cannot go on.
func (r *run) pump(ctx context.Context, w *os.File) (taken, error) {
	if err := r.writeHeader(w); err != nil {
		return taken{}, err
	}
	cfg := &r.session.cfg
	late := lateness{most: cfg.MaxLag, after: cfg.OverloadAfter}
	holes := r.session.queue.Holes()
	t := taken{r.first, r.gap}
	var rested time.Duration
	for {
		if t.packet.Track == r.first.Track {
			if err := r.writeFrame(w, t, rested); err != nil {
				return taken{}, err
			}
		}
		now := time.Now()
		if now.Sub(r.began) >= healthyAfter {
			r.session.recovered(ctx, r)
		}
		if late.observe(now, r.frames.lagging()) {
			return taken{}, errBehind
		}
		if r.session.queue.Holes() != holes {
			return taken{}, errHoles
		}
		p, gap, err := r.session.queue.Pop(ctx)
		if err != nil {
			return taken{}, err
		}
		t, rested = taken{p, gap}, time.Since(now)
		if p.Epoch != r.first.Epoch || r.session.retries(p) {
			return t, nil
		}
	}
}

func (r *run) writeHeader(w *os.File) error {
	// Encoders that are not told otherwise take the input's rate for theirs.
	rate := expectedFrameRate(r.first.Track.FrameRate, r.rungs[0])
	b, err := matroskaHeader(r.first.Track, rate)
	if err != nil {
		return err
	}
	_, err = w.Write(b) // an empty pipe has room for it
	return err
}

// writeFrame gives one frame to the encoder, unless that has stopped working.
func (r *run) writeFrame(w *os.File, t taken, rested time.Duration) error {
	now := time.Now()
	p := t.packet
	ms, err := r.frames.add(p, t.gap, rested, now)
	if err != nil {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	patience := r.frames.patience(now, startupTime, r.session.cfg.StallAfter)
	if patience <= 0 {
		return errStalled
	}
	r.buf = appendFrame(r.buf[:0], ms, p.Key, p.Payload)
	if err := w.SetWriteDeadline(now.Add(patience)); err != nil {
		return err
	}
	r.length = p.DTS - r.first.DTS
	_, err = w.Write(r.buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: it reads nothing", errStalled)
	}
	return err
}
