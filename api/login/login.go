package login

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// refreshPrefix begins a refresh token.
const refreshPrefix = "bsr_"

// Login logs a device in for whoever proves to own an account, named by its username
// or e-mail address. A login that does not exist takes as long as a wrong password,
// and both are ErrBadCredentials. After too many failures with one login, whoever
// tries it, it is ErrTooManyAttempts for a while.
func (s *Service) Login(ctx context.Context, login, password string) (Session, error) {
	session, err := s.login(ctx, login, password)
	outcome := outcomeOK
	switch _, told := errors.AsType[*rest.Outcome](err); {
	case err == nil:
	case errors.Is(err, ErrTooManyAttempts):
		outcome = outcomeBlocked
	case told:
		outcome = outcomeRefused
	default:
		outcome = outcomeFailed
	}
	s.metrics.logins.WithLabelValues(outcome).Inc()
	return session, err
}

func (s *Service) login(ctx context.Context, login, password string) (Session, error) {
	tallies := talliesOf(login, auth.ClientOf(ctx).Addr)
	if err := s.mayTry(ctx, tallies); err != nil {
		return Session{}, err
	}
	row, err := s.find(ctx, strings.ToLower(login))
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return Session{}, fmt.Errorf("login: look an account up: %w", err)
	}
	ok, err := s.cfg.Passwords.Check(ctx, password, row.PasswordHash)
	if err != nil {
		return Session{}, err
	}
	// Of many who guess at the same time, those beyond the limit do not learn whether
	// they guessed right.
	if !ok {
		return Session{}, s.failed(ctx, tallies)
	}
	if err := s.mayTry(ctx, tallies); err != nil {
		return Session{}, err
	}
	s.uncounted(ctx, s.cfg.Attempts.Succeeded(ctx, tallies[0].name))
	var session Session
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		session, err = s.open(ctx, tx, row)
		return err
	})
	if err != nil {
		return Session{}, fmt.Errorf("login: %w", err)
	}
	return session, nil
}

// mayTry is ErrTooManyAttempts if a login cannot be tried now.
func (s *Service) mayTry(ctx context.Context, tallies [2]tally) error {
	for _, t := range tallies {
		wait, err := s.cfg.Attempts.Wait(ctx, t.name, t.most)
		if err := s.delayed(ctx, wait, err, nil); err != nil {
			return err
		}
	}
	return nil
}

// failed counts a failure, and is ErrBadCredentials or ErrTooManyAttempts.
func (s *Service) failed(ctx context.Context, tallies [2]tally) error {
	outcome := error(ErrBadCredentials)
	for _, t := range tallies {
		wait, err := s.cfg.Attempts.Failed(ctx, t.name, t.most)
		outcome = s.delayed(ctx, wait, err, outcome)
	}
	return outcome
}

// delayed returns ErrTooManyAttempts if there is something to wait for, and the error
// otherwise if not. err is why nobody knows.
func (s *Service) delayed(ctx context.Context, wait time.Duration, err, otherwise error) error {
	s.uncounted(ctx, err)
	if wait > 0 {
		return rest.Later(ErrTooManyAttempts, wait)
	}
	return otherwise
}

// uncounted logs that attempts could not be counted. People are let in all the same.
func (s *Service) uncounted(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.WarnContext(ctx, "attempts to log in are not counted", "err", err)
	}
}

// find looks an account up, also one that is deleted: usernames have no @, addresses
// do. An address is that of who has confirmed it: whoever only claims one logs in by
// name, or could find out here whether it is somebody else's. What nobody can be called is not asked for: Postgres would not even take a text
// with a zero byte.
func (s *Service) find(ctx context.Context, login string) (store.User, error) {
	q := s.cfg.DB.Read()
	switch {
	case strings.ContainsFunc(login, unicode.IsControl) || !utf8.ValidString(login):
		return store.User{}, db.ErrNotFound
	case !strings.Contains(login, "@"):
		return q.UserByUsernameEvenDeleted(ctx, login)
	}
	return q.UserByEmailEvenDeleted(ctx, login)
}

// open makes a login for the user who was proved to be seen. If the account has
// changed since, so that this is no proof any more, it is ErrBadCredentials.
func (s *Service) open(ctx context.Context, tx *db.Tx, seen store.User) (Session, error) {
	if _, err := tx.LoginLockUser(ctx, seen.ID); err != nil {
		return Session{}, fmt.Errorf("lock the user: %w", err)
	}
	user, err := tx.UserByIDEvenDeleted(ctx, seen.ID)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return Session{}, ErrBadCredentials
	case err != nil:
		return Session{}, fmt.Errorf("read the user: %w", err)
	case user.PasswordHash != seen.PasswordHash:
		return Session{}, ErrBadCredentials
	}
	if err := mayBeHere(user); err != nil {
		return Session{}, err
	}
	if s.cfg.ConfirmedOnly && user.EmailConfirmedAt == nil {
		return Session{}, ErrUnconfirmed
	}
	if _, err := tx.PruneLogins(ctx, user.ID); err != nil {
		return Session{}, fmt.Errorf("forget old logins: %w", err)
	}
	id, err := newID()
	if err != nil {
		return Session{}, err
	}
	now, client := s.now(), auth.ClientOf(ctx)
	err = tx.CreateLogin(ctx, store.CreateLoginParams{
		ID: id, UserID: user.ID, UserAgent: client.Agent(), Address: addressOf(client),
		CreatedAt: column.At(now), LastUsedAt: column.At(now), ExpiresAt: column.At(now.Add(s.cfg.RefreshTTL)),
	})
	if err != nil {
		return Session{}, fmt.Errorf("write the login: %w", err)
	}
	return s.session(ctx, tx, store.Login{ID: id}, user, now)
}

// session returns tokens for a login, of which the refresh token is kept.
func (s *Service) session(ctx context.Context, tx *db.Tx, login store.Login, user store.User, now time.Time) (Session, error) {
	id, err := newID()
	if err != nil {
		return Session{}, err
	}
	refresh := auth.NewSecret(refreshPrefix)
	err = tx.CreateRefreshToken(ctx, store.CreateRefreshTokenParams{
		ID: id, LoginID: login.ID, TokenHash: auth.HashSecret(refresh),
		CreatedAt: column.At(now), ExpiresAt: column.At(now.Add(s.cfg.RefreshTTL)),
	})
	if err != nil {
		return Session{}, fmt.Errorf("write the refresh token: %w", err)
	}
	access, ttl, err := s.cfg.Tokens.AccessOf(login.ID, user.ID, user.Username, auth.Role(user.Role))
	if err != nil {
		return Session{}, err
	}
	return Session{
		AccessToken: access, AccessTTL: ttl, RefreshToken: refresh, RefreshTTL: s.cfg.RefreshTTL, User: userOf(user),
	}, nil
}

// mayBeHere returns why a user may not log in nor stay logged in.
func mayBeHere(user store.User) error {
	switch {
	case user.DeletedAt != nil && user.DeletedBy.Valid:
		return ErrDeletedByStaff
	case user.DeletedAt != nil:
		return ErrDeleted
	case user.SuspendedAt != nil:
		return ErrSuspended
	}
	return nil
}

func addressOf(c auth.Client) string {
	if !c.Addr.IsValid() {
		return ""
	}
	return c.Addr.String()
}
