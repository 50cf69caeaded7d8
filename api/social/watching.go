package social

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"bandstand/api/auth"
)

// Watching says what the device behind a socket watches: the channel at slug, or nothing
// if that is empty. Friends see it if the person wants them to and they may see the
// channel. A channel that p may not see is ErrChannelNotFound.
func (s *Service) Watching(ctx context.Context, p auth.Principal, socket, slug string) error {
	settings, err := s.Settings(ctx, p.UserID)
	if err != nil {
		return err
	}
	if slug == "" {
		s.presence.watches(p.UserID, socket, "", settings.ShowWatching, s.cfg.Now())
		return nil
	}
	if _, err := s.cfg.Channels.BySlug(ctx, p, slug); err != nil {
		return err
	}
	s.mu.Lock()
	if _, ok := s.open[slug]; !ok {
		s.open[slug] = false // it is heard of from now on
	}
	s.mu.Unlock()
	open, err := s.isOpen(ctx, slug)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.open[slug] = open
	s.mu.Unlock()
	s.presence.watches(p.UserID, socket, slug, settings.ShowWatching, s.cfg.Now())
	return nil
}

// isOpen reports whether everyone may see a channel.
func (s *Service) isOpen(ctx context.Context, slug string) (bool, error) {
	_, err := s.cfg.Channels.BySlug(ctx, auth.Principal{}, slug)
	if errors.Is(err, auth.ErrChannelNotFound) {
		return false, nil
	}
	return err == nil, err
}

// maySee returns what says whether a person may see a channel. Who works for the
// instance is asked as everybody else: what friends watch is none of their work.
func (s *Service) maySee(ctx context.Context, slug string) (func(user uuid.UUID) (bool, error), error) {
	if slug == "" {
		return func(uuid.UUID) (bool, error) { return false, nil }, nil
	}
	open, err := s.isOpen(ctx, slug)
	if err != nil {
		return nil, err
	}
	return func(user uuid.UUID) (bool, error) {
		if open {
			return true, nil
		}
		_, err := s.cfg.Channels.BySlug(ctx, auth.Principal{UserID: user, Role: auth.RoleUser}, slug)
		if errors.Is(err, auth.ErrChannelNotFound) {
			return false, nil
		}
		return err == nil, err
	}, nil
}

// channelChanged hears that something about a channel has changed: who may see it,
// perhaps.
func (s *Service) channelChanged(slug string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[slug]; ok {
		s.recheck[slug] = struct{}{}
	}
}

func (s *Service) channelsMissed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for slug := range s.open {
		s.recheck[slug] = struct{}{}
	}
}

// recheckWatched has the friends told again of those who watch a channel that not
// everyone may see now, or could not before: some friends see more then, or less.
func (s *Service) recheckWatched(ctx context.Context) {
	s.mu.Lock()
	ask := s.recheck
	s.recheck = map[string]struct{}{}
	was := make(map[string]bool, len(ask))
	for slug := range ask {
		was[slug] = s.open[slug]
	}
	s.mu.Unlock()
	if len(ask) == 0 {
		return
	}
	var watched map[string][]uuid.UUID
	for slug := range ask {
		open, err := s.isOpen(ctx, slug)
		if err != nil { // asked again, and shown to nobody meanwhile
			s.channelChanged(slug)
			continue
		}
		s.mu.Lock()
		s.open[slug] = open
		s.mu.Unlock()
		if was[slug] && open {
			continue
		}
		if watched == nil {
			watched = s.presence.watched()
		}
		for _, user := range watched[slug] {
			s.presence.again(user, s.cfg.Now())
		}
	}
}
