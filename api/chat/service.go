// Package chat keeps what people write beside a channel: it stores each message, tells
// everybody who is there, and hands out what was said before, also beside a recording.
//
// Who may see a channel is settled by the table of permissions, and who may write what
// by a Gate. Deleting is hiding: moderators can still read what was there.
package chat

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// Gate decides who may write what.
type Gate interface {
	// Admit returns why body may not be written now by p, who comes from an address; an
	// outcome that may come with the time after which it may. It takes account of the
	// message for slow mode.
	Admit(ctx context.Context, access auth.Access, p auth.Principal, from netip.Addr, body string) error
	// AdmitEdit is Admit for another text of a message that is there: slow mode does not
	// matter.
	AdmitEdit(ctx context.Context, access auth.Access, p auth.Principal, from netip.Addr, body string) error
	// Emotes returns the pictures of those codes that exist in the channel: by code,
	// their paths.
	Emotes(ctx context.Context, channel uuid.UUID, codes []string) (map[string]string, error)
	// Note adds to the moderation log, in tx, what whoever ctx speaks for has done.
	Note(ctx context.Context, tx *db.Tx, channel uuid.UUID, action string, target uuid.UUID, targetName string, message uuid.UUID, detail any) error
}

// Settings are what is kept of a chat beside its messages.
type Settings interface {
	// Pin notes that a message is pinned by somebody; none is if it is uuid.Nil.
	Pin(ctx context.Context, tx *db.Tx, channel, message, by uuid.UUID) error
	// Pinned returns the message that is pinned; uuid.Nil for none.
	Pinned(ctx context.Context, channel uuid.UUID) (uuid.UUID, error)
	// Cleared notes that nothing written up to an instant is shown any more.
	Cleared(ctx context.Context, tx *db.Tx, channel uuid.UUID, at time.Time) error
}

// Publisher tells sockets what happens.
type Publisher interface {
	Publish(ctx context.Context, topic string, e realtime.Event)
}

// Notifier puts something into somebody's inbox.
type Notifier interface {
	// Notify tells user of what actor did; once, for notifications with the same dedup.
	Notify(ctx context.Context, user uuid.UUID, kind string, actor uuid.UUID, data any, dedup string)
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB       *db.DB
	Gate     Gate
	Settings Settings
	Sockets  Publisher
	Notifier Notifier // hears of mentions and replies; nobody does if nil
	// Summary returns what a chat allows, for those who open it; nothing is told if nil.
	Summary func(ctx context.Context, channel uuid.UUID) (any, error)
	Now     func() time.Time // time.Now if nil
	Logger  *slog.Logger
}

func (cfg *Config) validate() error {
	if cfg.DB == nil || cfg.Gate == nil || cfg.Settings == nil || cfg.Sockets == nil || cfg.Logger == nil {
		return errors.New("chat: a database, a gate, settings, sockets and a logger are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

// Service holds the rules of chats. It is safe for concurrent use.
type Service struct {
	cfg   Config
	order *order
	liked *liked
	tells *tells
}

// NewService returns a Service. While Run runs, likes are told of.
func NewService(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, order: newOrder(), liked: newLiked(), tells: newTells()}, nil
}

// topic returns where the chat of the channel at slug is told of.
func topic(slug string) string { return topicKind + slug }

// publish tells all who follow a chat. Whoever caused it may have left meanwhile.
func (s *Service) publish(ctx context.Context, slug, eventType string, data any) {
	s.cfg.Sockets.Publish(context.WithoutCancel(ctx), topic(slug), realtime.Event{
		Type: eventType, Data: data, Forget: eventType == eventDeleted || eventType == eventCleared || eventType == eventEdited,
	})
}

// isModerator reports whether p, who has this access to a channel, keeps order there.
func isModerator(at auth.Access, p auth.Principal) bool {
	return at.Role&(auth.Owner|auth.Broadcaster|auth.ChanModerator) != 0 || p.IsStaff()
}
