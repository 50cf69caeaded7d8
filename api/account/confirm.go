package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// ConfirmEmail makes the address that a token was mailed to that of its account. A
// token that is not good (any more) is ErrBadLink, also when somebody else has
// confirmed the address meanwhile.
func (s *Service) ConfirmEmail(ctx context.Context, token string) error {
	if !auth.IsSecret(tokenPrefix, token) {
		return ErrBadLink
	}
	now := s.cfg.Now()
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		good, err := tx.MailTokenByHash(ctx, goodOf(token, now))
		if err != nil {
			return badLink(err)
		}
		used, err := use(ctx, tx, good.UserID, token, now)
		if err != nil {
			return err
		}
		user, err := tx.UserByID(ctx, used.UserID)
		if err != nil {
			return badLink(err)
		}
		if used.Purpose != purposeChange && (used.Purpose != purposeConfirm || used.Email != user.Email) {
			return ErrBadLink
		}
		return s.setEmail(ctx, tx, user, used.Email)
	})
	if db.IsUnique(err, "users_email_lower_key") {
		return ErrBadLink
	}
	return wrap(err, "confirm an address")
}

// setEmail makes email the confirmed address of user. Links that were mailed before
// are no longer good.
func (s *Service) setEmail(ctx context.Context, tx *db.Tx, user store.User, email string) error {
	now := column.Maybe(s.cfg.Now())
	_, err := tx.ConfirmUserEmail(ctx, store.ConfirmUserEmailParams{
		ID: user.ID, Email: email, EmailLower: strings.ToLower(email), EmailConfirmedAt: now,
	})
	if err != nil {
		return err
	}
	if err := tx.ExpireMailTokensOf(ctx, store.ExpireMailTokensOfParams{UserID: user.ID, UsedAt: now}); err != nil {
		return err
	}
	return changed(ctx, tx, user)
}

// ResendConfirmation mails the link again that makes an account usable, if login
// names one that waits for it. Without mail the outcome is ErrMailOff.
func (s *Service) ResendConfirmation(ctx context.Context, login string) error {
	return s.answer(ctx, login, func(user store.User) bool { return user.EmailConfirmedAt == nil },
		letter{template: mail.ConfirmEmail, purpose: purposeConfirm, path: confirmPath, life: confirmLife})
}

// Forgot mails a link to choose a new password, if login names an account. Without
// mail the outcome is ErrMailOff.
func (s *Service) Forgot(ctx context.Context, login string) error {
	return s.answer(ctx, login, func(store.User) bool { return true },
		letter{template: mail.ResetPassword, purpose: purposeReset, path: resetPath, life: resetLife})
}

// answer mails l to whom login names, if it is for them. It does as much for nobody.
func (s *Service) answer(ctx context.Context, login string, isFor func(store.User) bool, l letter) error {
	if s.cfg.Mail == nil {
		return ErrMailOff
	}
	user, err := s.find(ctx, login)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return wrap(err, "look a login up")
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		owner, err := tx.UserByEmailEvenDeleted(ctx, user.EmailLower)
		if err != nil && !errors.Is(err, db.ErrNotFound) {
			return fmt.Errorf("look an address up: %w", err)
		}
		l.user, l.name, l.to = user.ID, user.Username, user.Email
		isElses := owner.ID != uuid.Nil && owner.ID != user.ID
		if isElses || !isFor(user) {
			l.user = uuid.Nil
		}
		return s.post(ctx, tx, l)
	})
	return wrap(err, "answer a request for mail")
}

// ResetPassword sets the password of the account that token was mailed to, signs it
// out everywhere, revokes its personal access tokens and makes other links in mails
// useless: somebody else may have been in, perhaps before the address was confirmed.
// Whoever reads the mail has shown that the address is theirs. The outcomes are
// ErrBadLink and those of a password that will not do; the token is good for another
// try then.
func (s *Service) ResetPassword(ctx context.Context, token, password string) error {
	if !auth.IsSecret(tokenPrefix, token) {
		return ErrBadLink
	}
	good, err := s.cfg.DB.Read().MailTokenByHash(ctx, goodOf(token, s.cfg.Now()))
	if err != nil {
		return badLink(err)
	}
	if good.Purpose != purposeReset {
		return ErrBadLink
	}
	user, err := s.cfg.DB.Read().UserByID(ctx, good.UserID)
	if err != nil {
		return badLink(err)
	}
	hash, err := s.newHash(ctx, user, password)
	if err != nil {
		return err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := use(ctx, tx, user.ID, token, s.cfg.Now()); err != nil {
			return err
		}
		if user.EmailConfirmedAt == nil {
			if err := s.setEmail(ctx, tx, user, good.Email); err != nil {
				return err
			}
			user.EmailConfirmedAt = column.Maybe(s.cfg.Now())
		}
		if err := revokeTokens(ctx, tx, user); err != nil {
			return err
		}
		return s.setPassword(ctx, tx, user, hash, uuid.Nil)
	})
	if db.IsUnique(err, "users_email_lower_key") {
		return ErrBadLink
	}
	return wrap(err, "reset a password")
}

// revokeTokens deletes all personal access tokens of user, and tells all nodes so.
func revokeTokens(ctx context.Context, tx *db.Tx, user store.User) error {
	hashes, err := tx.DeletePersonalTokensOf(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("revoke personal access tokens: %w", err)
	}
	for _, hash := range hashes {
		if err := tx.Notify(ctx, auth.TopicPersonalToken, hash); err != nil {
			return err
		}
	}
	return nil
}

// use takes the token of a user, so that nobody can use it again. Users are locked
// ahead of their tokens, here as everywhere.
func use(ctx context.Context, tx *db.Tx, user uuid.UUID, token string, now time.Time) (store.UseMailTokenRow, error) {
	if err := tx.LockUser(ctx, user); err != nil {
		return store.UseMailTokenRow{}, fmt.Errorf("lock a user: %w", err)
	}
	used, err := tx.UseMailToken(ctx, useOf(token, now))
	if err != nil {
		return store.UseMailTokenRow{}, badLink(err)
	}
	return used, nil
}

func goodOf(token string, now time.Time) store.MailTokenByHashParams {
	return store.MailTokenByHashParams{TokenHash: auth.HashSecret(token), Now: column.At(now)}
}

// badLink says what a query for the token of a mail, or for its account, came to.
func badLink(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return ErrBadLink
	}
	return fmt.Errorf("account: look a link up: %w", err)
}
