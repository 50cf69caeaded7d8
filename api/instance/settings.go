package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"time"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Who may sign up.
const (
	SignupOpen   = "open"
	SignupInvite = "invite" // with an invite code
	SignupClosed = "closed"
)

// Settings is what admins change while the server runs.
type Settings struct {
	Name                  string `json:"name"`
	Description           string `json:"description"`
	Signup                string `json:"signup"`
	DefaultVisibility     string `json:"default_channel_visibility"`
	MaxChannels           int    `json:"max_channels"` // of one person who is not an admin
	RequireConfirmedEmail bool   `json:"require_confirmed_email"`
	ContactEmail          string `json:"contact_email"`
	TermsURL              string `json:"terms_url"`
}

// Bounds of settings.
const (
	maxName        = 60   // characters
	maxDescription = 2000 // characters
	maxMaxChannels = 10000
)

// complete fills what is missing, and checks and cleans the rest.
func (s *Settings) complete() error {
	if s.Name == "" {
		s.Name = "Bandstand"
	}
	if s.Signup == "" {
		s.Signup = SignupOpen
	}
	if s.DefaultVisibility == "" {
		s.DefaultVisibility = "public"
	}
	if s.MaxChannels == 0 {
		s.MaxChannels = 250
	}
	return s.clean()
}

// clean makes s fit to be shown. The failure is ErrBadSettings.
func (s *Settings) clean() error {
	var ok bool
	if s.Name, ok = rest.Line(s.Name, maxName); !ok || s.Name == "" {
		return ErrBadSettings
	}
	if s.Description, ok = rest.Lines(s.Description, maxDescription); !ok {
		return ErrBadSettings
	}
	switch s.Signup {
	case SignupOpen, SignupInvite, SignupClosed:
	default:
		return ErrBadSettings
	}
	switch s.DefaultVisibility {
	case "public", "unlisted", "private":
	default:
		return ErrBadSettings
	}
	if s.MaxChannels < 0 || s.MaxChannels > maxMaxChannels {
		return ErrBadSettings
	}
	if s.ContactEmail != "" {
		addr, err := mail.ParseAddress(s.ContactEmail)
		if _, fit := rest.Line(s.ContactEmail, 254); err != nil || !fit || addr.Address != s.ContactEmail {
			return ErrBadSettings
		}
	}
	if s.TermsURL != "" {
		u, err := url.Parse(s.TermsURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
			return ErrBadSettings
		}
		s.TermsURL = u.String()
	}
	return nil
}

// known is the settings as last read.
type known struct {
	settings  Settings
	overrides Overrides
	version   int64 // 0 while nobody has changed anything
	updatedAt time.Time
}

func (s *Service) knownOf(row store.InstanceSettingsRow) (*known, error) {
	k := &known{version: row.Version, updatedAt: row.UpdatedAt.Time}
	if err := json.Unmarshal(row.Doc, &k.overrides); err != nil {
		return nil, fmt.Errorf("instance: the settings in the database: %w", err)
	}
	k.settings = k.overrides.over(s.cfg.Defaults)
	return k, nil
}

func (s *Service) querySettings(ctx context.Context, q *store.Queries) (*known, error) {
	row, err := q.InstanceSettings(ctx)
	if errors.Is(err, db.ErrNotFound) {
		return &known{settings: s.cfg.Defaults}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("instance: read the settings: %w", err)
	}
	return s.knownOf(row)
}

func (s *Service) readSettings(ctx context.Context) error {
	k, err := s.querySettings(ctx, s.cfg.DB.Read())
	if err != nil {
		return err
	}
	s.remember(k)
	return nil
}

// remember keeps k unless something newer is known already.
func (s *Service) remember(k *known) {
	for {
		old := s.settings.Load()
		if old.version > k.version || s.settings.CompareAndSwap(old, k) {
			return
		}
	}
}

// current returns the settings as they are in the database now or, while that does
// not answer, as last read.
func (s *Service) current(ctx context.Context) *known {
	k, err := s.querySettings(ctx, s.cfg.DB.Read())
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "settings are shown as last read", "err", err)
		return s.settings.Load()
	}
	return k
}

// Settings returns the settings as last read. It does not ask the database.
func (s *Service) Settings() Settings { return s.settings.Load().settings }

// Name returns what the instance is called.
func (s *Service) Name(context.Context) string { return s.Settings().Name }

// Signup returns who may sign up: SignupOpen, SignupInvite or SignupClosed.
func (s *Service) Signup(context.Context) string { return s.Settings().Signup }

// MaxChannels returns how many channels somebody who is not an admin may have.
func (s *Service) MaxChannels(context.Context) int { return s.Settings().MaxChannels }

// DefaultVisibility returns who sees a new channel: "public", "unlisted" or "private".
func (s *Service) DefaultVisibility(context.Context) string { return s.Settings().DefaultVisibility }

// RequireConfirmedEmail reports whether only people with a confirmed address may
// make channels.
func (s *Service) RequireConfirmedEmail(context.Context) bool {
	return s.Settings().RequireConfirmedEmail
}
