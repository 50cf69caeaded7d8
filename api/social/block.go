package social

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// maxBlocks is how many people one person may block.
const maxBlocks = 5000

// Block is somebody whom one wants to have nothing to do with.
type Block struct {
	Person

	At  time.Time
	row uuid.UUID
}

// Block keeps somebody away from p: friendship and requests between them end, nothing of
// the other reaches the inbox of p, and neither can ask, invite, call or mention the
// other. The other is not told.
func (s *Service) Block(ctx context.Context, p auth.Principal, who string) error {
	other, err := s.somebody(ctx, who)
	if err != nil {
		return err
	}
	if other.ID == p.UserID {
		return ErrYourself
	}
	id, err := newID()
	if err != nil {
		return err
	}
	var after later
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if there, err := lockPair(ctx, tx, p.UserID, other.ID); err != nil || !there {
			return orElse(err, ErrUserNotFound)
		}
		n, err := tx.CreateBlock(ctx, store.CreateBlockParams{ID: id, UserID: p.UserID, BlockedID: other.ID, CreatedAt: column.At(s.cfg.Now())})
		if err != nil || n == 0 {
			return err
		}
		if n, err = tx.CountBlocks(ctx, p.UserID); err != nil || n > maxBlocks {
			return orElse(err, ErrTooManyBlocks)
		}
		if err := s.part(ctx, tx, p.UserID, other.ID, &after); err != nil {
			return err
		}
		if err := s.settle(ctx, tx, p.UserID, other.ID, &after); err != nil {
			return err
		}
		gone, err := tx.DeleteNotificationsFrom(ctx, store.DeleteNotificationsFromParams{
			UserID: p.UserID, ActorID: uuid.NullUUID{UUID: other.ID, Valid: true},
		})
		s.tellForgotten(ctx, p.UserID, gone, &after)
		return err
	})
	if err != nil {
		return fmt.Errorf("social: block: %w", err)
	}
	after.do()
	return nil
}

// Unblock takes a block back, if there is one. What it ended stays ended.
func (s *Service) Unblock(ctx context.Context, p auth.Principal, who string) error {
	other, _, err := s.anybody(ctx, who)
	if err != nil {
		return err
	}
	if _, err := s.cfg.DB.Write().DeleteBlock(ctx, store.DeleteBlockParams{UserID: p.UserID, BlockedID: other.ID}); err != nil {
		return fmt.Errorf("social: unblock: %w", err)
	}
	return nil
}

// Blocks returns a page of those whom p has blocked, the latest first.
func (s *Service) Blocks(ctx context.Context, p auth.Principal, page rest.PageQuery) (rest.Page[Block], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Block]{}, err
	}
	q, ask := s.cfg.DB.Read(), store.BlocksBeforeParams{UserID: p.UserID, Edge: c.ID, Most: int32(page.Limit) + 1}
	var rows []store.BlocksBeforeRow
	if c.Back {
		var after []store.BlocksAfterRow
		after, err = q.BlocksAfter(ctx, store.BlocksAfterParams(ask))
		for _, row := range after {
			rows = append(rows, store.BlocksBeforeRow(row))
		}
	} else {
		rows, err = q.BlocksBefore(ctx, ask)
	}
	if err != nil {
		return rest.Page[Block]{}, fmt.Errorf("social: list blocks: %w", err)
	}
	blocks := make([]Block, len(rows))
	for i, row := range rows {
		blocks[i] = Block{Person{row.UserID, row.Username, row.DisplayName, row.AvatarID}, row.CreatedAt.Time, row.ID}
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, blocks, func(b Block) rest.Cursor { return rest.Cursor{ID: b.row} }), nil
}
