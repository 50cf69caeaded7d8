package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Refresh takes a refresh token for a new one, and a new access token with it. Each
// is good once. Whoever shows one again has stolen it, or was robbed of it: then the
// whole login ends, for both. Of many who show one at the same time one is answered,
// and has nothing of it. A token that is not good, for whatever reason, is
// ErrBadRefreshToken; a user who is not is ErrSuspended or ErrDeleted.
func (s *Service) Refresh(ctx context.Context, token string) (Session, error) {
	session, outcome, err := s.refresh(ctx, token)
	if err != nil {
		session = Session{}
		if _, told := errors.AsType[*rest.Outcome](err); !told {
			outcome = outcomeFailed
			err = fmt.Errorf("login: refresh: %w", err)
		}
	}
	s.metrics.refreshes.WithLabelValues(outcome).Inc()
	return session, err
}

func (s *Service) refresh(ctx context.Context, token string) (session Session, outcome string, err error) {
	if !auth.IsSecret(refreshPrefix, token) {
		return Session{}, outcomeRefused, ErrBadRefreshToken
	}
	hash, now := auth.HashSecret(token), s.now()
	outcome = outcomeOK
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		used, err := tx.UseRefreshToken(ctx, store.UseRefreshTokenParams{TokenHash: hash, UsedAt: column.Maybe(now)})
		switch {
		case errors.Is(err, db.ErrNotFound):
			outcome, err = s.endReused(ctx, tx, hash, now)
			return err
		case err != nil:
			return fmt.Errorf("use the token: %w", err)
		}
		session, err = s.renew(ctx, tx, used, now)
		return err
	})
	switch {
	case err != nil:
		return Session{}, outcomeRefused, err
	case outcome != outcomeOK: // and what was done about it is kept
		return Session{}, outcome, ErrBadRefreshToken
	}
	return session, outcome, nil
}

// renew goes on with the login of a refresh token that was just used.
func (s *Service) renew(ctx context.Context, tx *db.Tx, used store.UseRefreshTokenRow, now time.Time) (Session, error) {
	login, err := tx.LoginByID(ctx, used.LoginID)
	if err != nil {
		return Session{}, fmt.Errorf("read the login: %w", err)
	}
	if login.RevokedAt != nil || !now.Before(login.ExpiresAt.Time) || !now.Before(used.ExpiresAt.Time) {
		return Session{}, ErrBadRefreshToken
	}
	user, err := tx.UserByIDEvenDeleted(ctx, login.UserID)
	if err != nil {
		return Session{}, fmt.Errorf("read the user: %w", err)
	}
	if err := mayBeHere(user); err != nil {
		return Session{}, err
	}
	client := auth.ClientOf(ctx)
	n, err := tx.RenewLogin(ctx, store.RenewLoginParams{
		ID: login.ID, LastUsedAt: column.At(now), ExpiresAt: column.At(now.Add(s.cfg.RefreshTTL)),
		Address: addressOf(client), UserAgent: client.Agent(),
	})
	if err != nil {
		return Session{}, fmt.Errorf("renew the login: %w", err)
	}
	if n == 0 { // revoked this moment
		return Session{}, ErrBadRefreshToken
	}
	return s.session(ctx, tx, login, user, now)
}

// endReused ends the login of a refresh token that was used before. Of a token that
// never was, or is long forgotten, nothing is known.
func (s *Service) endReused(ctx context.Context, tx *db.Tx, hash string, now time.Time) (outcome string, err error) {
	login, err := tx.LoginOfRefreshToken(ctx, hash)
	if errors.Is(err, db.ErrNotFound) {
		return outcomeRefused, nil
	}
	if err != nil {
		return "", fmt.Errorf("look the login up: %w", err)
	}
	ended, err := s.end(ctx, tx, login.ID, login.UserID, now)
	if err != nil {
		return "", err
	}
	if ended {
		s.cfg.Logger.WarnContext(ctx, "refresh token shown again: its login ends",
			"user", login.UserID, "login", login.ID, "remote", addressOf(auth.ClientOf(ctx)))
	}
	return outcomeReused, nil
}
