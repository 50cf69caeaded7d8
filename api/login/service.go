// Package login lets people in and keeps them known: devices with refresh tokens that
// change at each use, and personal access tokens for scripts. The people themselves
// are kept by api/account.
//
// Nobody learns here who has an account: a login that does not exist takes as long as
// a wrong password and has the same answer, and so has an account that is suspended or
// deleted, until the password is right.
package login

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// User is a person as they themselves may see them.
type User struct {
	ID             uuid.UUID
	Username       string
	DisplayName    string
	Email          string
	EmailConfirmed bool
	Role           auth.Role
	AvatarID       uuid.UUID // uuid.Nil without
	CreatedAt      time.Time
}

// Session is what a login, or its refresh token, gives.
type Session struct {
	AccessToken  string
	AccessTTL    time.Duration
	RefreshToken string
	RefreshTTL   time.Duration
	User         User
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB        *db.DB
	Passwords *auth.Passwords
	Tokens    *auth.Tokens
	Attempts  Attempts // counts failures; in memory if nil

	// RefreshTTL is how long a device stays logged in that is not used; 30 days if zero.
	RefreshTTL time.Duration
	// ConfirmedOnly keeps out who has not confirmed the e-mail address.
	ConfirmedOnly bool
	// Secure says that people reach this server by HTTPS, whatever a proxy speaks to it.
	Secure bool

	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now if nil
}

func (cfg *Config) validate() error {
	if cfg.DB == nil || cfg.Passwords == nil || cfg.Tokens == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return errors.New("a database, passwords, tokens, a logger and a registerer are required")
	}
	if cfg.RefreshTTL < 0 {
		return errors.New("a refresh token cannot live for less than nothing")
	}
	if cfg.RefreshTTL == 0 {
		cfg.RefreshTTL = 30 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Attempts == nil {
		cfg.Attempts = NewMemoryAttempts(cfg.Now)
	}
	return nil
}

// Service holds the rules of logging in. It is safe for concurrent use.
type Service struct {
	cfg     Config
	metrics *metrics
}

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	return &Service{cfg: cfg, metrics: m}, nil
}

// now returns the time as the database keeps it.
func (s *Service) now() time.Time { return column.At(s.cfg.Now()).Time }

func userOf(row store.User) User {
	return User{
		ID: row.ID, Username: row.Username, DisplayName: row.DisplayName,
		Email: row.Email, EmailConfirmed: row.EmailConfirmedAt != nil,
		Role: auth.Role(row.Role), AvatarID: row.AvatarID.UUID, CreatedAt: row.CreatedAt.Time,
	}
}

// newID returns the id of a new row.
func newID() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("login: make an id: %w", err)
	}
	return id, nil
}
