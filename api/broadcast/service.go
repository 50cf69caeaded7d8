// Package broadcast keeps the airings of channels: planned, on air and past. It
// follows what is on air, finds the broadcast that a publisher's session belongs to,
// writes down what was measured, and tells followers.
package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"bandstand/api/mail"
	"bandstand/storage/db"
)

// Live tells what is on air. It is asked every few seconds and answers from memory.
type Live interface {
	// OnAir returns the sessions that are on air or wait for their publishers to
	// return, here and on the nodes that report here. The caller keeps the slice.
	OnAir() []Sample
}

// Hooks tells programs of channel owners what happens.
type Hooks interface {
	// Fire tells of event once tx is committed. payload is public.
	Fire(ctx context.Context, tx *db.Tx, channelID uuid.UUID, event string, payload any) error
}

// Jobs takes work that is done in the background.
type Jobs interface {
	// Insert adds a job in tx: it runs once tx is committed.
	Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// Mailer takes mails.
type Mailer interface {
	// Queue sends m once tx is committed.
	Queue(ctx context.Context, tx *db.Tx, m mail.Message) error
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB      *db.DB
	BaseURL string // address of this server, such as https://live.example.org

	Live     Live     // nothing is ever on air if nil
	Audience Audience // as Live says if nil
	Hooks    Hooks    // nobody is told if nil
	Jobs     Jobs     // no reminders if nil
	// Begins is called in the transaction that puts a broadcast on air; may be nil.
	Begins func(ctx context.Context, tx *db.Tx, channel, broadcast uuid.UUID) error
	Mailer Mailer // no reminders if nil

	// Secret is what the links in reminders that take them back are signed with.
	// Required with a Mailer.
	Secret   []byte
	Previous [][]byte // secrets whose links are still good

	// Resume is how long a broadcast waits for its publisher to return once its
	// session has ended, or this program has; 2 min if zero.
	Resume time.Duration
	// FlushEvery is the time between looks at what is on air; 3s if zero.
	FlushEvery time.Duration

	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (cfg *Config) validate() error {
	var errs []error
	if cfg.DB == nil || cfg.Logger == nil || cfg.Registerer == nil {
		errs = append(errs, errors.New("a database, a logger and a registerer are required"))
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		errs = append(errs, errors.New("BaseURL is not like https://live.example.org"))
	}
	if cfg.Mailer != nil && len(cfg.Secret) == 0 {
		errs = append(errs, errors.New("a secret is required to send reminders"))
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Live == nil {
		cfg.Live = nothing{}
	}
	if cfg.Hooks == nil {
		cfg.Hooks = nothing{}
	}
	if cfg.Resume == 0 {
		cfg.Resume = 2 * time.Minute
	}
	if cfg.FlushEvery == 0 {
		cfg.FlushEvery = 3 * time.Second
	}
	if cfg.Resume < 0 || cfg.FlushEvery < 0 {
		errs = append(errs, errors.New("durations cannot be negative"))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return errors.Join(errs...)
}

// Service holds the rules of broadcasts. It is safe for concurrent use.
type Service struct {
	cfg     Config
	metrics *metrics
	keys    [][]byte // as of unsubscribeKeys
	began   chan struct{}
}

// NewService returns a Service. It follows what is on air once Run is called.
func NewService(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	keys, err := unsubscribeKeys(cfg.Secret, cfg.Previous)
	if err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	return &Service{cfg: cfg, metrics: newMetrics(cfg.Registerer), keys: keys, began: make(chan struct{}, 1)}, nil
}

// nothing is the Live of a process without sessions, and Hooks that tell nobody.
type nothing struct{}

func (nothing) OnAir() []Sample { return nil }

func (nothing) Fire(context.Context, *db.Tx, uuid.UUID, string, any) error { return nil }
