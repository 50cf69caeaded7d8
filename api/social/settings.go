package social

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Who may ask to be somebody's friend.
const (
	FromEveryone = "everyone"
	FromNobody   = "nobody"
)

// Settings is what somebody shows of themselves.
type Settings struct {
	ShowOnline    bool // to friends
	ShowWatching  bool // likewise
	AllowRequests string
	Version       int64
}

// topicSettings is the topic under which the database tells whose settings have changed.
const topicSettings = "social_settings"

// Settings returns what a person shows; the defaults if they have never said.
func (s *Service) Settings(ctx context.Context, user uuid.UUID) (Settings, error) {
	return settingsOf(ctx, s.cfg.DB.Read(), user)
}

func settingsOf(ctx context.Context, q *store.Queries, user uuid.UUID) (Settings, error) {
	row, err := q.SocialSettingsOf(ctx, user)
	if errors.Is(err, db.ErrNotFound) {
		return Settings{ShowOnline: true, AllowRequests: FromEveryone}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("social: read settings: %w", err)
	}
	return Settings{ShowOnline: row.ShowOnline, ShowWatching: row.ShowWatching, AllowRequests: row.AllowRequests, Version: row.Version}, nil
}

// SettingsChange is what UpdateSettings sets; what is nil stays as it is.
type SettingsChange struct {
	ShowOnline    *bool
	ShowWatching  *bool
	AllowRequests *string
}

// maxEdits is how often an edit that did not insist on a version is tried again when
// others were faster.
const maxEdits = 5

// UpdateSettings changes what a person shows. Friends see it at once.
func (s *Service) UpdateSettings(ctx context.Context, user uuid.UUID, match rest.IfMatch, change SettingsChange) (Settings, error) {
	for range maxEdits {
		was, err := s.Settings(ctx, user)
		if err != nil {
			return Settings{}, err
		}
		if err := match.Check(was.Version); err != nil {
			return Settings{}, err
		}
		set := change.of(was)
		ok, err := s.saveSettings(ctx, user, was.Version, set)
		if err != nil {
			return Settings{}, err
		}
		if ok {
			if was.ShowOnline && !set.ShowOnline {
				s.hide(ctx, user)
			} else if !was.ShowOnline && set.ShowOnline {
				s.presence.again(user, s.cfg.Now())
			}
			return set, nil
		}
		if match.Given() {
			break
		}
	}
	return Settings{}, rest.ErrChanged
}

// of returns was with the change, and the next version.
func (c SettingsChange) of(was Settings) Settings {
	set := was
	set.Version++
	if c.ShowOnline != nil {
		set.ShowOnline = *c.ShowOnline
	}
	if c.ShowWatching != nil {
		set.ShowWatching = *c.ShowWatching
	}
	if c.AllowRequests != nil {
		set.AllowRequests = *c.AllowRequests
	}
	return set
}

func (s *Service) saveSettings(ctx context.Context, user uuid.UUID, was int64, set Settings) (ok bool, err error) {
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		n, err := tx.PutSocialSettings(ctx, store.PutSocialSettingsParams{
			UserID: user, ShowOnline: set.ShowOnline, ShowWatching: set.ShowWatching, AllowRequests: set.AllowRequests,
			Next: set.Version, Was: was, Now: column.At(s.cfg.Now()),
		})
		ok = n == 1
		if err != nil || !ok {
			return err
		}
		return tx.Notify(ctx, topicSettings, user.String())
	})
	if db.IsForeignKey(err) {
		return false, ErrUserNotFound
	}
	if err != nil {
		return false, fmt.Errorf("social: save settings: %w", err)
	}
	return ok, nil
}

// settingsChanged hears that a person shows more, or less, than before.
func (s *Service) settingsChanged(key string) {
	if user, err := uuid.Parse(key); err == nil {
		s.mu.Lock()
		s.reread[user] = struct{}{}
		s.mu.Unlock()
	}
}

// settingsMissed hears that anybody may show more, or less.
func (s *Service) settingsMissed() {
	for _, users := range s.presence.watched() {
		for _, user := range users {
			s.settingsChanged(user.String())
		}
	}
}

// rereadSettings looks what people show of what they watch, now that it has changed.
func (s *Service) rereadSettings(ctx context.Context) {
	s.mu.Lock()
	users := s.reread
	s.reread = map[uuid.UUID]struct{}{}
	s.mu.Unlock()
	for user := range users {
		settings, err := s.Settings(ctx, user)
		if err != nil { // shown to nobody meanwhile
			s.settingsChanged(user.String())
		}
		s.presence.shows(user, settings.ShowWatching)
	}
}
