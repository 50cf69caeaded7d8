package channel

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
)

// maxShared is how long a link to a private channel may be good.
const maxShared = 7 * 24 * time.Hour

// Playback is where a channel plays.
type Playback struct {
	HLSURL    string    // "" if there is no address that would be let through
	ExpiresAt time.Time // zero if never
}

// playback returns where ch plays, for user or for whoever has the address.
func (s *Service) playback(user uuid.UUID, ch Channel, live *LiveState, ttl time.Duration) Playback {
	address := "/live/" + ch.Slug + "/index.m3u8"
	if live != nil && live.HLSURL != "" {
		address = live.HLSURL
	}
	if ch.Visibility != Private {
		return Playback{HLSURL: address}
	}
	if s.cfg.Playback == nil {
		return Playback{}
	}
	path := s.cfg.SignedPath(ch.Slug, s.cfg.Playback.SignFor(user, ch.Slug, ttl))
	if u, err := url.Parse(address); err == nil && u.Host != "" { // on another node
		path = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + path
	}
	// Tokens count in whole seconds.
	return Playback{HLSURL: path, ExpiresAt: s.cfg.Now().Add(ttl).UTC().Truncate(time.Second)}
}

// CreatePlayback returns an address at which whoever ctx speaks for can play the
// channel.
func (s *Service) CreatePlayback(ctx context.Context, at auth.Access) (Playback, error) {
	ch, err := s.Get(ctx, at.Slug)
	if err != nil {
		return Playback{}, err
	}
	return s.playback(auth.User(ctx).UserID, ch, s.liveNow(ch.Slug), s.cfg.PlaybackTTL), nil
}

// SharePlayback returns an address at which everyone who has it can play the channel
// for ttl. It cannot be taken back.
func (s *Service) SharePlayback(ctx context.Context, at auth.Access, ttl time.Duration) (Playback, error) {
	ch, err := s.Get(ctx, at.Slug)
	if err != nil {
		return Playback{}, err
	}
	play := s.playback(uuid.Nil, ch, s.liveNow(ch.Slug), min(ttl, maxShared))
	if play.ExpiresAt.IsZero() {
		return play, nil
	}
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		return s.audit(ctx, q, at, "channel.share_playback", map[string]any{"expires_at": play.ExpiresAt})
	})
	if err != nil {
		return Playback{}, fmt.Errorf("channel: share playback: %w", err)
	}
	return play, nil
}
