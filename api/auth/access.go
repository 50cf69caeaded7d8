package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/api/rest"
	"bandstand/storage/cache"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Outcomes of asking for permission.
var (
	ErrChannelNotFound   = rest.NotFound("channel_not_found", "there is no such channel")
	ErrBroadcastNotFound = rest.NotFound("broadcast_not_found", "there is no such broadcast")
)

// Access is what a principal is on a channel.
type Access struct {
	ChannelID   uuid.UUID
	Slug        string
	OwnerID     uuid.UUID
	Role        ChannelRole
	Private     bool
	BroadcastID uuid.UUID // uuid.Nil unless the path names a broadcast

	unknown error // why Role may lack what a member is; nil if it does not
}

type accessKey struct{}

// WithAccess returns a context for an operation on a channel.
func WithAccess(ctx context.Context, a Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// AccessOf returns the channel that an operation is about, and what its caller is
// there. The guard has seen to it that the channel exists, that the caller may see
// it and may do what the operation does.
func AccessOf(ctx context.Context) Access {
	a, _ := ctx.Value(accessKey{}).(Access)
	return a
}

// Topics of which the database tells (see db.Tx.Notify), and their keys. Whoever
// changes such a thing tells so in the same transaction.
const (
	TopicChannel       = "channel"        // slug: made, changed, renamed (both slugs) or deleted
	TopicBroadcast     = "broadcast"      // id: begun, ended, published, unpublished or deleted
	TopicUser          = "user"           // id: role, suspended, deleted or restored; logins revoked
	TopicPersonalToken = "personal_token" // hash: revoked
	TopicEmotes        = "emotes"         // id of the channel, uuid.Nil for the instance: made, shown with another picture, deleted
)

// ChannelsConfig is what Channels needs. Fields without a default are required.
type ChannelsConfig struct {
	DB *db.DB
	// Fresh is how long what is known of a channel is not asked for again, unless
	// TopicChannel tells that it has changed; 5s if zero.
	Fresh time.Duration
	// Keep is how long what was known stands in while the database cannot be asked;
	// an hour if zero.
	Keep time.Duration
	Now  func() time.Time // time.Now if nil
}

// Channels finds out what people are on channels. It is safe for concurrent use.
type Channels struct {
	db         *db.DB
	channels   *cache.Cache[string, store.ChannelAccessBySlugRow]         // nil asks each time
	broadcasts *cache.Cache[uuid.UUID, store.ChannelAccessByBroadcastRow] // nil likewise
}

// NewChannels returns Channels that asks d each time.
func NewChannels(d *db.DB) *Channels { return &Channels{db: d} }

// CacheChannels returns Channels that remembers for a while what channels are, so that
// whoever is not a member, or owns it, finds one while the database is down. What
// members are is asked each time; so is whether a broadcast is hidden, while the
// database can be asked.
func CacheChannels(cfg ChannelsConfig) (*Channels, error) {
	c := &Channels{db: cfg.DB}
	keep := cmp.Or(cfg.Keep, time.Hour)
	uncounted := prometheus.NewRegistry() // the caches of features count under these topics
	var err error
	c.channels, err = cache.New[string, store.ChannelAccessBySlugRow](cache.Config[string]{
		DB: cfg.DB, Topic: TopicChannel, Key: func(slug string) string { return slug },
		TTL: cmp.Or(cfg.Fresh, usuallyFresh), MaxStale: keep, Now: cfg.Now, Registerer: uncounted,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: channels: %w", err)
	}
	c.broadcasts, err = cache.New[uuid.UUID, store.ChannelAccessByBroadcastRow](cache.Config[uuid.UUID]{
		DB: cfg.DB, Topic: TopicBroadcast, Key: uuid.UUID.String,
		TTL: time.Nanosecond, MaxStale: keep, Now: cfg.Now, Registerer: uncounted,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: broadcasts: %w", err)
	}
	return c, nil
}

// usuallyFresh is how long what was read from the database is taken for true, when
// nothing tells that it has changed.
const usuallyFresh = 5 * time.Second

// askTimeout is how long the database has to say what a member is.
const askTimeout = 2 * time.Second

// isSlug reports whether a channel can be there: small letters and digits, with single
// dashes between them. Media asks with every request.
func isSlug(s string) bool {
	if len(s) < 2 || len(s) > 40 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-' && s[i-1] != '-':
		default:
			return false
		}
	}
	return true
}

// IsPrivate reports whether only those may watch the channel at slug who were given a
// way to it. A channel that does not exist is not private. An error means "could not
// ask".
func (c *Channels) IsPrivate(ctx context.Context, slug string) (bool, error) {
	row, err := c.bySlug(ctx, slug)
	if errors.Is(err, ErrChannelNotFound) {
		return false, nil
	}
	return row.Visibility == "private", err
}

// BySlug returns what p is on the channel at slug. A channel that does not exist,
// whose owner is gone or suspended, or that p may not see, is ErrChannelNotFound;
// staff see all.
func (c *Channels) BySlug(ctx context.Context, p Principal, slug string) (Access, error) {
	row, err := c.bySlug(ctx, slug)
	if err != nil {
		return Access{}, err
	}
	a, err := c.accessOf(ctx, p, row)
	switch {
	case err != nil:
		return Access{}, err
	case !c.maySee(p, a, row.Open == 1):
		return Access{}, cmp.Or(a.unknown, error(ErrChannelNotFound))
	}
	return a, nil
}

func (c *Channels) bySlug(ctx context.Context, slug string) (store.ChannelAccessBySlugRow, error) {
	var row store.ChannelAccessBySlugRow
	var err error
	switch {
	case !isSlug(slug):
		err = db.ErrNotFound
	case c.channels == nil:
		row, err = c.db.Read().ChannelAccessBySlug(ctx, slug)
	default:
		row, err = c.channels.Get(ctx, slug, func(ctx context.Context) (store.ChannelAccessBySlugRow, error) {
			return c.db.Read().ChannelAccessBySlug(ctx, slug)
		})
	}
	if errors.Is(err, db.ErrNotFound) {
		return row, ErrChannelNotFound
	}
	if err != nil {
		return row, fmt.Errorf("auth: look a channel up: %w", err)
	}
	return row, nil
}

// ByBroadcast returns what p is on the channel of a broadcast. One that p may not
// see is ErrBroadcastNotFound: as BySlug, and those that have ended and are hidden
// are seen by owner, broadcasters and staff alone.
func (c *Channels) ByBroadcast(ctx context.Context, p Principal, broadcast string) (Access, error) {
	id, err := uuid.Parse(broadcast)
	if err != nil || id.String() != broadcast {
		return Access{}, ErrBroadcastNotFound
	}
	row, err := c.byBroadcast(ctx, id)
	if err != nil {
		return Access{}, err
	}
	a, err := c.accessOf(ctx, p, store.ChannelAccessBySlugRow{
		ID: row.ID, Slug: row.Slug, OwnerID: row.OwnerID, Visibility: row.Visibility, Open: row.Open,
	})
	if err != nil {
		return Access{}, err
	}
	hidden := row.Hidden == 1 && a.Role&(Owner|Broadcaster) == 0 && !p.IsStaff()
	if hidden || !c.maySee(p, a, row.Open == 1) {
		return Access{}, cmp.Or(a.unknown, error(ErrBroadcastNotFound))
	}
	a.BroadcastID = id
	return a, nil
}

func (c *Channels) byBroadcast(ctx context.Context, id uuid.UUID) (row store.ChannelAccessByBroadcastRow, err error) {
	ask := func(ctx context.Context) (store.ChannelAccessByBroadcastRow, error) {
		return c.db.Read().ChannelAccessByBroadcast(ctx, id)
	}
	if c.broadcasts == nil {
		row, err = ask(ctx)
	} else {
		row, err = c.broadcasts.Get(ctx, id, ask)
	}
	if errors.Is(err, db.ErrNotFound) {
		return row, ErrBroadcastNotFound
	}
	if err != nil {
		return row, fmt.Errorf("auth: look the channel of a broadcast up: %w", err)
	}
	return row, nil
}

// accessOf returns what p is on the channel of row. Only for people who are signed
// in, and do not own it, is anybody asked.
func (c *Channels) accessOf(ctx context.Context, p Principal, row store.ChannelAccessBySlugRow) (Access, error) {
	a := Access{ChannelID: row.ID, Slug: row.Slug, OwnerID: row.OwnerID, Private: row.Visibility == "private"}
	switch {
	case !p.IsUser():
		return a, nil
	case p.UserID == row.OwnerID:
		a.Role = Owner
		return a, nil
	}
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	role, err := c.db.Read().ChannelAccessRole(limited, store.ChannelAccessRoleParams{ChannelID: row.ID, UserID: p.UserID})
	switch {
	case err == nil:
		a.Role = ChannelRoleOf(role)
	case errors.Is(err, db.ErrNotFound):
	case db.IsUnavailable(err) && ctx.Err() == nil:
		a.unknown = fmt.Errorf("auth: look a member up: %w", err)
	default:
		return a, fmt.Errorf("auth: look a member up: %w", err)
	}
	return a, nil
}

// maySee reports whether p may see a channel; open is whether its owner is around.
func (c *Channels) maySee(p Principal, a Access, open bool) bool {
	if p.IsStaff() {
		return true
	}
	return open && (!a.Private || a.Role != 0)
}
