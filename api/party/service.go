package party

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// Friends knows who is whose.
type Friends interface {
	AreFriends(ctx context.Context, a, b uuid.UUID) (bool, error)
}

// Notifier puts something into somebody's inbox.
type Notifier interface {
	// Notify tells user what actor did. dedup, unless empty, keeps one notification of
	// its kind.
	Notify(ctx context.Context, user uuid.UUID, kind string, actor uuid.UUID, data any, dedup string) error
}

// Channels knows who may see which channels and broadcasts; *auth.Channels does.
type Channels interface {
	BySlug(ctx context.Context, p auth.Principal, slug string) (auth.Access, error)
	ByBroadcast(ctx context.Context, p auth.Principal, broadcast string) (auth.Access, error)
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB       *db.DB
	Node     *realtime.Node
	Channels Channels
	Friends  Friends  // nobody is anybody's friend if nil
	Inbox    Notifier // invitations are told over the socket alone if nil
	// Gone hears of everybody who is not in a party any more: they left, were removed,
	// or the party ended. Nobody does if nil.
	Gone func(ctx context.Context, party, user uuid.UUID)

	EmptyFor time.Duration // until a party that nobody is a member of ends; 10 min if zero
	IdleFor  time.Duration // until one ends where nobody is there; 24 h if zero
	KeepFor  time.Duration // until one that has ended is forgotten with its chat; 7 days if zero

	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger
}

// Bounds of parties.
const (
	maxParties = 10  // of one person
	maxMembers = 50  // of one party
	maxQueue   = 100 // items
	maxInvites = 100 // that are open
	maxName    = 80  // characters
	maxText    = 500 // characters of a message
)

// Service holds the rules of watch parties. It is safe for concurrent use.
type Service struct {
	cfg   Config
	ears  *ears
	pace  *pace
	seeks *seeks
	here  *here
	lines *lines
	wake  chan struct{} // tells Run that there is something to look at
}

// NewService returns a Service. Parties wait for nobody, and none ends, while Run does
// not run.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Node == nil || cfg.Channels == nil || cfg.Logger == nil {
		return nil, errors.New("party: a database, a node, channels and a logger are required")
	}
	cfg.EmptyFor = cmp.Or(cfg.EmptyFor, 10*time.Minute)
	cfg.IdleFor = cmp.Or(cfg.IdleFor, 24*time.Hour)
	cfg.KeepFor = cmp.Or(cfg.KeepFor, 7*24*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{
		cfg: cfg, ears: newEars(cfg.Now), pace: newPace(), seeks: newSeeks(), here: newHere(), lines: newLines(cfg.Now),
		wake: make(chan struct{}, 1),
	}
	return s, nil
}

// now returns the server's time in microseconds.
func (s *Service) now() int64 { return s.cfg.Now().UnixMicro() }

func (s *Service) look() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// topicKind is the kind of a party's topic.
const topicKind = "party:"

func topicOf(party uuid.UUID) string { return topicKind + party.String() }

// tell publishes an event to everybody who is in the party.
func (s *Service) tell(ctx context.Context, party uuid.UUID, event string, data any) {
	s.cfg.Node.Publish(context.WithoutCancel(ctx), topicOf(party), realtime.Event{Type: event, Data: data})
}

// gone sees to it that somebody who is not in a party any more takes no part in it.
// Called after that is committed; whoever caused it may have left meanwhile.
func (s *Service) gone(ctx context.Context, party, user uuid.UUID) {
	if s.cfg.Gone != nil {
		s.cfg.Gone(context.WithoutCancel(ctx), party, user)
	}
}

func parseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}
