package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"bandstand/media/hls/conform"
)

const (
	senders  = 4                    // goroutines that feed all publishers
	tick     = 5 * time.Millisecond // what is due is sent this often
	tooLate  = time.Second          // a load that lags more is no load
	rampStep = 25 * time.Millisecond
)

// load publishes one clip many times in real time. Each pass goes on where the
// time of the one before ended.
type load struct {
	clip     *clip
	messages []message
	stamped  bool // every frame carries its send time; costs a copy of each
	worst    atomic.Int64
}

func newLoad(c *clip, stamped bool) *load {
	l := &load{clip: c, stamped: stamped}
	for _, t := range c.media {
		l.messages = append(l.messages, newMessage(t))
	}
	return l
}

// source is one publisher and where it is in the clip.
type source struct {
	pub    *publisher
	start  time.Time
	next   int    // index of its next message
	offset uint32 // milliseconds of the passes before
	frames uint32
}

// run publishes to all keys until ctx ends. It closes ready once all of them are
// publishing. A publisher that is refused or cut off is an error.
func (l *load) run(ctx context.Context, addr string, keys []string, ready chan<- struct{}) error {
	shares := make([][]*source, senders)
	defer func() {
		for _, share := range shares {
			for _, s := range share {
				s.pub.conn.Close()
			}
		}
	}()
	var mu [senders]sync.Mutex // guards its share while publishers are added
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	defer group.Wait()
	for i := range senders {
		group.Go(func() {
			if err := l.send(ctx, &mu[i], &shares[i]); err != nil {
				cancel(err)
			}
		})
	}
	defer cancel(nil)
	for i, key := range keys {
		s, err := l.open(ctx, addr, key)
		if err != nil {
			return fmt.Errorf("publisher %d: %w", i, err)
		}
		group.Go(func() { // the server's acknowledgements
			_, err := io.Copy(io.Discard, s.pub.conn)
			if ctx.Err() == nil {
				cancel(fmt.Errorf("publisher %d was cut off: %w", i, errors.Join(err, io.EOF)))
			}
		})
		context.AfterFunc(ctx, func() { s.pub.conn.Close() })
		mu[i%senders].Lock()
		shares[i%senders] = append(shares[i%senders], s)
		mu[i%senders].Unlock()
		if err := pause(ctx, rampStep); err != nil {
			break
		}
	}
	if ctx.Err() == nil {
		close(ready)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (l *load) open(ctx context.Context, addr, key string) (*source, error) {
	pub, err := publish(ctx, addr, key)
	if err != nil {
		return nil, err
	}
	pub.conn.SetDeadline(time.Time{})
	for _, t := range l.clip.head {
		m := newMessage(t)
		m.ms = 0
		pub.queue(m, 0)
	}
	return &source{pub: pub, start: time.Now()}, pub.flush()
}

// send feeds the publishers of a share what is due, tick after tick.
func (l *load) send(ctx context.Context, mu *sync.Mutex, share *[]*source) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		mu.Lock()
		now := *share
		mu.Unlock()
		for _, s := range now {
			if err := l.feed(s); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// feed sends what is due of one publisher in one write.
func (l *load) feed(s *source) error {
	at := time.Now()
	due := uint32(at.Sub(s.start).Milliseconds())
	for l.messages[s.next].ms+s.offset <= due {
		late := at.Sub(s.start) - time.Duration(l.messages[s.next].ms+s.offset)*time.Millisecond
		if late > time.Duration(l.worst.Load()) {
			l.worst.Store(int64(late))
		}
		if err := l.queue(s, at); err != nil {
			return err
		}
		s.next++
		if s.next == len(l.messages) {
			s.next, s.offset = 0, s.offset+l.clip.loop
		}
	}
	return s.pub.flush()
}

func (l *load) queue(s *source, at time.Time) error {
	m := l.messages[s.next]
	if l.stamped && m.kind == tagVideo {
		body, err := conform.Stamp(l.clip.media[s.next].body, at, s.frames)
		if err != nil {
			return err
		}
		s.frames++
		m = newMessage(flvTag{kind: m.kind, ms: m.ms, body: body})
	}
	s.pub.queue(m, s.offset)
	return nil
}

// late is the longest that a message waited after it was due, since the last call.
func (l *load) late() time.Duration { return time.Duration(l.worst.Swap(0)) }

// during publishes to keys and calls work once all of them are on air.
func (l *load) during(ctx context.Context, addr string, keys []string, work func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- l.run(ctx, addr, keys, ready) }()
	worked := make(chan error, 1)
	select {
	case <-ready:
	case err := <-done:
		return err
	}
	l.late()
	workCtx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { worked <- work(workCtx) }()
	select {
	case err := <-worked:
		cancel()
		l.judge()
		return errors.Join(err, <-done)
	case err := <-done:
		stop()
		return errors.Join(err, <-worked)
	}
}

// judge warns of a load that was none: its core was busy, or the server did not
// read.
func (l *load) judge() {
	if late := l.late(); late > tooLate {
		logf("WARNING: the load was up to %v late; what was measured with it is worth little", late)
	}
}
