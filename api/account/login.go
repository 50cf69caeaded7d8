package account

import (
	"context"
	"errors"
	"time"

	"bandstand/api/auth"
	"bandstand/storage/db"
)

// Session is what a successful login gives.
type Session struct {
	AccessToken string
	ExpiresIn   time.Duration
	User        User
}

// Login returns a session for whoever proves to own an account, named by its
// username or e-mail address. A login that does not exist takes as long as a
// wrong password, and both are ErrBadCredentials.
func (s *Service) Login(ctx context.Context, login, password string) (Session, error) {
	row, err := s.find(ctx, login)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return Session{}, wrap(err, "log in")
	}
	ok, err := s.cfg.Passwords.Check(ctx, password, row.PasswordHash)
	if err != nil {
		return Session{}, err
	}
	if !ok {
		return Session{}, ErrBadCredentials
	}
	user, err := userOf(row)
	if err != nil {
		return Session{}, err
	}
	if user.State() != StateActive {
		return Session{}, ErrBadCredentials
	}
	token, ttl, err := s.cfg.Tokens.Access(user.ID, user.Username, auth.Role(row.Role))
	if err != nil {
		return Session{}, err
	}
	return Session{AccessToken: token, ExpiresIn: ttl, User: user}, nil
}
