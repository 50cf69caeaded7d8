package moderation

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// BanFilter says which bans are wanted.
type BanFilter struct {
	Active   bool   // only those in force
	Username string // of one person; of all if empty
}

// Bans returns a page of the bans of a chat, newest first. ErrUserNotFound is that of
// a filter by nobody's name.
func (s *Service) Bans(ctx context.Context, channel uuid.UUID, f BanFilter, page rest.PageQuery) (rest.Page[Ban], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Ban]{}, err
	}
	bans, err := s.readBans(ctx, channel, f, c, int32(page.Limit)+1)
	if err != nil {
		return rest.Page[Ban]{}, fmt.Errorf("moderation: list bans: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, bans, func(b Ban) rest.Cursor { return rest.Cursor{ID: b.ID} }), nil
}

func (s *Service) readBans(ctx context.Context, channel uuid.UUID, f BanFilter, c rest.Cursor, most int32) ([]Ban, error) {
	q, now := s.cfg.DB.Read(), column.Maybe(s.cfg.Now())
	switch {
	case f.Username != "":
		user, err := q.UserByUsernameEvenDeleted(ctx, strings.ToLower(f.Username))
		if err != nil {
			return nil, found(err)
		}
		p := store.ChatBansOfBeforeParams{ChannelID: channel, UserID: maybe(user.ID), Edge: c.ID, Past: !f.Active, Now: now, Most: most}
		if c.Back {
			rows, err := q.ChatBansOfAfter(ctx, store.ChatBansOfAfterParams(p))
			return bansOf(rows), err
		}
		rows, err := q.ChatBansOfBefore(ctx, p)
		return bansOf(rows), err
	case f.Active && c.Back:
		rows, err := q.ActiveChatBansAfter(ctx, store.ActiveChatBansAfterParams{ChannelID: channel, Edge: c.ID, Now: now, Most: most})
		return bansOf(rows), err
	case f.Active:
		rows, err := q.ActiveChatBansBefore(ctx, store.ActiveChatBansBeforeParams{ChannelID: channel, Edge: c.ID, Now: now, Most: most})
		return bansOf(rows), err
	case c.Back:
		rows, err := q.ChatBansAfter(ctx, store.ChatBansAfterParams{ChannelID: channel, Edge: c.ID, Most: most})
		return bansOf(rows), err
	}
	rows, err := q.ChatBansBefore(ctx, store.ChatBansBeforeParams{ChannelID: channel, Edge: c.ID, Most: most})
	return bansOf(rows), err
}

// bansOf returns the bans of rows, which all queries name alike.
func bansOf[R store.ChatBansBeforeRow | store.ChatBansAfterRow | store.ActiveChatBansBeforeRow |
	store.ActiveChatBansAfterRow | store.ChatBansOfBeforeRow | store.ChatBansOfAfterRow](rows []R,
) []Ban {
	bans := make([]Ban, len(rows))
	for i, r := range rows {
		row := store.ChatBansBeforeRow(r)
		bans[i] = Ban{
			ID: row.ID, Of: Person{row.UserID.UUID, row.Username, row.DisplayName, row.AvatarID.UUID},
			Household: row.Address != "", Reason: row.Reason, CreatedBy: row.CreatedBy,
			CreatedAt: row.CreatedAt.Time, ExpiresAt: timeOf(row.ExpiresAt),
		}
		// One that has expired is closed with the time at which it did.
		if lifted := timeOf(row.LiftedAt); !lifted.IsZero() && (bans[i].ExpiresAt.IsZero() || lifted.Before(bans[i].ExpiresAt)) {
			bans[i].LiftedAt = lifted
		}
	}
	return bans
}
