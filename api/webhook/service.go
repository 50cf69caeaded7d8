// Package webhook tells programs of channel owners what happens on their channels:
// signed requests as in the Standard Webhooks specification, sent by jobs that try
// again, and only to addresses of the internet.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"bandstand/api/webhook/outbound"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Jobs takes work that is done in the background.
type Jobs interface {
	// Insert adds a job in tx: it runs once tx is committed.
	Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB            *db.DB
	Jobs          Jobs
	Secret        []byte         // of the server: secrets of webhooks are encrypted with it
	Previous      [][]byte       // secrets of the server before this one
	AllowNetworks []netip.Prefix // internal networks to which webhooks may go all the same
	Resolver      *net.Resolver  // the system's if nil
	Timeout       time.Duration  // of one request; 10s if zero
	MaxPerChannel int            // webhooks of one channel; 10 if zero
	KeepFor       time.Duration  // how long deliveries are listed; 30 days if zero
	Version       string         // of the program, for User-Agent; "dev" if empty
	Now           func() time.Time
	Logger        *slog.Logger
	Registerer    prometheus.Registerer
}

// Service holds the rules of webhooks. It is safe for concurrent use.
type Service struct {
	cfg     Config
	out     outbound.Config
	client  *http.Client
	boxes   *boxes
	metrics *metrics
}

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Jobs == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return nil, errors.New("webhook: a database, jobs, a logger and a registerer are required")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.MaxPerChannel == 0 {
		cfg.MaxPerChannel = 10
	}
	if cfg.KeepFor == 0 {
		cfg.KeepFor = 30 * 24 * time.Hour
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	boxes, err := newBoxes(cfg.Secret, cfg.Previous)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	out := outbound.Config{Allow: cfg.AllowNetworks, Timeout: cfg.Timeout, Resolver: cfg.Resolver}
	return &Service{
		cfg: cfg, out: out, client: outbound.NewClient(out), boxes: boxes,
		metrics: newMetrics(cfg.Registerer),
	}, nil
}

// Webhook is where and of what a channel's owner wants to be told.
type Webhook struct {
	ID        uuid.UUID
	ChannelID uuid.UUID
	URL       string
	Events    []string
	Enabled   bool
	Failures  int64  // in a row
	Note      string // why the program disabled it
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

func webhookOf(row store.Webhook) Webhook {
	return Webhook{
		ID: row.ID, ChannelID: row.ChannelID, URL: row.Url, Events: strings.Fields(row.Events),
		Enabled: row.Enabled, Failures: row.Failures, Note: row.Note,
		CreatedAt: row.CreatedAt.Time, UpdatedAt: row.UpdatedAt.Time, Version: row.Version,
	}
}

// checkURL returns how a URL is kept.
func (s *Service) checkURL(text string) (string, error) {
	u, err := s.out.ParseURL(text)
	switch {
	case errors.Is(err, outbound.ErrInternal):
		return "", ErrInternalURL
	case err != nil:
		return "", ErrBadURL
	}
	return u.String(), nil
}
