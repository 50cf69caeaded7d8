package party

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Who may change what plays.
const (
	controlEveryone = "everyone"
	controlHost     = "host"
)

// Change is what somebody wants a party to be. Fields that are nil stay as they are.
type Change struct {
	Name         *string
	Control      *string
	WaitForAll   *bool
	StallAfter   *int64
	ResumeBuffer *int64
	MaxWait      *int64
	LiveDelay    *int64
	Host         *string // username of a member
}

func (c Change) apply(row *store.Party, settings *Settings) error {
	if c.Name != nil {
		name, ok := rest.Line(*c.Name, maxName)
		if !ok || name == "" {
			return ErrBadName
		}
		row.Name = name
	}
	if c.Control != nil {
		row.Control = *c.Control
	}
	if c.WaitForAll != nil {
		row.WaitForAll = *c.WaitForAll
	}
	for _, set := range []struct {
		to   *int64
		from *int64
	}{
		{&settings.StallAfter, c.StallAfter},
		{&settings.ResumeBuffer, c.ResumeBuffer},
		{&settings.MaxWait, c.MaxWait},
		{&settings.LiveDelay, c.LiveDelay},
	} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	return nil
}

// Create makes a party of which p is the host and the first member. in may be nil. The
// outcomes are ErrBadName, ErrTooManyParties and those of an item.
func (s *Service) Create(ctx context.Context, p auth.Principal, in *ItemInput, change Change) (uuid.UUID, error) {
	now := s.cfg.Now()
	row := store.Party{HostID: p.UserID, Name: "Watch party", Control: controlEveryone}
	settings := usualSettings()
	if err := change.apply(&row, &settings); err != nil {
		return uuid.Nil, err
	}
	state := State{Rate: 1, At: now.UnixMicro(), By: &Person{ID: p.UserID, Name: p.Name}, Reason: reasonCreated}
	if in != nil {
		item, err := s.find(ctx, p, *in)
		if err != nil {
			return uuid.Nil, err
		}
		state.load(item, 1, settings, nil)
		state.Playing = item.Live() // a recording waits for the guests
		state.bound(settings.delay())
	}
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("party: make an id: %w", err)
	}
	rawState, err := state.encode()
	if err != nil {
		return uuid.Nil, err
	}
	rawSettings, err := json.Marshal(settings)
	if err != nil {
		return uuid.Nil, fmt.Errorf("party: write settings: %w", err)
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.PartyCreate(ctx, store.PartyCreateParams{
			ID: id, HostID: p.UserID, Name: row.Name, Control: row.Control, WaitForAll: row.WaitForAll,
			Settings: rawSettings, State: rawState, Now: column.At(now),
		}); err != nil {
			return err
		}
		return s.admit(ctx, tx, id, p.UserID)
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("party: create: %w", err)
	}
	return id, nil
}

// admit makes somebody a member. The party is locked, or nobody knows it yet.
func (s *Service) admit(ctx context.Context, tx *db.Tx, party, user uuid.UUID) error {
	if err := tx.LockUser(ctx, user); err != nil { // they may be joining others
		return fmt.Errorf("lock the user: %w", err)
	}
	count, err := tx.PartyCountOf(ctx, user)
	if err != nil {
		return fmt.Errorf("count parties: %w", err)
	}
	if count >= maxParties {
		return ErrTooManyParties
	}
	if count, err = tx.PartyCountMembers(ctx, party); err != nil {
		return fmt.Errorf("count members: %w", err)
	}
	if count >= maxMembers {
		return ErrFull
	}
	return tx.PartyAddMember(ctx, store.PartyAddMemberParams{PartyID: party, UserID: user, Now: column.At(s.cfg.Now())})
}

// Update changes the settings of a party. The outcomes are ErrNotFound, ErrHostOnly,
// ErrBadName, ErrMemberNotFound and rest.ErrChanged.
func (s *Service) Update(ctx context.Context, p auth.Principal, party uuid.UUID, match rest.IfMatch, change Change) error {
	var line *Message
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		row, _, settings, err := lock(ctx, tx, party)
		if err != nil {
			return err
		}
		if err := mustBeIn(ctx, tx.Queries, party, p.UserID); err != nil {
			return err
		}
		if row.HostID != p.UserID {
			return ErrHostOnly
		}
		if err := match.Check(row.Version); err != nil {
			return err
		}
		if err := change.apply(&row, &settings); err != nil {
			return err
		}
		if change.Host != nil {
			host, err := memberNamed(ctx, tx, party, *change.Host)
			if err != nil {
				return err
			}
			if host.ID != row.HostID {
				row.HostID = host.ID
				if line, err = s.line(ctx, tx, party, &host, lineHost); err != nil {
					return err
				}
			}
		}
		return update(ctx, tx, row, settings, s.cfg.Now())
	})
	if err != nil {
		return fmt.Errorf("party: update: %w", err)
	}
	s.tellLine(ctx, line)
	s.tellChanged(ctx, party)
	s.announce(word{Party: party, Waiting: true}) // whoever it waits for may not matter any more
	return nil
}

func update(ctx context.Context, tx *db.Tx, row store.Party, settings Settings, now time.Time) error {
	raw, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("party: write settings: %w", err)
	}
	return tx.PartyUpdate(ctx, store.PartyUpdateParams{
		ID: row.ID, HostID: row.HostID, Name: row.Name, Control: row.Control, WaitForAll: row.WaitForAll,
		Settings: raw, UpdatedAt: column.At(now),
	})
}

// memberNamed returns a member of a party; ErrMemberNotFound if nobody there is called so.
func memberNamed(ctx context.Context, tx *db.Tx, party uuid.UUID, username string) (Person, error) {
	user, err := userNamed(ctx, tx.Queries, username)
	if errors.Is(err, ErrUserNotFound) {
		return Person{}, ErrMemberNotFound
	}
	if err != nil {
		return Person{}, err
	}
	if err := mustBeIn(ctx, tx.Queries, party, user.ID); errors.Is(err, ErrNotFound) {
		return Person{}, ErrMemberNotFound
	} else if err != nil {
		return Person{}, err
	}
	return Person{ID: user.ID, Name: user.Username}, nil
}

// userNamed returns an account; ErrUserNotFound if there is none.
func userNamed(ctx context.Context, q *store.Queries, username string) (store.User, error) {
	if _, ok := rest.Line(username, 64); !ok { // not even text, perhaps, which Postgres would not take
		return store.User{}, ErrUserNotFound
	}
	user, err := q.UserByUsername(ctx, strings.ToLower(username))
	if errors.Is(err, db.ErrNotFound) {
		return user, ErrUserNotFound
	}
	if err != nil {
		return user, fmt.Errorf("party: look a person up: %w", err)
	}
	return user, nil
}

// End ends a party for all. The outcomes are ErrNotFound and ErrHostOnly.
func (s *Service) End(ctx context.Context, p auth.Principal, party uuid.UUID) error {
	row, err := s.row(ctx, p.UserID, party)
	if err != nil {
		return err
	}
	if row.HostID != p.UserID {
		return ErrHostOnly
	}
	if err := s.end(ctx, party, "host"); err != nil {
		return fmt.Errorf("party: end: %w", err)
	}
	return nil
}

// IsMember reports whether somebody is in a party that has not ended. An error means
// "could not ask".
func (s *Service) IsMember(ctx context.Context, party, user uuid.UUID) (bool, error) {
	_, err := s.row(ctx, user, party)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
