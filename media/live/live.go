// Package live knows who is on air. It opens a session when a publisher comes,
// resumes it when the publisher returns, guards it against a second one, and ends
// it when nobody comes back, when its stream key is revoked, or at shutdown.
package live

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"bandstand/media/stream"

	"github.com/prometheus/client_golang/prometheus"
)

// What a publisher is told when it cannot come or has to go.
var (
	ErrBusy      = errors.New("the channel is on air from another publisher")
	ErrTakenOver = errors.New("another publisher has taken over the channel")
	ErrRevoked   = errors.New("the stream key was revoked")
	ErrClosed    = errors.New("the server is shutting down")
	ErrGone      = errors.New("the connection has ended")

	errNoReturn = errors.New("the publisher did not return")
)

// Grant is what the owner of a stream key may publish.
type Grant struct {
	Channel   string // slug
	ChannelID string
	KeyID     string
	Title     string
	Ladder    []stream.Rung // the channel's own rungs; nil means the server's
	Private   bool          // whether only those may watch who show a signed path
}

// Source says where a publisher comes from.
type Source struct {
	Protocol string // "rtmp", "rtmps"
	Remote   string // address without the port
}

// Sample is one access unit in the publisher's own time.
type Sample struct {
	Video, Key bool
	DTS        time.Duration // any origin; growing within a track, wraps unrolled
	CTS        time.Duration // PTS - DTS
	Payload    []byte        // in ISO BMFF sample format; the session's from now on

	// Arrived is when it came in, now if zero. That of a connection's first sample
	// ties the publisher's clock to ours: no frame should be dated after it came.
	Arrived time.Time
}

// Consumer follows a session from its first packet to its last.
type Consumer struct {
	Name  string
	Queue stream.QueueConfig

	// Run consumes q until io.EOF and then returns nil; it may take a few seconds
	// to finish what it has. ctx ends only when that took too long.
	Run func(ctx context.Context, q *stream.Queue) error
}

// Outputs is what a session feeds.
type Outputs struct {
	Consumers []Consumer

	// Done is called once, when every consumer has returned.
	Done func()
}

// Keys watches the stream keys that are in use.
type Keys interface {
	// Revoked returns those of ids that no longer open their channel. An error
	// means "could not ask", and everything on air stays there.
	Revoked(ctx context.Context, ids []string) ([]string, error)
}

// Config is what a Registry needs.
type Config struct {
	// Outputs connects a session at its first packet, whose format is f. It is
	// called with the session locked: it may keep s, but not call it. Required.
	Outputs func(s *Session, g Grant, f stream.Format) Outputs
	Keys    Keys // required

	Grace       time.Duration // how long a session waits for its publisher; 30s if zero
	SilentAfter time.Duration // a publisher silent for longer yields to the next; 3s if zero
	Takeover    bool          // a second publisher takes over, rather than being refused
	CheckEvery  time.Duration // between looks at the stream keys; 1s if zero
	DrainFor    time.Duration // how long consumers may finish after the end; 5s if zero

	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (c *Config) validate() error {
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.Grace, 30*time.Second)
	setDefault(&c.SilentAfter, 3*time.Second)
	setDefault(&c.CheckEvery, time.Second)
	setDefault(&c.DrainFor, 5*time.Second)
	var errs []error
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Outputs", c.Outputs == nil},
		{"Keys", c.Keys == nil},
		{"Logger", c.Logger == nil},
		{"Registerer", c.Registerer == nil},
	} {
		if need.missing {
			errs = append(errs, errors.New(need.name+" is required"))
		}
	}
	for _, d := range []time.Duration{c.Grace, c.SilentAfter, c.CheckEvery, c.DrainFor} {
		if d < 0 {
			errs = append(errs, errors.New("durations cannot be negative"))
			break
		}
	}
	return errors.Join(errs...)
}

func setDefault(d *time.Duration, to time.Duration) {
	if *d == 0 {
		*d = to
	}
}
