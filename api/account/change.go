package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// prove returns the account of p, if password is its. The outcome of another password
// is ErrWrongPassword.
func (s *Service) prove(ctx context.Context, p auth.Principal, password string) (store.User, error) {
	user, err := s.cfg.DB.Read().UserByID(ctx, p.UserID)
	if err != nil {
		return store.User{}, failure(err, "get")
	}
	ok, err := s.cfg.Passwords.Check(ctx, password, user.PasswordHash)
	if err != nil {
		return store.User{}, err
	}
	if !ok {
		return store.User{}, ErrWrongPassword
	}
	return user, nil
}

// newHash checks a new password of user and returns what to store for it.
func (s *Service) newHash(ctx context.Context, user store.User, password string) (string, error) {
	if err := checkPassword(password, user.Username, user.Email); err != nil {
		return "", err
	}
	return s.cfg.Passwords.Hash(ctx, password)
}

// setPassword stores the hash of a new password, revokes all logins but one, makes
// links in mails useless, and tells the user.
func (s *Service) setPassword(ctx context.Context, tx *db.Tx, user store.User, hash string, keep uuid.UUID) error {
	now := column.Maybe(s.cfg.Now())
	n, err := tx.UpdateUserPassword(ctx, store.UpdateUserPasswordParams{ID: user.ID, PasswordHash: hash, PasswordChangedAt: now})
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNotFound
	}
	if err := s.signOut(ctx, tx, user, keep); err != nil {
		return err
	}
	return s.tell(ctx, tx, user, mail.PasswordChanged, mail.Data{Path: forgotPath})
}

// signOut revokes the logins of user, but that with the id keep, and makes links in
// mails useless.
func (s *Service) signOut(ctx context.Context, tx *db.Tx, user store.User, keep uuid.UUID) error {
	now := s.cfg.Now()
	_, err := tx.RevokeLoginsExcept(ctx, store.RevokeLoginsExceptParams{UserID: user.ID, Kept: keep, At: column.Maybe(now)})
	if err != nil {
		return fmt.Errorf("revoke logins: %w", err)
	}
	err = tx.ExpireMailTokensOf(ctx, store.ExpireMailTokensOfParams{UserID: user.ID, UsedAt: column.Maybe(now)})
	if err != nil {
		return fmt.Errorf("expire links: %w", err)
	}
	return changed(ctx, tx, user)
}

// ChangePassword sets a new password for p, who knows the current one, and signs out
// all devices but that of p. The outcomes are ErrWrongPassword and those of a password
// that will not do.
func (s *Service) ChangePassword(ctx context.Context, p auth.Principal, current, password string) error {
	user, err := s.prove(ctx, p, current)
	if err != nil {
		return err
	}
	hash, err := s.newHash(ctx, user, password)
	if err != nil {
		return err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error { return s.setPassword(ctx, tx, user, hash, p.Login) })
	return wrap(err, "change a password")
}

// ChangeEmail gives the account of p another address. If confirm is true it changes
// once the link in a mail to the new address is opened, and the old one is told; an
// address that is taken then looks as any other. Without mail it changes at once, and
// an address that is taken is ErrEmailTaken. The other outcomes are ErrWrongPassword,
// ErrBadEmail, ErrSameEmail, and ErrTooSoon within a minute.
func (s *Service) ChangeEmail(ctx context.Context, p auth.Principal, password, email string) (confirm bool, err error) {
	user, err := s.prove(ctx, p, password)
	switch {
	case err != nil:
		return false, err
	case !isEmail(email):
		return false, ErrBadEmail
	case email == user.Email && user.EmailConfirmedAt != nil:
		return false, ErrSameEmail
	}
	if s.cfg.Mail == nil {
		err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error { return s.setEmail(ctx, tx, user, email) })
		return false, taken(err, "change an address")
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error { return s.askToChange(ctx, tx, user, email) })
	return true, wrap(err, "change an address")
}

// askToChange mails the link that changes the address of user to the new one, and a
// notice to the old one. If the new one is somebody else's, that person gets a notice.
func (s *Service) askToChange(ctx context.Context, tx *db.Tx, user store.User, email string) error {
	now := s.cfg.Now()
	ask := letter{
		user: user.ID, name: user.Username, to: email,
		template: mail.ChangeEmail, purpose: purposeChange, path: confirmPath, life: confirmLife,
	}
	if err := tx.LockUser(ctx, user.ID); err != nil {
		return fmt.Errorf("lock a user: %w", err)
	}
	recent, err := tx.CountMailTokensOf(ctx, store.CountMailTokensOfParams{
		UserID: user.ID, Purpose: ask.purpose, CreatedAt: column.At(now.Add(-mailPause)),
	})
	if err != nil {
		return fmt.Errorf("count mails: %w", err)
	}
	if recent > 0 {
		return rest.Later(ErrTooSoon, mailPause)
	}
	there, err := tx.CountMailTokensTo(ctx, store.CountMailTokensToParams{
		EmailLower: strings.ToLower(email), Purpose: ask.purpose, CreatedAt: column.At(now.Add(-addressWindow)),
	})
	if err != nil {
		return fmt.Errorf("count mails: %w", err)
	}
	owner, err := tx.UserByEmailEvenDeleted(ctx, strings.ToLower(email))
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("look an address up: %w", err)
	}
	token := auth.NewSecret(tokenPrefix)
	if err := s.addToken(ctx, tx, ask, token, now); err != nil { // also if nobody will ever see it
		return fmt.Errorf("note a mail: %w", err)
	}
	m := ask.message(token, now)
	if owner.ID != uuid.Nil && owner.ID != user.ID {
		m = addressTaken(owner).message("", now)
	}
	if there >= addressPerHour {
		m.To = ""
	}
	if err := s.cfg.Mail.Queue(ctx, tx, m); err != nil {
		return err
	}
	return s.tell(ctx, tx, user, mail.ChangeEmailNotice, mail.Data{Address: email, Path: forgotPath})
}
