package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

const (
	likeEvery  = 10 * time.Second // how often somebody may like a channel
	flushEvery = time.Second      // how often likes are written: so many are lost by a crash
)

// Abuse hears of addresses that go on though they are refused.
type Abuse interface {
	// Report tells that addr does too much of what. It returns at once.
	Report(ctx context.Context, addr netip.Addr, what string)
}

// Like counts a like of whoever ctx speaks for, and returns how many the channel has.
// Within ten seconds of the last by the same person, or by the same address if that
// is nobody, it is ErrLikedLately. The likes of a second are written together, by
// Run: a crash loses no more than these.
func (s *Service) Like(ctx context.Context, at auth.Access) (int64, error) {
	addr := auth.ClientOf(ctx).Addr
	who := rest.Household(addr)
	if p := auth.User(ctx); p.IsUser() {
		who = p.UserID.String()
	}
	wait, err := s.cfg.Rests.Take(ctx, "like "+at.ChannelID.String()+" "+who, likeEvery)
	if err != nil {
		return 0, fmt.Errorf("channel: like: %w", err)
	}
	if wait > 0 {
		if s.cfg.Abuse != nil && addr.IsValid() && s.abused.refused(rest.Household(addr)) {
			s.cfg.Abuse.Report(ctx, addr, "likes")
		}
		return 0, rest.Later(ErrLikedLately, wait)
	}
	if total, ok := s.likes.add(at.ChannelID); ok {
		return total, nil
	}
	stored, err := s.cfg.DB.Read().ChannelLikes(ctx, at.ChannelID)
	if errors.Is(err, db.ErrNotFound) { // deleted meanwhile
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("channel: like: %w", err)
	}
	return s.likes.addTo(at.ChannelID, stored), nil
}

// Run writes likes every second until ctx ends, and then the last. It also makes
// channels that are older than search is findable.
func (s *Service) Run(ctx context.Context) error {
	s.indexOld(ctx)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s.flush(ctx)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s.flush(last)
	return nil
}

// flush writes the likes of the last second. Those that cannot be written now are
// written with the next.
func (s *Service) flush(ctx context.Context) {
	batch := s.likes.take()
	if len(batch) == 0 {
		return
	}
	ids := make([]uuid.UUID, 0, len(batch))
	for id := range batch {
		ids = append(ids, id)
	}
	// In order, so that nodes which write at the same time wait and do not block each other.
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	totals := make(map[uuid.UUID]int64, len(ids))
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		for _, id := range ids {
			total, err := q.AddLikes(ctx, store.AddLikesParams{ID: id, More: batch[id]})
			if errors.Is(err, db.ErrNotFound) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			totals[id] = total
			if err := q.AddBroadcastLikes(ctx, store.AddBroadcastLikesParams{ChannelID: id, More: batch[id]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "likes not written, will try again", "channels", len(ids), "err", err)
		s.likes.undo(batch)
		return
	}
	s.likes.written(batch, totals)
}

// likes are those of the last second, by channel.
type likes struct {
	mu sync.Mutex
	of map[uuid.UUID]*liked // guarded by mu
}

// liked is the likes of one channel.
type liked struct {
	total   int64 // with those that are not written yet
	pending int64 // not written, and not about to be
}

func newLikes() *likes { return &likes{of: map[uuid.UUID]*liked{}} }

// add counts one more like of a channel of which there are any here; false if not.
func (l *likes) add(id uuid.UUID) (total int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[id]
	if of == nil {
		return 0, false
	}
	of.total++
	of.pending++
	return of.total, true
}

// addTo is add for a channel of which so many likes are stored.
func (l *likes) addTo(id uuid.UUID, stored int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[id]
	if of == nil {
		of = &liked{total: stored}
		l.of[id] = of
	}
	of.total++
	of.pending++
	return of.total
}

// shown returns how many likes a channel has of which so many are stored.
func (l *likes) shown(id uuid.UUID, stored int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if of := l.of[id]; of != nil {
		return max(stored, of.total)
	}
	return stored
}

// take returns the likes that are to be written, and forgets channels without any.
func (l *likes) take() map[uuid.UUID]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := map[uuid.UUID]int64{}
	for id, of := range l.of {
		if of.pending == 0 {
			delete(l.of, id)
			continue
		}
		batch[id] = of.pending
		of.pending = 0
	}
	return batch
}

// undo takes back what could not be written.
func (l *likes) undo(batch map[uuid.UUID]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, n := range batch {
		l.of[id].pending += n
	}
}

// written takes over the totals that are stored now. Channels without one are gone.
func (l *likes) written(batch, totals map[uuid.UUID]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range batch {
		total, ok := totals[id]
		if !ok {
			delete(l.of, id)
			continue
		}
		l.of[id].total = total + l.of[id].pending
	}
}
