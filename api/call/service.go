// Package call lets friends and the people of a watch party see and talk to each
// other: who calls whom, who answered, and the messages by which their browsers
// connect. What they say goes from browser to browser, or through media/turn, and
// never through here.
//
// The database says who is in a call, and its rows decide races: nodes share nothing
// else. Somebody takes part at one device, which is one socket; a socket that is lost
// can be followed by another for a while.
package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// Friends knows who may call whom.
type Friends interface {
	// AreFriends reports whether two people are friends. Who has blocked the other is
	// no friend.
	AreFriends(ctx context.Context, a, b uuid.UUID) (bool, error)
}

// Parties knows who is in a watch party.
type Parties interface {
	// IsMember reports whether user is in a party that has not ended.
	IsMember(ctx context.Context, party, user uuid.UUID) (bool, error)
}

// Inbox keeps what people missed.
type Inbox interface {
	// MissedCall notes that somebody did not take a call.
	MissedCall(ctx context.Context, callee uuid.UUID, m Missed) error
}

// Missed is a call that was not taken.
type Missed struct {
	Call     uuid.UUID
	CallerID uuid.UUID
	Caller   PersonInCall
	Video    bool
	At       time.Time
}

// ICE knows the servers by which browsers find a way to each other.
type ICE interface {
	// Servers returns the servers with what user signs in with, until when.
	Servers(user uuid.UUID) (servers []ICEServer, expires time.Time)
}

// Sockets is how people are told. realtime.Node is one.
type Sockets interface {
	Publish(ctx context.Context, topic string, e realtime.Event)
	Tell(ctx context.Context, user uuid.UUID, e realtime.Event)
	ID() string
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB      *db.DB
	Friends Friends
	Parties Parties
	Inbox   Inbox
	ICE     ICE
	Sockets Sockets

	RingFor        time.Duration // until a call that nobody takes is missed; 45s if zero
	ReturnWithin   time.Duration // after a socket is lost; 20s if zero
	DeadAfter      time.Duration // silence of a node, after which those it had are lost too; 60s if zero
	SweepEvery     time.Duration // 1s if zero
	MaxInCall      int           // people in the call of a party; 6 if zero
	CallsPerMinute int           // that one person makes; 6 if zero

	// A participant's signals: in a call of six a burst of candidates for each of the
	// others begins it. 20 and 300 if zero.
	SignalsPerSecond, SignalBurst int

	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (c *Config) validate() error {
	if c.DB == nil || c.Friends == nil || c.Parties == nil || c.Inbox == nil || c.ICE == nil || c.Sockets == nil ||
		c.Logger == nil || c.Registerer == nil {
		return errors.New("a database, friends, parties, an inbox, ICE servers, sockets, a logger and a registerer are required")
	}
	c.RingFor = cmp.Or(c.RingFor, 45*time.Second)
	c.ReturnWithin = cmp.Or(c.ReturnWithin, 20*time.Second)
	c.DeadAfter = cmp.Or(c.DeadAfter, time.Minute)
	c.SweepEvery = cmp.Or(c.SweepEvery, time.Second)
	c.MaxInCall = cmp.Or(c.MaxInCall, 6)
	c.CallsPerMinute = cmp.Or(c.CallsPerMinute, 6)
	c.SignalsPerSecond = cmp.Or(c.SignalsPerSecond, 20)
	c.SignalBurst = cmp.Or(c.SignalBurst, 300)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Service holds the rules of calls. It is safe for concurrent use.
type Service struct {
	cfg     Config
	metrics *metrics

	mu   sync.Mutex
	here map[uuid.UUID]*seated // guarded by mu; participants whose sockets this node has
	gone []departure           // guarded by mu; what Run has yet to note
}

// seated is a participant whose socket this node has.
type seated struct {
	device string
	socket string
	pace   *rate.Limiter // of signals
}

// departure is a participant whose socket was lost.
type departure struct {
	participant uuid.UUID
	device      string
}

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	s := &Service{cfg: cfg, here: map[uuid.UUID]*seated{}}
	s.metrics = newMetrics(cfg.Registerer, s)
	return s, nil
}

// effects is what happens once a transaction is committed.
type effects []func(ctx context.Context)

func (e *effects) add(f func(ctx context.Context)) { *e = append(*e, f) }

// inTx runs do in a transaction, and what it wants to happen then when that is
// committed.
func (s *Service) inTx(ctx context.Context, do func(q *db.Tx, then *effects) error) error {
	var then effects
	if err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error { return do(q, &then) }); err != nil {
		return err
	}
	for _, f := range then {
		f(context.WithoutCancel(ctx))
	}
	return nil
}

// retry calls do again when it lost a race for one of the indexes.
func retry(do func() error, indexes ...string) error {
	const tries = 4
	var err error
	for range tries {
		err = do()
		again := false
		for _, index := range indexes {
			again = again || db.IsUnique(err, index)
		}
		if !again {
			return err
		}
	}
	return err
}

// Names of indexes by which races are decided.
const (
	onePerPair   = "calls_pair_key"
	onePerParty  = "calls_party_id_key"
	onePerPerson = "call_participants_user_id_key"
)
