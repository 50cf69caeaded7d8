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

// Places in the web client that mails link to. Tokens stand behind a #, where they
// get neither into logs nor into referrers.
const (
	confirmPath = "/account/confirm"
	resetPath   = "/account/reset"
	forgotPath  = "/account/forgot"
	restorePath = "/account/restore"
	invitePath  = "/signup"
)

// What a link in a mail may do; see mail_tokens.
const (
	purposeConfirm = "confirm_email"
	purposeChange  = "change_email"
	purposeReset   = "reset_password"
	purposeTaken   = "signup_exists" // nothing: it counts a mail
)

// Lives of links.
const (
	confirmLife = 48 * time.Hour
	resetLife   = time.Hour
	createdLife = 7 * 24 * time.Hour // to choose the first password
)

// How often strangers can make us send mail for one purpose: to one account, and to
// one address.
const (
	mailPause      = time.Minute
	addressWindow  = time.Hour
	addressPerHour = 5
)

// tokenPrefix begins the tokens in mails.
const tokenPrefix = "bsm_"

// letter is a mail that strangers can ask for, with what it lets its reader do.
type letter struct {
	user     uuid.UUID // uuid.Nil: there is no such account, and nothing is sent
	name, to string
	template mail.Template
	purpose  string
	path     string
	life     time.Duration
	until    time.Time // shown in place of the end of the link's life
	bare     bool      // the link has no token
}

// addressTaken tells the owner of an address that somebody tried to use it.
func addressTaken(owner store.User) letter {
	l := letter{
		user: owner.ID, name: owner.Username, to: owner.Email,
		template: mail.SignupExists, purpose: purposeTaken, path: forgotPath, life: addressWindow, bare: true,
	}
	if owner.DeletedAt != nil && !owner.DeletedBy.Valid {
		l.until = owner.DeletedAt.Add(RestoreWindow)
	}
	return l
}

// post mails l, unless the account or the address has just had such mails. For nobody,
// and for those who had enough, it does as much as for others, and sends nothing.
func (s *Service) post(ctx context.Context, tx *db.Tx, l letter) error {
	now := s.cfg.Now()
	due, err := s.isDue(ctx, tx, l, now)
	if err != nil {
		return err
	}
	token := auth.NewSecret(tokenPrefix)
	if due {
		err = s.addToken(ctx, tx, l, token, now)
	} else if _, err = tx.UseMailToken(ctx, useOf(token, now)); errors.Is(err, db.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("note a mail: %w", err)
	}
	if !due {
		l.to = ""
	}
	return s.cfg.Mail.Queue(ctx, tx, l.message(token, now))
}

// message returns the mail that brings token to its reader.
func (l letter) message(token string, now time.Time) mail.Message {
	m := mail.Message{
		To: l.to, Template: l.template, Until: now.Add(l.life),
		Data: mail.Data{Name: l.name, Path: l.path, Until: l.until},
	}
	if !l.bare {
		m.Data.Path += "#token=" + token
		m.Data.Until = m.Until
	}
	return m
}

// isDue reports whether l may be sent now.
func (s *Service) isDue(ctx context.Context, tx *db.Tx, l letter, now time.Time) (bool, error) {
	if err := tx.LockUser(ctx, l.user); err != nil {
		return false, fmt.Errorf("lock a user: %w", err)
	}
	recent, err := tx.CountMailTokensOf(ctx, store.CountMailTokensOfParams{
		UserID: l.user, Purpose: l.purpose, CreatedAt: column.At(now.Add(-mailPause)),
	})
	if err != nil {
		return false, fmt.Errorf("count mails: %w", err)
	}
	there, err := tx.CountMailTokensTo(ctx, store.CountMailTokensToParams{
		EmailLower: strings.ToLower(l.to), Purpose: l.purpose, CreatedAt: column.At(now.Add(-addressWindow)),
	})
	if err != nil {
		return false, fmt.Errorf("count mails: %w", err)
	}
	return l.user != uuid.Nil && recent == 0 && there < addressPerHour, nil
}

// addToken notes what the reader of l may do.
func (s *Service) addToken(ctx context.Context, tx *db.Tx, l letter, token string, now time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	return tx.CreateMailToken(ctx, store.CreateMailTokenParams{
		ID: id, UserID: l.user, Purpose: l.purpose, TokenHash: auth.HashSecret(token),
		Email: l.to, EmailLower: strings.ToLower(l.to),
		CreatedAt: column.At(now), ExpiresAt: column.At(now.Add(l.life)),
	})
}

func useOf(token string, now time.Time) store.UseMailTokenParams {
	return store.UseMailTokenParams{TokenHash: auth.HashSecret(token), UsedAt: column.Maybe(now), Now: column.At(now)}
}

// tell mails a user what has happened to the account, if mail is sent and the address
// is known to be the user's.
func (s *Service) tell(ctx context.Context, tx *db.Tx, user store.User, template mail.Template, data mail.Data) error {
	if s.cfg.Mail == nil || user.EmailConfirmedAt == nil {
		return nil
	}
	data.Name = user.Username
	return s.cfg.Mail.Queue(ctx, tx, mail.Message{
		To: user.Email, Template: template, Data: data, Until: s.cfg.Now().Add(3 * 24 * time.Hour),
	})
}
