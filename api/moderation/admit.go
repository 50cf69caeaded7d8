package moderation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// refusals are all reasons for which a message may not be written.
var refusals = []*rest.Outcome{
	ErrDisabled, ErrBanned, ErrTimedOut, ErrFollowersOnly, ErrMembersOnly, ErrSlowMode, ErrLinksBlocked, ErrWordBlocked, ErrEmotesOnly,
}

// Admit returns why p, coming from an address, may not write body into the chat of a
// channel now; nil if p may, and then that counts for slow mode. ErrTimedOut,
// ErrSlowMode and sometimes ErrFollowersOnly come with the time after which p may.
//
// What is known of the chat may be a moment old. Those who keep order there are bound
// by nothing but whether the chat is open at all, and by bans of themselves.
func (s *Service) Admit(ctx context.Context, at auth.Access, p auth.Principal, from netip.Addr, body string) error {
	slow, err := s.admit(ctx, at, p, from, body)
	if err == nil {
		err = s.checkPace(ctx, at.ChannelID, p, slow)
	}
	return s.counted(err)
}

// AdmitEdit is Admit for another text of a message that is there: slow mode does not
// matter.
func (s *Service) AdmitEdit(ctx context.Context, at auth.Access, p auth.Principal, from netip.Addr, body string) error {
	_, err := s.admit(ctx, at, p, from, body)
	return s.counted(err)
}

// counted returns err, having counted it if it is a refusal.
func (s *Service) counted(err error) error {
	if o, ok := errors.AsType[*rest.Outcome](err); ok {
		s.metrics.refused.WithLabelValues(o.Code).Inc()
	}
	return err
}

// admit checks all but the pace, and returns the slow mode that p is bound by.
func (s *Service) admit(ctx context.Context, at auth.Access, p auth.Principal, from netip.Addr, body string) (slow time.Duration, err error) {
	r, err := s.rulesFor(ctx, at.ChannelID)
	if err != nil {
		return 0, err
	}
	if !r.Enabled {
		return 0, ErrDisabled
	}
	if err := s.checkBans(ctx, at, p, from); err != nil {
		return 0, err
	}
	if isPrivileged(at, p) {
		return 0, nil
	}
	if err := s.checkWho(ctx, at, p, r); err != nil {
		return 0, err
	}
	switch {
	case !r.Links && hasLink(body):
		return 0, ErrLinksBlocked
	case r.filter.Blocks(body):
		return 0, ErrWordBlocked
	}
	if r.EmotesOnly {
		if err := s.checkEmotes(ctx, at.ChannelID, body); err != nil {
			return 0, err
		}
	}
	return r.SlowMode, nil
}

// checkBans is ErrBanned or ErrTimedOut for whoever is banned, or comes from where
// somebody is.
func (s *Service) checkBans(ctx context.Context, at auth.Access, p auth.Principal, from netip.Addr) error {
	if outranks(at, p) {
		return nil
	}
	bans, err := s.bansIn(ctx, at.ChannelID)
	if err != nil || bans.isEmpty() {
		return err
	}
	now := s.cfg.Now()
	until, banned := bans.find(p.UserID, now)
	if !banned && from.IsValid() && len(bans.households) > 0 && !isPrivileged(at, p) {
		until, banned = bans.findHousehold(rest.Household(from), now)
	}
	switch {
	case !banned:
		return nil
	case until.IsZero():
		return ErrBanned
	}
	return rest.Later(ErrTimedOut, until.Sub(now))
}

// checkWho is ErrMembersOnly or ErrFollowersOnly for who is not meant to write.
func (s *Service) checkWho(ctx context.Context, at auth.Access, p auth.Principal, r *rules) error {
	switch {
	case r.Who == Everyone || at.Role != 0:
		return nil
	case r.Who == Members:
		return ErrMembersOnly
	}
	since, err := s.cfg.DB.Read().ChatFollowedSince(ctx, store.ChatFollowedSinceParams{ChannelID: at.ChannelID, UserID: p.UserID})
	if errors.Is(err, db.ErrNotFound) {
		return ErrFollowersOnly
	}
	if err != nil {
		return fmt.Errorf("moderation: look a follower up: %w", err)
	}
	if wait := r.FollowedFor - s.cfg.Now().Sub(since.Time); wait > 0 {
		return rest.Later(ErrFollowersOnly, wait)
	}
	return nil
}

// checkEmotes is ErrEmotesOnly for a body with something that is no emote.
func (s *Service) checkEmotes(ctx context.Context, channel uuid.UUID, body string) error {
	codes, ok := codesIn(body)
	if !ok {
		return ErrEmotesOnly
	}
	known, err := s.Emotes(ctx, channel, codes)
	if err != nil {
		return err
	}
	for _, code := range codes {
		if known[code] == "" {
			return ErrEmotesOnly
		}
	}
	return nil
}

// checkPace is ErrSlowMode for whoever wrote less than every ago. Otherwise that is now.
func (s *Service) checkPace(ctx context.Context, channel uuid.UUID, p auth.Principal, every time.Duration) error {
	if every == 0 {
		return nil
	}
	// A key is used with one time only: another pace begins anew.
	key := "chat " + channel.String() + " " + p.UserID.String() + " " + every.String()
	wait, err := s.cfg.Rests.Take(ctx, key, every)
	if err != nil {
		return fmt.Errorf("moderation: count for slow mode: %w", err)
	}
	if wait > 0 {
		return rest.Later(ErrSlowMode, wait)
	}
	return nil
}
