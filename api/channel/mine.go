package channel

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

// Mine is a channel that somebody owns or is a member of.
type Mine struct {
	Listed
	Role auth.ChannelRole
}

// Mine returns a page of the channels that p owns or is a member of, newest first.
func (s *Service) Mine(ctx context.Context, p auth.Principal, page rest.PageQuery) (rest.Page[Mine], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Mine]{}, err
	}
	q := s.cfg.DB.Read()
	params := store.ChannelsOfUserBeforeParams{UserID: p.UserID, Edge: c.ID, Most: int32(page.Limit) + 1}
	var ids []uuid.UUID
	roles := map[uuid.UUID]auth.ChannelRole{}
	if c.Back {
		var rows []store.ChannelsOfUserAfterRow
		rows, err = q.ChannelsOfUserAfter(ctx, store.ChannelsOfUserAfterParams(params))
		for _, row := range rows {
			ids, roles[row.ID] = append(ids, row.ID), auth.ChannelRoleOf(row.Role)
		}
	} else {
		var rows []store.ChannelsOfUserBeforeRow
		rows, err = q.ChannelsOfUserBefore(ctx, params)
		for _, row := range rows {
			ids, roles[row.ID] = append(ids, row.ID), auth.ChannelRoleOf(row.Role)
		}
	}
	if err != nil {
		return rest.Page[Mine]{}, fmt.Errorf("channel: list one's own: %w", err)
	}
	found := rest.NewPage(rest.ByNewest, c, page.Limit, ids, atID)
	listed, err := s.listed(ctx, found.Items)
	if err != nil {
		return rest.Page[Mine]{}, err
	}
	mine := make([]Mine, len(listed))
	for i, ch := range listed {
		mine[i] = Mine{Listed: ch, Role: roles[ch.ID]}
	}
	return rest.Page[Mine]{Items: mine, Next: found.Next, Prev: found.Prev}, nil
}

// Followed is a channel that somebody follows.
type Followed struct {
	ID      uuid.UUID // of the following
	Slug    string
	Channel *Listed // nil if the follower may not see it any more
	Notify  bool
	Since   time.Time
}

// Follows returns a page of the channels that p follows, the one followed last first.
func (s *Service) Follows(ctx context.Context, p auth.Principal, page rest.PageQuery) (rest.Page[Followed], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Followed]{}, err
	}
	q := s.cfg.DB.Read()
	params := store.FollowsOfUserBeforeParams{UserID: p.UserID, Edge: c.ID, Most: int32(page.Limit) + 1}
	var rows []store.FollowsOfUserBeforeRow
	if c.Back {
		var after []store.FollowsOfUserAfterRow
		after, err = q.FollowsOfUserAfter(ctx, store.FollowsOfUserAfterParams(params))
		for _, row := range after {
			rows = append(rows, store.FollowsOfUserBeforeRow(row))
		}
	} else {
		rows, err = q.FollowsOfUserBefore(ctx, params)
	}
	if err != nil {
		return rest.Page[Followed]{}, fmt.Errorf("channel: list follows: %w", err)
	}
	var visible []uuid.UUID
	for _, row := range rows {
		if row.Visible == 1 {
			visible = append(visible, row.ChannelID)
		}
	}
	found, err := s.listed(ctx, visible)
	if err != nil {
		return rest.Page[Followed]{}, err
	}
	channels := make(map[uuid.UUID]*Listed, len(found))
	for _, ch := range found {
		channels[ch.ID] = &ch
	}
	followed := make([]Followed, len(rows))
	for i, row := range rows {
		followed[i] = Followed{
			ID: row.ID, Slug: row.Slug, Channel: channels[row.ChannelID], Notify: row.Notify, Since: row.CreatedAt.Time,
		}
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, followed, func(f Followed) rest.Cursor {
		return rest.Cursor{ID: f.ID}
	}), nil
}
