package social

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/api/realtime"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Connected implements realtime.Watcher.
func (s *Service) Connected(socket realtime.Socket) {
	if socket.User.IsUser() {
		s.presence.came(socket.User.UserID, socket.ID, s.cfg.Now())
	}
}

// Disconnected implements realtime.Watcher.
func (s *Service) Disconnected(socket realtime.Socket) {
	if socket.User.IsUser() {
		s.presence.left(socket.User.UserID, socket.ID, s.cfg.Now())
	}
}

// heard hears what nodes say of who is here.
func (s *Service) heard(node string, data []byte) {
	if node != s.cfg.Sockets.ID() {
		s.presence.heard(node, data, s.cfg.Now())
	}
}

// Run tells friends, and other nodes, who is here, and followers what has begun, until
// ctx ends. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	var begun sync.WaitGroup
	defer begun.Wait()
	begun.Go(func() { s.tellBegun(ctx) })
	tick := time.NewTicker(s.cfg.Tick)
	defer tick.Stop()
	greeted := false
	for {
		select {
		case <-ctx.Done():
			s.announce(context.WithoutCancel(ctx), []byte(`{"bye":true}`))
			return nil
		case <-tick.C:
		}
		if !s.cfg.Sockets.Running() {
			continue
		}
		if !greeted {
			greeted = true
			s.announce(ctx, []byte(`{"hello":true}`))
		}
		s.step(ctx)
	}
}

// step does what is due.
func (s *Service) step(ctx context.Context) {
	s.recheckWatched(ctx)
	s.rereadSettings(ctx)
	do := s.presence.tick(s.cfg.Now())
	for _, message := range messages(do.say) {
		s.announce(ctx, message)
	}
	for _, t := range do.tell {
		if err := s.tellFriends(ctx, t); err != nil && ctx.Err() == nil {
			s.metrics.failures.Inc()
			s.cfg.Logger.WarnContext(ctx, "friends were not told who is here", "user", t.user, "err", err)
			s.presence.untold(t, s.cfg.Now().Add(tellAgain))
		}
	}
	s.noteSeen(ctx, do.seen)
}

// tellAgain is when what failed is tried again.
const tellAgain = 5 * time.Second

func (s *Service) announce(ctx context.Context, message []byte) {
	if err := s.cfg.Sockets.Announce(gossipKind, message); err != nil {
		s.metrics.failures.Inc()
		s.cfg.Logger.DebugContext(ctx, "other nodes do not hear who is here", "err", err)
	}
}

// noteSeen writes down that people are, or were just, here.
func (s *Service) noteSeen(ctx context.Context, users []uuid.UUID) {
	for len(users) > 0 && ctx.Err() == nil {
		part := users[:min(len(users), seenBatch)]
		users = users[len(part):]
		err := s.touch(ctx, part)
		for _, user := range part {
			if err == nil || !db.IsForeignKey(err) {
				break
			}
			if err := s.touch(ctx, []uuid.UUID{user}); err != nil && !db.IsForeignKey(err) { // erased meanwhile
				s.cfg.Logger.WarnContext(ctx, "when somebody was here is not noted", "err", err)
			}
		}
		if err != nil && !db.IsForeignKey(err) && !errors.Is(err, context.Canceled) {
			s.metrics.failures.Inc()
			s.cfg.Logger.WarnContext(ctx, "when people were here is not noted", "err", err)
		}
	}
}

// seenBatch bounds the rows written in one transaction: others want to write too.
const seenBatch = 100

func (s *Service) touch(ctx context.Context, users []uuid.UUID) error {
	now := s.cfg.Now()
	return s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		for _, user := range users {
			err := tx.TouchLastSeen(ctx, store.TouchLastSeenParams{UserID: user, At: column.Maybe(now), Now: column.At(now)})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
