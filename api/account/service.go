// Package account keeps the people of this server: signing up, addresses and
// passwords, profiles, leaving and coming back, and what the staff does with accounts.
//
// Nobody learns from the API who has an account with which address. Where mail is
// sent, an address belongs to whoever has confirmed it. Signing up with any address
// makes an account that cannot be used yet; whether it gets a link to confirm, or the
// owner of the address is told that there is an account already, only the mailbox
// shows. All that asks for a mail answers the same and does as much work for addresses
// that are not known. Usernames are public.
//
// A server without mail cannot ask anyone to confirm. There accounts can be used at
// once, and signing up with an address that is taken is refused: whoever signs up
// needs to know, and with the username public any answer would give it away.
package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// RestoreWindow is how long a deleted account can be restored.
const RestoreWindow = 30 * 24 * time.Hour

// Who may sign up.
const (
	SignupOpen   = "open"
	SignupInvite = "invite" // with an invite code
	SignupClosed = "closed"
)

// Policy says who may sign up. It may change while the program runs.
type Policy interface {
	// Signup returns SignupOpen, SignupInvite or SignupClosed.
	Signup(ctx context.Context) string
}

// FixedPolicy is a Policy that never changes.
type FixedPolicy string

// Signup implements Policy.
func (p FixedPolicy) Signup(context.Context) string { return string(p) }

// Mail sends mails.
type Mail interface {
	// Queue sends m once tx is committed. To nobody it sends nothing, in the same time.
	Queue(ctx context.Context, tx *db.Tx, m mail.Message) error
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB        *db.DB
	Passwords *auth.Passwords
	Policy    Policy           // closed if nil
	Mail      Mail             // nil: this server sends no mail
	Now       func() time.Time // time.Now if nil
	Logger    *slog.Logger     // nothing is logged if nil
}

// Service holds the rules of accounts. It is safe for concurrent use.
type Service struct{ cfg Config }

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Passwords == nil {
		return nil, errors.New("account: a database and passwords are required")
	}
	if cfg.Policy == nil {
		cfg.Policy = FixedPolicy(SignupClosed)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg}, nil
}

// find looks a login up among accounts that are not deleted: usernames have no @,
// addresses do. An address that nobody has confirmed stands for the newest account
// that claims it.
func (s *Service) find(ctx context.Context, login string) (store.User, error) {
	login = strings.ToLower(login)
	q := s.cfg.DB.Read()
	switch {
	case !isText(login):
		return store.User{}, db.ErrNotFound
	case !strings.Contains(login, "@"):
		return q.UserByUsername(ctx, login)
	}
	row, err := q.UserByEmail(ctx, login)
	if errors.Is(err, db.ErrNotFound) {
		return q.UnconfirmedUserByEmail(ctx, login)
	}
	return row, err
}

// findEvenDeleted looks a login up among all accounts, but addresses among those that
// have confirmed them.
func (s *Service) findEvenDeleted(ctx context.Context, login string) (store.User, error) {
	login = strings.ToLower(login)
	switch {
	case !isText(login):
		return store.User{}, db.ErrNotFound
	case strings.Contains(login, "@"):
		return s.cfg.DB.Read().UserByEmailEvenDeleted(ctx, login)
	}
	return s.cfg.DB.Read().UserByUsernameEvenDeleted(ctx, login)
}

// changed tells all nodes that what they remember of a user is no longer true.
func changed(ctx context.Context, tx *db.Tx, user store.User) error {
	return tx.Notify(ctx, auth.TopicUser, user.ID.String())
}

// cameOrWent does as changed where the channels of user may be seen from now on, or may
// no longer be.
func cameOrWent(ctx context.Context, tx *db.Tx, user store.User) error {
	slugs, err := tx.SlugsOfOwner(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("channels: %w", err)
	}
	for _, slug := range slugs {
		if err := tx.Notify(ctx, auth.TopicChannel, slug); err != nil {
			return err
		}
	}
	return changed(ctx, tx, user)
}

// wrap keeps outcomes as they are and says of other errors what was attempted.
func wrap(err error, attempt string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("account: %s: %w", attempt, err)
}
