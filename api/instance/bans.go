package instance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	maxBans      = 10_000 // in force
	maxBanFor    = 10 * 365 * 24 * time.Hour
	maxBanReason = 200 // characters
)

// Ban is a network whose requests are refused, or were.
type Ban struct {
	ID        uuid.UUID
	Network   netip.Prefix
	Reason    string
	Automatic bool
	CreatedBy string // username; empty if automatic, or if that account is gone
	CreatedAt time.Time
	ExpiresAt time.Time // zero for never
	LiftedAt  time.Time // zero unless somebody lifted it
}

// Banned reports whether requests from addr are refused now, and until when; the zero
// Time is for good. It neither blocks nor locks.
func (s *Service) Banned(addr netip.Addr) (until time.Time, banned bool) {
	set := s.bans.Load()
	if len(set.until) == 0 {
		return time.Time{}, false
	}
	addr = plain(addr)
	until, banned = set.find(addr, s.cfg.Now())
	if !banned || s.isExempt(addr) {
		return time.Time{}, false
	}
	return until, true
}

// readBans reads the bans in force. One at a time: an older answer never replaces a
// newer one.
func (s *Service) readBans(ctx context.Context) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	rows, err := s.cfg.DB.Read().ActiveBans(ctx, maxBans)
	if err != nil {
		return fmt.Errorf("instance: read the bans: %w", err)
	}
	now := s.cfg.Now()
	until := make(map[netip.Prefix]time.Time, len(rows))
	for _, row := range rows {
		network, err := netip.ParsePrefix(row.Network)
		if err != nil {
			continue // written by another program
		}
		end := timeOf(row.ExpiresAt)
		if end.IsZero() || end.After(now) {
			addBan(until, network, end)
		}
	}
	for network, end := range s.local {
		if end.After(now) {
			addBan(until, network, end)
		}
	}
	s.bans.Store(newBanSet(until))
	if s.cfg.BansRead != nil {
		s.cfg.BansRead()
	}
	return nil
}

// CreateBan bans a network, an address or CIDR, in the name of whoever ctx speaks
// for. The zero expires is never. The outcomes are ErrBadNetwork, ErrWideNetwork,
// ErrOwnNetwork, ErrBanExists, ErrTooManyBans, ErrBadExpiry and ErrBadReason.
func (s *Service) CreateBan(ctx context.Context, text, reason string, expires time.Time) (Ban, error) {
	p, now := auth.User(ctx), s.cfg.Now()
	network, err := parseNetwork(text)
	if err != nil {
		return Ban{}, err
	}
	reason, fit := rest.Line(reason, maxBanReason)
	switch {
	case !fit || reason == "":
		return Ban{}, ErrBadReason
	case isWide(network, p.IsAdmin()):
		return Ban{}, ErrWideNetwork
	case network.Contains(plain(auth.ClientOf(ctx).Addr)), overlaps(s.cfg.TrustedProxies, network):
		return Ban{}, ErrOwnNetwork
	case !expires.IsZero() && (!expires.After(now) || expires.After(now.Add(maxBanFor))):
		return Ban{}, ErrBadExpiry
	case len(s.bans.Load().until) >= maxBans:
		return Ban{}, ErrTooManyBans
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Ban{}, fmt.Errorf("instance: make an id: %w", err)
	}
	ban := Ban{ID: id, Network: network, Reason: reason, CreatedBy: p.Name, CreatedAt: column.At(now).Time}
	var end *column.Time
	if !expires.IsZero() {
		end = column.Maybe(expires)
		ban.ExpiresAt = end.Time
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ActiveBanOf(ctx, store.ActiveBanOfParams{Network: network.String(), Now: column.Maybe(now)})
		switch {
		case err == nil:
			return ErrBanExists
		case !errors.Is(err, db.ErrNotFound):
			return err
		}
		err = tx.CreateBan(ctx, store.CreateBanParams{
			ID: id, Network: network.String(), Reason: reason, CreatedBy: uuid.NullUUID{UUID: p.UserID, Valid: p.IsUser()},
			CreatedAt: column.At(now), ExpiresAt: end,
		})
		if err != nil {
			return err
		}
		return s.auditBan(ctx, tx, "ban.create", id, network.String(), map[string]any{"reason": reason, "expires_at": end})
	})
	if err != nil {
		return Ban{}, fmt.Errorf("instance: ban: %w", err)
	}
	s.changed(ctx)
	return ban, nil
}

