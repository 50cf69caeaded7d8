package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Like notes that whoever ctx speaks for likes a message, or does not any more, and
// returns how many do. Either may be said again. Everybody is told within tellLikes.
// What is deleted is ErrNotFound.
func (s *Service) Like(ctx context.Context, id uuid.UUID, like bool) (int64, error) {
	at, p := auth.AccessOf(ctx), auth.User(ctx)
	m, err := s.Get(ctx, id)
	switch {
	case err != nil:
		return 0, err
	case m.Deleted != "":
		return 0, ErrNotFound
	case m.Liked != nil && *m.Liked == like:
		return m.Likes, nil
	}
	likes := m.Likes
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		var n int64
		var err error
		if like {
			n, err = tx.CreateChatLike(ctx, store.CreateChatLikeParams{MessageID: id, UserID: p.UserID, CreatedAt: column.At(s.cfg.Now())})
		} else {
			n, err = tx.DeleteChatLike(ctx, store.DeleteChatLikeParams{MessageID: id, UserID: p.UserID})
			n = -n
		}
		if err != nil || n == 0 {
			return err
		}
		likes, err = tx.AddChatMessageLikes(ctx, store.AddChatMessageLikesParams{ID: id, More: n})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("chat: like: %w", err)
	}
	s.liked.add(id, at.Slug)
	return likes, nil
}

// tellLikes is how often it is told how many like what.
const tellLikes = 500 * time.Millisecond

// liked is the messages whose likes have changed, and nobody was told.
type liked struct {
	mu sync.Mutex
	of map[uuid.UUID]string // guarded by mu; slug by message
}

func newLiked() *liked { return &liked{of: map[uuid.UUID]string{}} }

func (l *liked) add(id uuid.UUID, slug string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[id] = slug
}

func (l *liked) take() map[uuid.UUID]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.of) == 0 {
		return nil
	}
	taken := l.of
	l.of = map[uuid.UUID]string{}
	return taken
}

// sayLikes tells how many like the messages whose likes have changed. The number comes
// from the database, so that nodes agree.
func (s *Service) sayLikes(ctx context.Context) {
	for id, slug := range s.liked.take() {
		likes, err := s.cfg.DB.Read().ChatMessageLikes(ctx, id)
		switch {
		case errors.Is(err, db.ErrNotFound): // went with its channel
		case err != nil:
			s.cfg.Logger.WarnContext(ctx, "how many like a message is not told", "err", err)
		default:
			s.publish(ctx, slug, eventLiked, Liked{ID: id.String(), Likes: likes})
		}
	}
}
