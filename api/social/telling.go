package social

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
)

// Present is what somebody is doing, as others are shown it.
type Present struct {
	Online   bool
	Watching string    // slug of a channel; "" for none, or none to be shown
	Since    time.Time // online; of somebody who is not, when they were last here; zero if unknown
}

// tellFriends tells those friends of a person who are online what the person is doing,
// if that is news to them: as far as the person shows it and they may see it. Of
// somebody who does not show whether they are online they hear nothing.
func (s *Service) tellFriends(ctx context.Context, t telling) error {
	settings, err := s.Settings(ctx, t.user)
	if err != nil || !settings.ShowOnline {
		return err
	}
	now := s.cfg.Now()
	doing := s.presence.now(t.user, now)
	to := Present{Online: doing.online, Since: now}
	if to.Online {
		to.Since = doing.since
	}
	if !settings.ShowWatching {
		doing.watching = ""
	}
	friends, err := s.onlineFriends(ctx, t.user)
	if err != nil {
		return err
	}
	saw, err := s.maySee(ctx, t.was.watching)
	if err != nil {
		return err
	}
	sees, err := s.maySee(ctx, doing.watching)
	if err != nil {
		return err
	}
	for _, friend := range friends {
		before, err := seen(saw, friend, t.was.watching)
		if err != nil {
			return err
		}
		if to.Watching, err = seen(sees, friend, doing.watching); err != nil {
			return err
		}
		if t.force || to.Online != t.was.online || to.Watching != before {
			s.tellPresence(ctx, friend, t.user, to)
		}
	}
	return nil
}

// seen returns slug if the person may see the channel there, else nothing.
func seen(may func(uuid.UUID) (bool, error), user uuid.UUID, slug string) (string, error) {
	if ok, err := may(user); err != nil || !ok {
		return "", err
	}
	return slug, nil
}

func (s *Service) tellPresence(ctx context.Context, friend, of uuid.UUID, p Present) {
	s.tell(ctx, friend, "presence.changed", PresenceEvent{User: of.String(), PresenceView: viewOfPresence(p)})
	s.metrics.told.Inc()
}

// hide tells friends that somebody is offline who does not want to be seen any more.
func (s *Service) hide(ctx context.Context, user uuid.UUID) {
	friends, err := s.onlineFriends(ctx, user)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "friends still see somebody online", "user", user, "err", err)
	}
	for _, friend := range friends {
		s.tellPresence(ctx, friend, user, Present{})
	}
}

func (s *Service) onlineFriends(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	friends, err := s.cfg.DB.Read().FriendIDs(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("social: look up friends: %w", err)
	}
	return s.presence.online(friends, s.cfg.Now()), nil
}

// present returns what somebody is doing, as viewer, a friend, is shown it.
func (s *Service) present(ctx context.Context, viewer uuid.UUID, f friendRow) (Present, error) {
	if f.ShowOnline == 0 {
		return Present{}, nil
	}
	doing := s.presence.now(f.FriendID, s.cfg.Now())
	if !doing.online {
		var p Present
		if f.LastSeenAt != nil {
			p.Since = f.LastSeenAt.Time
		}
		return p, nil
	}
	p := Present{Online: true, Since: doing.since}
	if f.ShowWatching == 0 || doing.watching == "" {
		return p, nil
	}
	maySee, err := s.maySee(ctx, doing.watching)
	if err != nil {
		return p, err
	}
	ok, err := maySee(viewer)
	if ok {
		p.Watching = doing.watching
	}
	return p, err
}

// AreFriends reports whether two people are friends.
func (s *Service) AreFriends(ctx context.Context, a, b uuid.UUID) (bool, error) {
	return areFriends(ctx, s.cfg.DB.Read(), a, b)
}

// Blocked reports whether one of two people has blocked the other.
func (s *Service) Blocked(ctx context.Context, a, b uuid.UUID) (bool, error) {
	blockers, err := blockersAmong(ctx, s.cfg.DB.Read(), a, b)
	return len(blockers) > 0, err
}

// goneIfNone returns ErrUserNotFound for what is not there.
func goneIfNone(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return ErrUserNotFound
	}
	return err
}
