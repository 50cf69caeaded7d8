package login

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

// Device is a login as its owner sees it.
type Device struct {
	ID         uuid.UUID
	Name       string // what it is, in words
	Address    string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // unless it is used before
}

// Devices returns a page of the logins of p that are good, newest first.
func (s *Service) Devices(ctx context.Context, p auth.Principal, cursor string, limit int) (rest.Page[Device], error) {
	at, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[Device]{}, err
	}
	q, now, most := s.cfg.DB.Read(), column.At(s.now()), int32(limit+1)
	var rows []store.Login
	if at.Back {
		rows, err = q.LoginsAfter(ctx, store.LoginsAfterParams{UserID: p.UserID, ID: at.ID, ExpiresAt: now, Limit: most})
	} else {
		rows, err = q.LoginsBefore(ctx, store.LoginsBeforeParams{UserID: p.UserID, ID: at.ID, ExpiresAt: now, Limit: most})
	}
	if err != nil {
		return rest.Page[Device]{}, fmt.Errorf("login: list devices: %w", err)
	}
	page := rest.NewPage(rest.ByNewest, at, limit, rows, func(l store.Login) rest.Cursor { return rest.Cursor{ID: l.ID} })
	return rest.MapPage(page, func(l store.Login) Device {
		return Device{
			ID: l.ID, Name: deviceName(l.UserAgent), Address: l.Address,
			CreatedAt: l.CreatedAt.Time, LastUsedAt: l.LastUsedAt.Time, ExpiresAt: l.ExpiresAt.Time,
		}
	}), nil
}

// Revoke ends one login of p. One that is not there, or somebody else's, is
// ErrNoSession.
func (s *Service) Revoke(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		ended, err := s.end(ctx, tx, id, p.UserID, s.now())
		if err == nil && !ended {
			return ErrNoSession
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("login: revoke: %w", err)
	}
	return nil
}

// Logout ends the login of p and, if there is one, that of a refresh token. Whoever is
// logged out already stays so.
func (s *Service) Logout(ctx context.Context, p auth.Principal, refreshToken string) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		now := s.now()
		if p.Login != uuid.Nil {
			if _, err := s.end(ctx, tx, p.Login, p.UserID, now); err != nil {
				return err
			}
		}
		if !auth.IsSecret(refreshPrefix, refreshToken) {
			return nil
		}
		login, err := tx.LoginOfRefreshToken(ctx, auth.HashSecret(refreshToken))
		switch {
		case errors.Is(err, db.ErrNotFound):
			return nil
		case err != nil:
			return fmt.Errorf("look the login up: %w", err)
		}
		_, err = s.end(ctx, tx, login.ID, login.UserID, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("login: log out: %w", err)
	}
	return nil
}

// LogoutEverywhere ends all logins of p. Personal access tokens stay.
func (s *Service) LogoutEverywhere(ctx context.Context, p auth.Principal) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.RevokeLoginsExcept(ctx, store.RevokeLoginsExceptParams{UserID: p.UserID, Kept: uuid.Nil, At: column.Maybe(s.now())})
		if err != nil {
			return err
		}
		return tx.Notify(ctx, auth.TopicUser, p.UserID.String())
	})
	if err != nil {
		return fmt.Errorf("login: log out everywhere: %w", err)
	}
	return nil
}

// end ends a login and tells all nodes so; false if that was not good any more.
func (s *Service) end(ctx context.Context, tx *db.Tx, id, user uuid.UUID, now time.Time) (bool, error) {
	n, err := tx.RevokeLogin(ctx, store.RevokeLoginParams{ID: id, UserID: user, RevokedAt: column.Maybe(now)})
	if err != nil {
		return false, fmt.Errorf("end the login: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, tx.Notify(ctx, auth.TopicUser, user.String())
}
