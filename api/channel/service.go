// Package channel keeps channels and their stream keys, and tells who is on air.
package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Channel is a lasting place with an owner.
type Channel struct {
	ID        uuid.UUID
	OwnerID   uuid.UUID
	Owner     string // username
	Slug      string
	Title     string
	Ladder    []Rung // nil means the server's; empty means the source alone
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB          *db.DB
	Live        Live             // sessions of this process; none if nil
	MaxPerOwner int              // channels of one person who is not an admin; 250 if zero
	Now         func() time.Time // time.Now if nil
	Logger      *slog.Logger
}

// Service holds the rules of channels. It is safe for concurrent use.
type Service struct {
	cfg   Config
	nodes *nodes
}

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Logger == nil {
		return nil, errors.New("channel: a database and a logger are required")
	}
	if cfg.Live == nil {
		cfg.Live = noLive{}
	}
	if cfg.MaxPerOwner == 0 {
		cfg.MaxPerOwner = 250
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg, nodes: newNodes(cfg.Now)}, nil
}

// Create makes a channel for p with a first stream key, whose secret it returns:
// it is kept nowhere. The outcomes are ErrBadSlug, ErrBadTitle, ErrSlugTaken and
// ErrTooManyChannels.
func (s *Service) Create(ctx context.Context, p auth.Principal, slug, title string) (Channel, string, error) {
	if !p.IsUser() {
		return Channel{}, "", ErrForbidden
	}
	if err := checkSlug(slug); err != nil {
		return Channel{}, "", err
	}
	title, err := cleanTitle(title)
	if err != nil {
		return Channel{}, "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Channel{}, "", fmt.Errorf("channel: make an id: %w", err)
	}
	now := column.At(s.cfg.Now())
	var secret string
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		count, err := q.CountChannelsOf(ctx, p.UserID)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		if count >= int64(s.cfg.MaxPerOwner) && !p.IsAdmin() {
			return ErrTooManyChannels
		}
		err = q.CreateChannel(ctx, store.CreateChannelParams{
			ID: id, OwnerID: p.UserID, Slug: slug, Title: title, CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			return err
		}
		_, secret, err = s.addKey(ctx, q, id, firstKeyLabel)
		return err
	})
	switch {
	case db.IsUnique(err, "channels_slug_key"):
		return Channel{}, "", ErrSlugTaken
	case db.IsForeignKey(err): // a token of an account that is gone
		return Channel{}, "", ErrForbidden
	case err != nil:
		return Channel{}, "", fmt.Errorf("channel: create: %w", err)
	}
	return Channel{
		ID: id, OwnerID: p.UserID, Owner: p.Name, Slug: slug, Title: title,
		CreatedAt: now.Time, UpdatedAt: now.Time,
	}, secret, nil
}

// Get returns the channel at slug, or ErrNotFound.
func (s *Service) Get(ctx context.Context, slug string) (Channel, error) {
	if !isSlug(slug) { // not even text, perhaps, which Postgres would not take
		return Channel{}, ErrNotFound
	}
	row, err := s.cfg.DB.Read().ChannelBySlug(ctx, slug)
	if errors.Is(err, db.ErrNotFound) {
		return Channel{}, ErrNotFound
	}
	if err != nil {
		return Channel{}, fmt.Errorf("channel: get: %w", err)
	}
	return channelOf(row)
}

// Change is what Update sets; a field that is nil stays as it is.
type Change struct {
	Title  *string
	Ladder *[]Rung // a nil slice goes back to the server's ladder
}

// Update changes the channel at slug in the name of p, its owner or an admin. A
// new ladder counts from the next session on.
func (s *Service) Update(ctx context.Context, p auth.Principal, slug string, change Change) (Channel, error) {
	ch, err := s.managed(ctx, p, slug)
	if err != nil {
		return Channel{}, err
	}
	if change.Title != nil {
		if ch.Title, err = cleanTitle(*change.Title); err != nil {
			return Channel{}, err
		}
	}
	if change.Ladder != nil {
		if err := checkLadder(*change.Ladder); err != nil {
			return Channel{}, err
		}
		ch.Ladder = *change.Ladder
	}
	ladder, err := encodeLadder(ch.Ladder)
	if err != nil {
		return Channel{}, fmt.Errorf("channel: encode the ladder: %w", err)
	}
	ch.UpdatedAt = column.At(s.cfg.Now()).Time
	n, err := s.cfg.DB.Write().UpdateChannel(ctx, store.UpdateChannelParams{
		ID: ch.ID, Title: ch.Title, Ladder: ladder, UpdatedAt: column.At(ch.UpdatedAt),
	})
	if err != nil {
		return Channel{}, fmt.Errorf("channel: update: %w", err)
	}
	if n == 0 {
		return Channel{}, ErrNotFound
	}
	return ch, nil
}

// Delete removes the channel at slug and its keys in the name of p, its owner or
// an admin. A session on air ends within a second or two, see Revoked.
func (s *Service) Delete(ctx context.Context, p auth.Principal, slug string) error {
	ch, err := s.managed(ctx, p, slug)
	if err != nil {
		return err
	}
	n, err := s.cfg.DB.Write().DeleteChannel(ctx, ch.ID)
	if err != nil {
		return fmt.Errorf("channel: delete: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// managed returns the channel at slug if p may change it.
func (s *Service) managed(ctx context.Context, p auth.Principal, slug string) (Channel, error) {
	ch, err := s.Get(ctx, slug)
	if err != nil {
		return Channel{}, err
	}
	if !p.IsAdmin() && p.UserID != ch.OwnerID {
		return Channel{}, ErrForbidden
	}
	return ch, nil
}

func channelOf(row store.ChannelBySlugRow) (Channel, error) {
	ladder, err := decodeLadder(row.Ladder)
	if err != nil {
		return Channel{}, err
	}
	return Channel{
		ID: row.ID, OwnerID: row.OwnerID, Owner: row.Owner,
		Slug: row.Slug, Title: row.Title, Ladder: ladder,
		CreatedAt: row.CreatedAt.Time, UpdatedAt: row.UpdatedAt.Time,
	}, nil
}
