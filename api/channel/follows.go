package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// maxFollows is how many channels one person may follow.
const maxFollows = 2000

// Follow makes p a follower of a channel, or changes whether p is told when it goes
// on air. The counter of followers goes with it, in one transaction.
func (s *Service) Follow(ctx context.Context, p auth.Principal, at auth.Access, notify bool) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("channel: make an id: %w", err)
	}
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		// One follows one channel after the other, so that they are never too many.
		n, err := q.LockUserForChannels(ctx, p.UserID)
		if err != nil {
			return fmt.Errorf("lock the follower: %w", err)
		}
		if n == 0 { // a token of an account that is gone
			return ErrForbidden
		}
		added, err := q.CreateFollow(ctx, store.CreateFollowParams{
			ID: id, ChannelID: at.ChannelID, UserID: p.UserID, Notify: notify, CreatedAt: column.At(s.cfg.Now()),
		})
		if err != nil {
			return err
		}
		if added == 0 {
			return q.SetFollowNotify(ctx, store.SetFollowNotifyParams{ChannelID: at.ChannelID, UserID: p.UserID, Notify: notify})
		}
		count, err := q.CountFollowsOf(ctx, p.UserID)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		if count > maxFollows {
			return ErrTooManyFollows
		}
		if err := q.AddFollowers(ctx, store.AddFollowersParams{ID: at.ChannelID, More: 1}); err != nil {
			return err
		}
		return q.Notify(ctx, auth.TopicChannel, at.Slug)
	})
	if db.IsForeignKey(err) { // deleted meanwhile
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("channel: follow: %w", err)
	}
	return nil
}

// Unfollow ends that p follows the channel at slug. It tells nothing of the channel:
// there may be none, or one that p may not see any more.
func (s *Service) Unfollow(ctx context.Context, p auth.Principal, slug string) error {
	if !isSlug(slug) {
		return nil
	}
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		id, err := q.DeleteFollow(ctx, store.DeleteFollowParams{UserID: p.UserID, Slug: slug})
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := q.AddFollowers(ctx, store.AddFollowersParams{ID: id, More: -1}); err != nil {
			return err
		}
		return q.Notify(ctx, auth.TopicChannel, slug)
	})
	if err != nil {
		return fmt.Errorf("channel: unfollow: %w", err)
	}
	return nil
}

// Relation is what a person is to a channel.
type Relation struct {
	Following bool
	Notify    bool
}

// RelationOf returns what p is to a channel.
func (s *Service) RelationOf(ctx context.Context, p auth.Principal, at auth.Access) (Relation, error) {
	notify, err := s.cfg.DB.Read().FollowNotify(ctx, store.FollowNotifyParams{ChannelID: at.ChannelID, UserID: p.UserID})
	if errors.Is(err, db.ErrNotFound) {
		return Relation{}, nil
	}
	if err != nil {
		return Relation{}, fmt.Errorf("channel: look a follower up: %w", err)
	}
	return Relation{Following: true, Notify: notify}, nil
}

// Follower is a person who follows a channel.
type Follower struct {
	ID          uuid.UUID // of the following
	Username    string
	DisplayName string
	Avatar      uuid.NullUUID
	Since       time.Time
}

// Followers returns a page of a channel's followers, the latest first.
func (s *Service) Followers(ctx context.Context, at auth.Access, page rest.PageQuery) (rest.Page[Follower], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Follower]{}, err
	}
	q, p := s.cfg.DB.Read(), store.FollowersBeforeParams{ChannelID: at.ChannelID, Edge: c.ID, Most: int32(page.Limit) + 1}
	followers := []Follower{}
	if c.Back {
		var rows []store.FollowersAfterRow
		rows, err = q.FollowersAfter(ctx, store.FollowersAfterParams(p))
		for _, row := range rows {
			followers = append(followers, followerOf(store.FollowersBeforeRow(row)))
		}
	} else {
		var rows []store.FollowersBeforeRow
		rows, err = q.FollowersBefore(ctx, p)
		for _, row := range rows {
			followers = append(followers, followerOf(row))
		}
	}
	if err != nil {
		return rest.Page[Follower]{}, fmt.Errorf("channel: list followers: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, followers, func(f Follower) rest.Cursor {
		return rest.Cursor{ID: f.ID}
	}), nil
}

func followerOf(row store.FollowersBeforeRow) Follower {
	return Follower{
		ID: row.ID, Username: row.Username, DisplayName: row.DisplayName, Avatar: row.AvatarID, Since: row.CreatedAt.Time,
	}
}
