// Package channel keeps channels, with their members, followers and stream keys,
// and tells who is on air.
//
// Who may do what is settled by the table of permissions before anything here is
// called: an auth.Access names the channel that a permission was given for.
package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/cache"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Signer signs playback of a channel.
type Signer interface {
	// SignFor returns a token that opens the channel at slug for ttl. It is made for
	// user, or for whoever has it if that is uuid.Nil.
	SignFor(user uuid.UUID, slug string, ttl time.Duration) string
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB   *db.DB
	Live Live // sessions of this process; none if nil
	// EndHere ends a session of this process, and reports whether it is one; nil if
	// there are none.
	EndHere func(session string) bool
	Rules   Rules // what admins decide; 250 channels a person, for everyone to see, if nil

	// Private channels play at SignedPath(slug, token) with a token of Playback. Without
	// these two, which go together, nobody is told where private channels play.
	Playback    Signer
	SignedPath  func(slug, token string) string
	PlaybackTTL time.Duration // how long viewers' own addresses are good; 6 hours if zero

	// Events are the clients that hear what happens on air, while RunEvents runs; nobody
	// does if nil.
	Events    Sockets
	Node      string                                               // name of this one among all
	PublicURL func() string                                        // how other nodes' viewers reach this one; required with Events
	Audience  func(slug string) (viewers, listeners int)           // how many watch, and only listen; as the node of the session says if nil
	Seen      func(node string, audience map[string]string)        // hears who watches on an ingest node, by slug, see LiveState; may be nil
	Began     func(session string)                                 // hears at once that a session can be played; may be nil
	Joined    func(ctx context.Context, sub realtime.Subscription) // hears who subscribes to live:, and Left who leaves; may be nil
	Left      func(sub realtime.Subscription)

	Rests      Rester                // who has liked lately; remembered in this process if nil
	Abuse      Abuse                 // hears of those who like too much; nobody if nil
	Registerer prometheus.Registerer // for channels that are kept in memory; none are if nil
	Now        func() time.Time      // time.Now if nil
	Logger     *slog.Logger
}

// Service holds the rules of channels. It is safe for concurrent use.
type Service struct {
	cfg    Config
	cache  *cache.Cache[string, Channel] // by slug; nil for none
	nodes  *nodes                        // that report to this process
	air    *airwatch
	peers  *nodes // other API processes, with what is reported to them
	likes  *likes
	abused *abused
}

// NewService returns a Service. Likes are only written while Run runs.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Logger == nil {
		return nil, errors.New("channel: a database and a logger are required")
	}
	if (cfg.Playback == nil) != (cfg.SignedPath == nil) {
		return nil, errors.New("channel: Playback and SignedPath go together")
	}
	if cfg.Live == nil {
		cfg.Live = noLive{}
	}
	if cfg.Rules == nil {
		cfg.Rules = usualRules{}
	}
	if cfg.PlaybackTTL == 0 {
		cfg.PlaybackTTL = 6 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Events != nil && cfg.PublicURL == nil {
		return nil, errors.New("channel: PublicURL is required with Events")
	}
	if cfg.Began == nil {
		cfg.Began = func(string) {}
	}
	if cfg.Rests == nil {
		cfg.Rests = newRests(cfg.Now)
	}
	s := &Service{cfg: cfg, nodes: newNodes(cfg.Now), peers: newNodes(cfg.Now), likes: newLikes(), abused: newAbused(cfg.Now)}
	if cfg.Events != nil {
		s.air = newAirwatch(s)
		s.join(cfg.Events)
		s.addTopics(cfg.Events)
	}
	if cfg.Registerer == nil {
		return s, nil
	}
	var err error
	s.cache, err = cache.New[string, Channel](cache.Config[string]{
		DB: cfg.DB, Topic: auth.TopicChannel, Key: func(slug string) string { return slug },
		TTL: cacheTTL, MaxStale: cacheMaxStale, Now: cfg.Now, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("channel: %w", err)
	}
	return s, nil
}

// What is known of a channel is forgotten when it changes, on all nodes. cacheTTL is
// for what changes all the time, that is likes, and for notices that got lost;
// cacheMaxStale is how long it stands in while the database cannot be asked.
const (
	cacheTTL      = 3 * time.Second
	cacheMaxStale = time.Hour
)

// Create makes a channel for p with a first stream key, whose secret it returns: it
// is kept nowhere. c must have a title. The outcomes are ErrBadSlug, ErrSlugTaken,
// ErrTooManyChannels, ErrNotConfirmed and those of Update.
func (s *Service) Create(ctx context.Context, p auth.Principal, slug string, c Change) (Channel, string, error) {
	if err := checkSlug(slug); err != nil {
		return Channel{}, "", err
	}
	if c.Title == nil {
		return Channel{}, "", ErrBadTitle
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Channel{}, "", fmt.Errorf("channel: make an id: %w", err)
	}
	now := column.At(s.cfg.Now())
	ch := Channel{
		ID: id, OwnerID: p.UserID, Owner: p.Name, OwnerState: ownerActive, Slug: slug,
		Visibility: s.cfg.Rules.DefaultVisibility(ctx), Version: 1, CreatedAt: now.Time, UpdatedAt: now.Time,
	}
	if err := c.apply(&ch); err != nil {
		return Channel{}, "", err
	}
	var secret string
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		if err := s.checkRoom(ctx, q, p); err != nil {
			return err
		}
		err := q.CreateChannel(ctx, store.CreateChannelParams{
			ID: id, OwnerID: p.UserID, Slug: slug, Title: ch.Title, CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			return err
		}
		if _, err := save(ctx, q, &ch); err != nil {
			return err
		}
		if _, secret, err = s.addKey(ctx, q, id, firstKeyLabel); err != nil {
			return err
		}
		return q.Notify(ctx, auth.TopicChannel, slug)
	})
	switch {
	case db.IsUnique(err, "channels_slug_key"):
		return Channel{}, "", ErrSlugTaken
	case err != nil:
		return Channel{}, "", fmt.Errorf("channel: create: %w", err)
	}
	return ch, secret, nil
}