// LiftBan ends a ban that is in force; any other is ErrBanNotFound.
func (s *Service) LiftBan(ctx context.Context, id string) error {
	banID, err := uuid.Parse(id)
	if err != nil || banID.String() != id {
		return ErrBanNotFound
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		row, err := tx.BanByID(ctx, banID)
		if errors.Is(err, db.ErrNotFound) {
			return ErrBanNotFound
		}
		if err != nil {
			return err
		}
		n, err := tx.LiftBan(ctx, store.LiftBanParams{ID: banID, At: column.Maybe(s.cfg.Now())})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrBanNotFound
		}
		return s.auditBan(ctx, tx, "ban.lift", banID, row.Network, nil)
	})
	if err != nil {
		return fmt.Errorf("instance: lift a ban: %w", err)
	}
	s.changed(ctx)
	return nil
}

// auditBan notes what was done to a ban, and tells other nodes.
func (s *Service) auditBan(ctx context.Context, tx *db.Tx, name string, id uuid.UUID, network string, detail map[string]any) error {
	if err := tx.Notify(ctx, topic, "bans"); err != nil {
		return err
	}
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: name, TargetKind: "ban", TargetID: id.String(), Target: network, Detail: detail,
	})
}

// Bans returns a page of bans, newest first: all that are remembered, or those in force.
func (s *Service) Bans(ctx context.Context, active bool, cursor string, limit int) (rest.Page[Ban], error) {
	c, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[Ban]{}, err
	}
	bans, err := s.queryBans(ctx, active, c, int32(limit)+1)
	if err != nil {
		return rest.Page[Ban]{}, fmt.Errorf("instance: list bans: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, limit, bans, func(b Ban) rest.Cursor { return rest.Cursor{ID: b.ID} }), nil
}

func (s *Service) queryBans(ctx context.Context, active bool, c rest.Cursor, most int32) ([]Ban, error) {
	q, now := s.cfg.DB.Read(), column.Maybe(s.cfg.Now())
	switch {
	case active && c.Back:
		rows, err := q.ActiveBansAfter(ctx, store.ActiveBansAfterParams{Now: now, ID: c.ID, Most: most})
		return bansOf(rows), err
	case active:
		rows, err := q.ActiveBansBefore(ctx, store.ActiveBansBeforeParams{Now: now, ID: c.ID, Most: most})
		return bansOf(rows), err
	case c.Back:
		rows, err := q.BansAfter(ctx, store.BansAfterParams{ID: c.ID, Limit: most})
		return bansOf(rows), err
	}
	rows, err := q.BansBefore(ctx, store.BansBeforeParams{ID: c.ID, Limit: most})
	return bansOf(rows), err
}

// bansOf returns the bans of rows, which all queries name alike.
func bansOf[R store.BansBeforeRow | store.BansAfterRow | store.ActiveBansBeforeRow | store.ActiveBansAfterRow](rows []R) []Ban {
	bans := make([]Ban, 0, len(rows))
	for _, r := range rows {
		row := store.BansBeforeRow(r)
		network, err := netip.ParsePrefix(row.Network)
		if err != nil {
			continue // written by another program
		}
		b := Ban{
			ID: row.ID, Network: network, Reason: row.Reason, Automatic: row.Automatic, CreatedBy: row.CreatedBy,
			CreatedAt: row.CreatedAt.Time, ExpiresAt: timeOf(row.ExpiresAt),
		}
		// One that has expired is closed with the time at which it did.
		if lifted := timeOf(row.LiftedAt); !lifted.IsZero() && (b.ExpiresAt.IsZero() || lifted.Before(b.ExpiresAt)) {
			b.LiftedAt = lifted
		}
		bans = append(bans, b)
	}
	return bans
}

func timeOf(t *column.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
