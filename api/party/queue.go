package party

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Entry is something in the queue.
type Entry struct {
	ID      uuid.UUID
	Item    *Item
	AddedBy *Member // nil if the account is gone
	AddedAt time.Time
}

func itemOf(raw column.JSON) (*Item, error) {
	item := &Item{}
	if err := json.Unmarshal(raw, item); err != nil {
		return nil, fmt.Errorf("party: read an item: %w", err)
	}
	return item, nil
}

// queue returns what comes next, in order.
func (s *Service) queue(ctx context.Context, party uuid.UUID) ([]Entry, error) {
	rows, err := s.cfg.DB.Read().PartyQueue(ctx, party)
	if err != nil {
		return nil, fmt.Errorf("party: read the queue: %w", err)
	}
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		item, err := itemOf(row.Item)
		if err != nil {
			return nil, err
		}
		entries[i] = Entry{ID: row.ID, Item: item, AddedAt: row.AddedAt.Time}
		if row.Username.Valid {
			entries[i].AddedBy = &Member{
				Person: Person{ID: row.AddedBy.UUID, Name: row.Username.String}, DisplayName: row.DisplayName.String, Avatar: row.AvatarID,
			}
		}
	}
	return entries, nil
}

// Add puts an item at the end of the queue. Everybody may, also where the host alone has
// control. The outcomes are ErrNotFound, ErrQueueFull and those of an item.
func (s *Service) Add(ctx context.Context, p auth.Principal, party uuid.UUID, in ItemInput) (uuid.UUID, error) {
	if err := s.pace.allow(p.UserID); err != nil {
		return uuid.Nil, err
	}
	if _, err := s.row(ctx, p.UserID, party); err != nil {
		return uuid.Nil, err
	}
	item, err := s.find(ctx, p, in)
	if err != nil {
		return uuid.Nil, err
	}
	raw, err := json.Marshal(item)
	if err != nil {
		return uuid.Nil, fmt.Errorf("party: write an item: %w", err)
	}
	err = s.requeue(ctx, p, party, func(tx *db.Tx, _ store.Party, queue []store.PartyQueueRow) error {
		if len(queue) >= maxQueue {
			return ErrQueueFull
		}
		place := int64(0)
		if len(queue) > 0 {
			place = queue[len(queue)-1].Place + 1
		}
		return tx.PartyQueueAdd(ctx, store.PartyQueueAddParams{
			ID: item.ID, PartyID: party, Item: raw, Place: place,
			AddedBy: uuid.NullUUID{UUID: p.UserID, Valid: true}, AddedAt: column.At(s.cfg.Now()),
		})
	})
	return item.ID, err
}

// Move puts an entry in another place, counted from 0; beyond the end is the end. The
// outcomes are ErrNotFound, ErrHostOnly and ErrEntryNotFound.
func (s *Service) Move(ctx context.Context, p auth.Principal, party, entry uuid.UUID, place int) error {
	if err := s.pace.allow(p.UserID); err != nil {
		return err
	}
	return s.requeue(ctx, p, party, func(tx *db.Tx, row store.Party, queue []store.PartyQueueRow) error {
		if err := mayAct(ctx, tx, row, p.UserID); err != nil {
			return err
		}
		at := slices.IndexFunc(queue, func(q store.PartyQueueRow) bool { return q.ID == entry })
		if at < 0 {
			return ErrEntryNotFound
		}
		moved := queue[at]
		queue = slices.Delete(queue, at, at+1)
		queue = slices.Insert(queue, min(max(0, place), len(queue)), moved)
		for i, q := range queue {
			if q.Place == int64(i) {
				continue
			}
			if err := tx.PartyQueuePlace(ctx, store.PartyQueuePlaceParams{ID: q.ID, PartyID: party, Place: int64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Drop takes an entry out of the queue. Where the host alone has control, others may
// only with what they added. The outcomes are those of Move.
func (s *Service) Drop(ctx context.Context, p auth.Principal, party, entry uuid.UUID) error {
	if err := s.pace.allow(p.UserID); err != nil {
		return err
	}
	return s.requeue(ctx, p, party, func(tx *db.Tx, row store.Party, queue []store.PartyQueueRow) error {
		at := slices.IndexFunc(queue, func(q store.PartyQueueRow) bool { return q.ID == entry })
		if at < 0 {
			return ErrEntryNotFound
		}
		if queue[at].AddedBy.UUID != p.UserID {
			if err := mayAct(ctx, tx, row, p.UserID); err != nil {
				return err
			}
		}
		_, err := tx.PartyQueueDrop(ctx, store.PartyQueueDropParams{ID: entry, PartyID: party})
		return err
	})
}

// requeue has do change the queue, with the party locked, and tells everybody.
func (s *Service) requeue(ctx context.Context, p auth.Principal, party uuid.UUID, do func(tx *db.Tx, row store.Party, queue []store.PartyQueueRow) error) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		row, _, _, err := lock(ctx, tx, party)
		if err != nil {
			return err
		}
		if err := mustBeIn(ctx, tx.Queries, party, p.UserID); err != nil {
			return err
		}
		queue, err := tx.PartyQueue(ctx, party)
		if err != nil {
			return fmt.Errorf("read the queue: %w", err)
		}
		return do(tx, row, queue)
	})
	if err != nil {
		return fmt.Errorf("party: change the queue: %w", err)
	}
	s.tellQueue(ctx, party)
	return nil
}

// tellQueue tells everybody what comes next.
func (s *Service) tellQueue(ctx context.Context, party uuid.UUID) {
	view, err := s.showQueue(ctx, auth.Principal{}, party)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "the queue of a party cannot be told", "err", err)
		return
	}
	s.tell(ctx, party, "party.queue", QueueEvent{Items: view})
}
