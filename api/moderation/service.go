// Package moderation keeps order in the chats of channels: what a chat allows, which
// words are not said there, who may not write for a while or at all, and what
// moderators did. It keeps the emotes, too.
//
// Who may do what is settled by the table of permissions before anything here is
// called: an auth.Access names the channel that a permission was given for.
package moderation

import (
	"cmp"
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
)

// Publisher tells over sockets what has happened.
type Publisher interface {
	Publish(ctx context.Context, topic string, e realtime.Event)
	Tell(ctx context.Context, user uuid.UUID, e realtime.Event)
}

// Rests remembers who did something lately.
type Rests interface {
	// Take notes that key is used now. If it was within the time every, nothing is
	// noted, and wait is how much of that time is left.
	Take(ctx context.Context, key string, every time.Duration) (wait time.Duration, err error)
}

// System writes messages into a chat that are from nobody.
type System interface {
	// SystemMessage says in the chat of the channel at slug what happened: text is for
	// people, event and data are for programs.
	SystemMessage(ctx context.Context, channel uuid.UUID, slug, text, event string, data any) error
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB     *db.DB
	Events Publisher
	Rests  Rests  // who has written lately, for slow mode
	System System // says that settings have changed; nobody does if nil

	KeepBans time.Duration // after they have ended; 90 days if zero
	KeepLog  time.Duration // a year if zero

	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service holds the rules of moderation. It is safe for concurrent use.
type Service struct {
	cfg     Config
	rules   *cache.Cache[uuid.UUID, *rules]               // by channel
	bans    *cache.Cache[uuid.UUID, *banSet]              // by channel
	emotes  *cache.Cache[uuid.UUID, map[string]uuid.UUID] // pictures by code, by channel; uuid.Nil is the instance
	metrics *metrics
}

// Topics of which the database tells; the keys are channels. That of emotes is
// auth.TopicEmotes.
const (
	topicRules = "chat_rules"
	topicBans  = "chat_bans"
)

// fresh is for notices that got lost: what is known is forgotten when it changes, on
// all nodes.
const fresh = 10 * time.Second

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Events == nil || cfg.Rests == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return nil, errors.New("moderation: a database, events, rests, a logger and a registerer are required")
	}
	cfg.KeepBans = cmp.Or(cfg.KeepBans, 90*24*time.Hour)
	cfg.KeepLog = cmp.Or(cfg.KeepLog, 365*24*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{cfg: cfg, metrics: newMetrics(cfg.Registerer)}
	var err error
	if s.rules, err = newCache[*rules](cfg, topicRules); err != nil {
		return nil, err
	}
	if s.bans, err = newCache[*banSet](cfg, topicBans); err != nil {
		return nil, err
	}
	if s.emotes, err = newCache[map[string]uuid.UUID](cfg, auth.TopicEmotes); err != nil {
		return nil, err
	}
	return s, nil
}

// newCache returns a cache of something about channels.
func newCache[V any](cfg Config, topic string) (*cache.Cache[uuid.UUID, V], error) {
	c, err := cache.New[uuid.UUID, V](cache.Config[uuid.UUID]{
		DB: cfg.DB, Topic: topic, Key: uuid.UUID.String, TTL: fresh, Now: cfg.Now, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("moderation: %w", err)
	}
	return c, nil
}

// Topics of the socket.
func chatTopic(slug string) string   { return "chat:" + slug }
func studioTopic(slug string) string { return "studio:" + slug }

// isPrivileged reports whether p keeps order on a channel, and is not bound by it.
func isPrivileged(at auth.Access, p auth.Principal) bool {
	return at.Role&(auth.Owner|auth.Broadcaster|auth.ChanModerator) != 0 || p.IsStaff()
}

// outranks reports whether p may also act against those who help to run the channel.
func outranks(at auth.Access, p auth.Principal) bool {
	return at.Role&auth.Owner != 0 || p.IsStaff()
}

func maybe(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }
