package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// NewUser is what an account is made of.
type NewUser struct {
	Username    string
	DisplayName string // empty: the username is shown
	Email       string
	Password    string
	Role        auth.Role // a user if empty
}

// Signup makes an account with the role user, with an invite code if signing up needs
// one. If confirm is true it can be used once its address is confirmed, by the link
// in a mail; see the package on addresses that are taken. Names and addresses that
// differ only in case are the same, and names that look alike are refused.
func (s *Service) Signup(ctx context.Context, n NewUser, invite string) (user User, confirm bool, err error) {
	policy := s.cfg.Policy.Signup(ctx)
	if policy != SignupOpen && policy != SignupInvite {
		return User{}, false, ErrSignupClosed
	}
	if isReserved(n.Username) {
		return User{}, false, ErrUsernameTaken
	}
	n.Role = auth.RoleUser
	confirm = s.cfg.Mail != nil
	row, err := s.newRow(ctx, n, !confirm)
	if err != nil {
		return User{}, false, err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if policy == SignupInvite {
			if err := s.useInvite(ctx, tx, invite); err != nil {
				return err
			}
		}
		if err := tx.CreateUser(ctx, row); err != nil || !confirm {
			return err
		}
		return s.askToConfirm(ctx, tx, row)
	})
	if err != nil {
		return User{}, false, taken(err, "sign up")
	}
	return userOfNew(row), confirm, nil
}

// askToConfirm mails the link that makes a new account usable, or tells the owner of
// its address that somebody tried.
func (s *Service) askToConfirm(ctx context.Context, tx *db.Tx, row store.CreateUserParams) error {
	owner, err := tx.UserByEmailEvenDeleted(ctx, row.EmailLower)
	switch {
	case err == nil:
		return s.post(ctx, tx, addressTaken(owner))
	case !errors.Is(err, db.ErrNotFound):
		return fmt.Errorf("look an address up: %w", err)
	}
	return s.post(ctx, tx, letter{
		user: row.ID, name: row.Username, to: row.Email,
		template: mail.ConfirmEmail, purpose: purposeConfirm, path: confirmPath, life: confirmLife,
	})
}

// newRow checks n, before it hashes the password, and returns its row.
func (s *Service) newRow(ctx context.Context, n NewUser, confirmed bool) (store.CreateUserParams, error) {
	change := ProfileChange{DisplayName: &n.DisplayName}
	switch err := change.clean(); {
	case !usernameForm.MatchString(n.Username):
		return store.CreateUserParams{}, ErrBadUsername
	case !isEmail(n.Email):
		return store.CreateUserParams{}, ErrBadEmail
	case err != nil:
		return store.CreateUserParams{}, err
	}
	if err := checkPassword(n.Password, n.Username, n.Email); err != nil {
		return store.CreateUserParams{}, err
	}
	hash, err := s.cfg.Passwords.Hash(ctx, n.Password)
	if err != nil {
		return store.CreateUserParams{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.CreateUserParams{}, fmt.Errorf("account: make an id: %w", err)
	}
	now := s.cfg.Now()
	row := store.CreateUserParams{
		ID:       id,
		Username: n.Username, UsernameLower: strings.ToLower(n.Username), UsernameSkeleton: skeleton(n.Username),
		DisplayName: *change.DisplayName,
		Email:       n.Email, EmailLower: strings.ToLower(n.Email),
		PasswordHash: hash, Role: string(n.Role), CreatedAt: column.At(now),
	}
	if confirmed {
		row.EmailConfirmedAt = column.Maybe(now)
	}
	return row, nil
}

// taken turns the database's refusal of a user into an outcome. It says who was first
// where two ask for the same name.
func taken(err error, attempt string) error {
	switch {
	case db.IsUnique(err, "users_username_lower_key"), db.IsUnique(err, "users_username_skeleton_key"):
		return ErrUsernameTaken
	case db.IsUnique(err, "users_email_lower_key"):
		return ErrEmailTaken
	}
	return wrap(err, attempt)
}

func userOfNew(row store.CreateUserParams) User {
	return User{
		ID: row.ID, Username: row.Username, DisplayName: row.DisplayName,
		Email: row.Email, EmailConfirmedAt: timeOf(row.EmailConfirmedAt),
		Role: auth.Role(row.Role), CreatedAt: row.CreatedAt.Time, Version: 1,
	}
}
