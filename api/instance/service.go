// Package instance runs the instance as a whole: its settings, what it tells everyone
// about itself, who is on air, whom it bans, and the audit log.
package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bandstand/storage/db"
)

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB       *db.DB
	Defaults Settings // what counts until an admin changes it
	About    About    // what the program can do
	Sessions Sessions // who is on air; nobody if nil

	// TrustedProxies are never banned: everyone comes from them.
	TrustedProxies []netip.Prefix
	// Offences within OffenceWindow ban an address; 60 in a minute if zero.
	Offences      int
	OffenceWindow time.Duration

	// RefreshEvery is how often the database is asked for changes, beside the notices
	// of other nodes; 5s if zero.
	RefreshEvery time.Duration

	// BansRead hears that the bans in force may have changed; may be nil. It must not block.
	BansRead func()

	KeepAudit time.Duration // how long the audit log goes back; 400 days if zero
	KeepBans  time.Duration // how long bans that are over are listed; 90 days if zero

	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (cfg *Config) validate() error {
	if cfg.DB == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return errors.New("instance: a database, a logger and a registerer are required")
	}
	if cfg.Sessions == nil {
		cfg.Sessions = noSessions{}
	}
	if cfg.Offences == 0 {
		cfg.Offences = 60
	}
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&cfg.OffenceWindow, time.Minute},
		{&cfg.RefreshEvery, 5 * time.Second},
		{&cfg.KeepAudit, 400 * 24 * time.Hour},
		{&cfg.KeepBans, 90 * 24 * time.Hour},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.Defaults.complete(); err != nil {
		return fmt.Errorf("instance: settings of the configuration: %w", err)
	}
	return nil
}

// Service holds the rules of the instance. It is safe for concurrent use.
type Service struct {
	cfg      Config
	metrics  *metrics
	settings atomic.Pointer[known]  // as last read; never nil
	bans     atomic.Pointer[banSet] // in force; never nil
	suspects *suspects
	news     chan struct{} // asks Run to refresh

	reading sync.Mutex                 // held while bans are read
	local   map[netip.Prefix]time.Time // guarded by reading; bans that could not be written down
}

// topic is what nodes tell each other changes of settings and bans under.
const topic = "instance"

// NewService returns a Service. It knows the settings and bans of the database once
// Refresh or Run was called.
func NewService(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, metrics: newMetrics(cfg.Registerer), news: make(chan struct{}, 1),
		suspects: newSuspects(cfg.Offences, cfg.OffenceWindow), local: map[netip.Prefix]time.Time{},
	}
	s.settings.Store(&known{settings: cfg.Defaults})
	s.bans.Store(newBanSet(nil))
	s.metrics.watch(cfg.Registerer, s)
	cfg.DB.Subscribe(topic, func(string) { s.stale() }, s.stale)
	return s, nil
}

// Refresh reads settings and bans. When the database does not answer, what was read
// before stays.
func (s *Service) Refresh(ctx context.Context) error {
	return errors.Join(s.readSettings(ctx), s.readBans(ctx))
}

// stale asks Run to Refresh.
func (s *Service) stale() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Run keeps settings and bans up to date and bans those whom Report tells of, until
// ctx ends. Then it returns nil.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.RefreshEvery)
	defer tick.Stop()
	blind := false
	for {
		if err := s.refreshSoon(ctx); err != nil && ctx.Err() == nil {
			if !blind {
				s.cfg.Logger.WarnContext(ctx, "settings and bans stay as they are: the database does not answer", "err", err)
			}
			blind = true
		} else if blind {
			s.cfg.Logger.InfoContext(ctx, "settings and bans are up to date again")
			blind = false
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.news:
		case c := <-s.suspects.convicted:
			s.banAll(ctx, c)
		}
	}
}

// refreshSoon is Refresh that does not wait for ever.
func (s *Service) refreshSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RefreshEvery)
	defer cancel()
	return s.Refresh(ctx)
}

// changed is called when a transaction of ours has changed settings or bans.
func (s *Service) changed(ctx context.Context) {
	if err := s.refreshSoon(ctx); err != nil {
		s.stale()
	}
}
