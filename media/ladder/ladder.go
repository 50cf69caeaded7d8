// Package ladder has the source of a live stream encoded into rungs: it feeds one
// ffmpeg per epoch, turns what comes back into renditions whose frames have the
// source's times, and starts again what fails, without ever holding up the source.
package ladder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bandstand/media/stream"
	"bandstand/transcode"
)

// Config is what a Ladder needs. Every field has a default.
type Config struct {
	FFmpeg         transcode.Config
	Rungs          []stream.Rung // DefaultRungs if nil; empty encodes nothing
	ThumbnailEvery time.Duration // 5s if zero; none if negative

	StallAfter    time.Duration // longest silence of an ffmpeg that is being fed; 3s if zero
	MaxLag        time.Duration // how far behind the source a rung may be; 2s if zero
	OverloadAfter time.Duration // how long it may be behind MaxLag; 5s if zero
	RetryAfter    time.Duration // until a rung that was shed is tried again; 3 min if zero

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// DefaultRungs returns the ladder for machines without an encoder card.
func DefaultRungs() []stream.Rung {
	return []stream.Rung{
		{Name: "720p", Height: 720, BitrateBPS: 2_800_000, MaxFrameRate: 30},
		{Name: "480p", Height: 480, BitrateBPS: 1_400_000, MaxFrameRate: 30},
		{Name: "360p", Height: 360, BitrateBPS: 700_000, MaxFrameRate: 30},
	}
}

// Output receives what a Ladder makes of one session. Calls about one rung come one
// after the other; different rungs call at the same time. They must not block: who
// does stops the ladder, though not the source.
type Output interface {
	// WriteRung takes the next frame of a rung. Its Epoch changes with every ffmpeg.
	// PTS and NTP are those of the source's frame, and it is Key where that is.
	WriteRung(rung string, p *stream.Packet)

	// RungDown says that frames of the rung are missing before the next one, or that
	// it has been given up for now. It goes on, if at all, at a keyframe.
	RungDown(rung string)

	// SetThumbnail takes ownership of a picture of what is on air.
	SetThumbnail(jpeg []byte)
}

// Ladder encodes sessions.
type Ladder struct {
	cfg     Config
	metrics *metrics
}

// New returns a Ladder. It does not look for ffmpeg, which may come later.
func New(cfg Config) (*Ladder, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("ladder: %w", err)
	}
	return &Ladder{cfg: cfg, metrics: newMetrics(cfg.Registerer)}, nil
}

// complete fills defaults and reports everything that is wrong.
func (c *Config) complete() error {
	ffmpeg, err := c.FFmpeg.WithDefaults()
	c.FFmpeg = ffmpeg
	if c.Rungs == nil {
		c.Rungs = DefaultRungs()
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.ThumbnailEvery, 5 * time.Second},
		{&c.StallAfter, 3 * time.Second},
		{&c.MaxLag, 2 * time.Second},
		{&c.OverloadAfter, 5 * time.Second},
		{&c.RetryAfter, 3 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return errors.Join(err, CheckRungs(c.Rungs))
}

// Run encodes one session: the packets of q, into override's rungs if that is not
// nil. It takes all that q has and never holds it up for more than some seconds, for
// which q must have room. It returns nil when q has ended and the last frame is
// out, or when ctx has ended. A failing ffmpeg is started again and again: see the
// log and the metrics.
func (l *Ladder) Run(ctx context.Context, q *stream.Queue, override []stream.Rung, out Output) error {
	s := &session{
		Ladder: l, queue: q, override: override, out: out,
		dts: make(map[string]*int64), active: make(map[string]bool),
		backoff: backoff{first: firstBackoff, most: maxBackoff},
		shed:    shedding{after: l.cfg.RetryAfter},
		prev:    closed(), older: closed(),
	}
	return s.run(ctx)
}

// closed returns a channel that is closed.
func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