// checkRoom says whether p may have one more channel. Those of one person are made
// one after the other, so that they are never more than that.
func (s *Service) checkRoom(ctx context.Context, q *db.Tx, p auth.Principal) error {
	n, err := q.LockUserForChannels(ctx, p.UserID)
	if err != nil {
		return fmt.Errorf("lock the owner: %w", err)
	}
	if n == 0 { // a service, or a token of an account that is gone
		return ErrForbidden
	}
	count, err := q.CountChannelsOf(ctx, p.UserID)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	switch {
	case p.IsAdmin():
		return nil
	case count >= int64(s.cfg.Rules.MaxChannels(ctx)):
		return ErrTooManyChannels
	case s.cfg.Rules.RequireConfirmedEmail(ctx):
		user, err := q.UserByID(ctx, p.UserID)
		if err != nil {
			return fmt.Errorf("read the owner: %w", err)
		}
		if user.EmailConfirmedAt == nil {
			return ErrNotConfirmed
		}
	}
	return nil
}

// Get returns the channel at slug, or ErrNotFound. It may be some seconds old, and
// older while the database cannot be asked. It is shared: nobody may change what is
// in it.
func (s *Service) Get(ctx context.Context, slug string) (Channel, error) {
	if !isSlug(slug) { // not even text, perhaps, which Postgres would not take
		return Channel{}, ErrNotFound
	}
	if s.cache == nil {
		return s.get(ctx, s.cfg.DB.Read(), slug)
	}
	return s.cache.Get(ctx, slug, func(ctx context.Context) (Channel, error) {
		return s.get(ctx, s.cfg.DB.Read(), slug)
	})
}

func (s *Service) get(ctx context.Context, q *store.Queries, slug string) (Channel, error) {
	row, err := q.ChannelBySlug(ctx, slug)
	if errors.Is(err, db.ErrNotFound) {
		return Channel{}, ErrNotFound
	}
	if err != nil {
		return Channel{}, fmt.Errorf("channel: get: %w", err)
	}
	return channelOf(row)
}

// Delete removes a channel with everything that is of it. A session on air ends
// within a second or two, see Revoked.
func (s *Service) Delete(ctx context.Context, at auth.Access) error {
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		n, err := q.DeleteChannel(ctx, at.ChannelID)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if err := s.audit(ctx, q, at, "channel.delete", nil); err != nil {
			return err
		}
		return q.Notify(ctx, auth.TopicChannel, at.Slug)
	})
	if err != nil {
		return fmt.Errorf("channel: delete: %w", err)
	}
	return nil
}

// audit notes what is done to a channel.
func (s *Service) audit(ctx context.Context, q *db.Tx, at auth.Access, name string, detail map[string]any) error {
	return auth.Audit(ctx, q, s.cfg.Now(), auth.Action{
		Name: name, TargetKind: "channel", TargetID: at.ChannelID.String(), Target: at.Slug, Detail: detail,
	})
}
