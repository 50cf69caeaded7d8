package instance

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// automaticBans is how long a household is banned the first, the second, … time.
var automaticBans = []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour}

// remembered is how long an automatic ban makes the next one longer.
const remembered = 7 * 24 * time.Hour

// Report notes that addr does too much of what, which is a word of our own. If it
// goes on, it is banned for a while: the longer the more often. It returns at once;
// Run does the rest. Proxies and this machine are never banned, and private addresses
// only where proxies are named: otherwise they may be one that nobody named.
func (s *Service) Report(_ context.Context, addr netip.Addr, what string) {
	addr = plain(addr)
	if s.isExempt(addr) {
		return
	}
	if len(s.cfg.TrustedProxies) == 0 && (addr.IsPrivate() || addr.IsLinkLocalUnicast()) {
		return
	}
	s.suspects.report(household(addr), what, s.cfg.Now())
}

// isExempt reports whether addr is never banned.
func (s *Service) isExempt(addr netip.Addr) bool {
	if !addr.IsValid() || addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	for _, proxy := range s.cfg.TrustedProxies {
		if proxy.Contains(addr) {
			return true
		}
	}
	return false
}

// banAll bans first and all others that wait for it.
func (s *Service) banAll(ctx context.Context, first conviction) {
	for c, more := first, true; more; {
		s.ban(ctx, c)
		select {
		case c = <-s.suspects.convicted:
		default:
			more = false
		}
	}
	if err := s.readBans(ctx); err != nil {
		s.showLocal()
	}
}

// ban writes an automatic ban down. If the database does not answer, the ban counts
// on this node alone.
func (s *Service) ban(ctx context.Context, c conviction) {
	now := s.cfg.Now()
	if overlaps(s.cfg.TrustedProxies, c.network) { // of which a /64 may have one
		return
	}
	if _, banned := s.bans.Load().find(c.network.Addr(), now); banned {
		return
	}
	lasts, err := s.writeBan(ctx, c, now)
	if err != nil {
		lasts = automaticBans[0]
		s.addLocal(c.network, now.Add(lasts))
		s.cfg.Logger.WarnContext(ctx, "a ban counts on this node alone: it could not be written down", "err", err)
	}
	s.metrics.automatic.Inc()
	s.cfg.Logger.InfoContext(ctx, "banned for too many requests", "network", c.network, "what", c.what, "for", lasts)
}

func (s *Service) writeBan(ctx context.Context, c conviction, now time.Time) (lasts time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RefreshEvery)
	defer cancel()
	id, err := uuid.NewV7()
	if err != nil {
		return 0, fmt.Errorf("instance: make an id: %w", err)
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		before, err := tx.CountAutomaticBansOf(ctx, store.CountAutomaticBansOfParams{
			Network: c.network.String(), Since: column.At(now.Add(-remembered)),
		})
		if err != nil {
			return fmt.Errorf("instance: count bans: %w", err)
		}
		lasts = automaticBans[min(int(before), len(automaticBans)-1)]
		err = tx.CreateBan(ctx, store.CreateBanParams{
			ID: id, Network: c.network.String(), Reason: "too many requests: " + c.what, Automatic: true,
			CreatedAt: column.At(now), ExpiresAt: column.Maybe(now.Add(lasts)),
		})
		if err != nil {
			return fmt.Errorf("instance: write a ban: %w", err)
		}
		return tx.Notify(ctx, topic, "bans")
	})
	return lasts, err
}

// maxLocal bounds the bans that could not be written down.
const maxLocal = 1000

func (s *Service) addLocal(network netip.Prefix, until time.Time) {
	s.reading.Lock()
	defer s.reading.Unlock()
	now := s.cfg.Now()
	maps.DeleteFunc(s.local, func(_ netip.Prefix, until time.Time) bool { return !until.After(now) })
	if len(s.local) < maxLocal {
		s.local[network] = until
	}
}

// showLocal enforces bans that could not be written down, beside those known.
func (s *Service) showLocal() {
	s.reading.Lock()
	defer s.reading.Unlock()
	until := maps.Clone(s.bans.Load().until)
	if until == nil {
		until = map[netip.Prefix]time.Time{}
	}
	for network, end := range s.local {
		addBan(until, network, end)
	}
	s.bans.Store(newBanSet(until))
}
