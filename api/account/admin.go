package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
)

// adminName is the login of the account that EnsureAdmin makes.
const adminName = "admin"

// Admin returns the account that EnsureAdmin makes, for what the program does in its
// own name. Without that account it is an error.
func (s *Service) Admin(ctx context.Context) (User, error) {
	row, err := s.find(ctx, adminName)
	if err != nil {
		return User{}, fmt.Errorf("account: the account %q: %w", adminName, err)
	}
	return userOf(row)
}

// EnsureAdmin makes the account "admin" with a random password if nobody has the
// role admin. Only then created is true; the password is kept nowhere, so the
// caller must show it. Of nodes that start together one creates the account.
func (s *Service) EnsureAdmin(ctx context.Context) (password string, created bool, err error) {
	exists, err := s.hasAdmin(ctx)
	if err != nil || exists {
		return "", false, err
	}
	password = rand.Text()
	_, err = s.Create(ctx, NewUser{Username: adminName, Email: adminName + "@localhost", Password: password, Role: auth.RoleAdmin})
	if errors.Is(err, ErrUsernameTaken) || errors.Is(err, ErrEmailTaken) {
		exists, lookErr := s.hasAdmin(ctx)
		if exists || lookErr != nil { // another node was faster
			return "", false, lookErr
		}
	}
	if err != nil {
		return "", false, fmt.Errorf("account: make the first admin: %w", err)
	}
	return password, true, nil
}

func (s *Service) hasAdmin(ctx context.Context) (bool, error) {
	has, err := s.cfg.DB.Read().HasUserWithRole(ctx, string(auth.RoleAdmin))
	if err != nil {
		return false, fmt.Errorf("account: look for an admin: %w", err)
	}
	return has, nil
}

// SetPassword sets the password of the account with a login, for those who run the
// program. All its devices are signed out, and it counts as confirmed unless its
// address is somebody else's.
func (s *Service) SetPassword(ctx context.Context, login, password string) error {
	user, err := s.find(ctx, login)
	if err != nil {
		return failure(err, "look a login up")
	}
	hash, err := s.newHash(ctx, user, password)
	if err != nil {
		return err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if user.EmailConfirmedAt == nil {
			_, err := tx.UserByEmailEvenDeleted(ctx, user.EmailLower)
			if errors.Is(err, db.ErrNotFound) {
				err = s.setEmail(ctx, tx, user, user.Email)
			}
			if err != nil {
				return err
			}
		}
		if err := s.setPassword(ctx, tx, user, hash, uuid.Nil); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.password", user, nil)
	})
	return wrap(err, "set a password")
}

// SetRoleOf is SetRole for the account with a login, for those who run the program.
func (s *Service) SetRoleOf(ctx context.Context, login string, role auth.Role) (User, error) {
	user, err := s.find(ctx, login)
	if err != nil {
		return User{}, failure(err, "look a login up")
	}
	return s.SetRole(ctx, user.ID, rest.IfMatch{}, role)
}
