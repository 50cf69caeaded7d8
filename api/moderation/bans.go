package moderation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	maxBans      = 10_000 // in force, in one chat
	maxBanReason = 200    // characters
)

// Person is who a ban is of.
type Person struct {
	ID          uuid.UUID
	Username    string
	DisplayName string
	Avatar      uuid.UUID
}

// Ban is that somebody may not write in a chat, or could not.
type Ban struct {
	ID        uuid.UUID
	Of        Person
	Household bool // whether nobody else from there may either
	Reason    string
	CreatedBy string // username; empty if that account is gone
	CreatedAt time.Time
	ExpiresAt time.Time // zero for until it is lifted
	LiftedAt  time.Time // zero unless somebody lifted it
}

// How much of what somebody wrote is deleted with a ban.
const (
	DeleteNone = "none"
	DeleteHour = "1h"
	DeleteAll  = "all"
)

// BanRequest says whom to ban, and how.
type BanRequest struct {
	Username  string
	For       time.Duration // 0 for until it is lifted
	Household bool          // also whoever else comes from where they were last
	Reason    string
	Delete    string // DeleteNone, DeleteHour or DeleteAll; "" for none
}

// Ban keeps somebody from writing in a chat, in the name of whoever ctx speaks for and
// in the place of an earlier ban. The outcomes are ErrUserNotFound, ErrCannotBan,
// ErrBadReason, ErrTooManyBans and ErrNotFound.
func (s *Service) Ban(ctx context.Context, at auth.Access, r BanRequest) (Ban, error) {
	reason, fit := rest.Line(r.Reason, maxBanReason)
	if !fit {
		return Ban{}, ErrBadReason
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Ban{}, fmt.Errorf("moderation: make an id: %w", err)
	}
	p := auth.User(ctx)
	now := column.At(s.cfg.Now())
	ban := Ban{ID: id, Reason: reason, CreatedBy: p.Name, CreatedAt: now.Time}
	if r.For > 0 {
		ban.ExpiresAt = column.At(now.Add(r.For)).Time
	}
	deleted := int64(0)
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if ban.Of, err = s.toBan(ctx, tx, at, r.Username); err != nil {
			return err
		}
		household := ""
		if r.Household {
			if household, err = householdOf(ctx, tx, at.ChannelID, ban.Of.ID); err != nil {
				return err
			}
		}
		ban.Household = household != ""
		if err := s.putBan(ctx, tx, at.ChannelID, ban, household); err != nil {
			return err
		}
		if deleted, err = s.deleteMessages(ctx, tx, at.ChannelID, ban.Of.ID, r.Delete); err != nil {
			return err
		}
		action, detail := "ban", map[string]any{"reason": reason, "address": ban.Household, "deleted": deleted}
		if r.For > 0 {
			action, detail["seconds"] = "timeout", int64(r.For/time.Second)
		}
		return s.Note(ctx, tx, at.ChannelID, action, ban.Of.ID, ban.Of.Username, uuid.Nil, detail)
	})
	if db.IsForeignKey(err) { // deleted meanwhile
		return Ban{}, ErrNotFound
	}
	if err != nil {
		return Ban{}, fmt.Errorf("moderation: ban: %w", err)
	}
	s.tellBan(context.WithoutCancel(ctx), at, ban, sinceOf(r.Delete, now.Time), deleted > 0)
	return ban, nil
}

// toBan returns who has a name, if whoever ctx speaks for may ban them. It keeps
// others from banning them meanwhile.
func (s *Service) toBan(ctx context.Context, tx *db.Tx, at auth.Access, username string) (Person, error) {
	row, err := tx.ChatPersonByName(ctx, store.ChatPersonByNameParams{ChannelID: at.ChannelID, UsernameLower: strings.ToLower(username)})
	if err != nil {
		return Person{}, found(err)
	}
	p, helps := auth.User(ctx), auth.ChannelRoleOf(row.Member)&(auth.Broadcaster|auth.ChanModerator) != 0
	isStaff := auth.Principal{Role: auth.Role(row.Role)}.IsStaff()
	if row.ID == at.OwnerID || row.ID == p.UserID || isStaff || (helps && !outranks(at, p)) {
		return Person{}, ErrCannotBan
	}
	if _, err := tx.LockChatPerson(ctx, row.ID); err != nil {
		return Person{}, err
	}
	return Person{ID: row.ID, Username: row.Username, DisplayName: row.DisplayName, Avatar: row.AvatarID.UUID}, nil
}

// householdOf returns from where somebody wrote last in a chat or, if they never did,
// from where they were here last; "" if that is not known.
func householdOf(ctx context.Context, tx *db.Tx, channel, user uuid.UUID) (string, error) {
	household, err := tx.ChatAddressOf(ctx, store.ChatAddressOfParams{UserID: maybe(user), ChannelID: channel})
	if !errors.Is(err, db.ErrNotFound) {
		return household, err
	}
	address, err := tx.LoginAddressOf(ctx, user)
	if errors.Is(err, db.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return "", nil //nolint:nilerr // it is not known
	}
	return rest.Household(addr), nil
}

// putBan writes a ban in the place of those of the same person that are in force.
func (s *Service) putBan(ctx context.Context, tx *db.Tx, channel uuid.UUID, ban Ban, household string) error {
	now := column.Maybe(ban.CreatedAt)
	_, err := tx.LiftChatBansOf(ctx, store.LiftChatBansOfParams{ChannelID: channel, UserID: maybe(ban.Of.ID), At: now})
	if err != nil {
		return err
	}
	n, err := tx.CountActiveChatBans(ctx, store.CountActiveChatBansParams{ChannelID: channel, Now: now})
	switch {
	case err != nil:
		return err
	case n >= maxBans:
		return ErrTooManyBans
	}
	row := store.CreateChatBanParams{
		ID: ban.ID, ChannelID: channel, UserID: maybe(ban.Of.ID), Address: household, Reason: ban.Reason,
		CreatedBy: maybe(auth.User(ctx).UserID), CreatedAt: column.At(ban.CreatedAt),
	}
	if !ban.ExpiresAt.IsZero() {
		row.ExpiresAt = column.Maybe(ban.ExpiresAt)
	}
	if err := tx.CreateChatBan(ctx, row); err != nil {
		return err
	}
	return tx.Notify(ctx, topicBans, channel.String())
}

// sinceOf returns since when messages are deleted.
func sinceOf(much string, now time.Time) time.Time {
	if much == DeleteHour {
		return now.Add(-time.Hour)
	}
	return time.Time{}
}

// deleteMessages hides what somebody wrote in a chat, and returns how much that was.
func (s *Service) deleteMessages(ctx context.Context, tx *db.Tx, channel, user uuid.UUID, much string) (int64, error) {
	if much == "" || much == DeleteNone {
		return 0, nil
	}
	now := s.cfg.Now()
	n, err := tx.DeleteChatMessagesOf(ctx, store.DeleteChatMessagesOfParams{
		UserID: maybe(user), ChannelID: channel, Since: column.At(sinceOf(much, now)),
		At: column.Maybe(now), DeletedBy: maybe(auth.User(ctx).UserID),
	})
	if err != nil || n == 0 {
		return 0, err
	}
	unpinned, err := tx.UnpinChatMessageOf(ctx, store.UnpinChatMessageOfParams{ChannelID: channel, UserID: maybe(user)})
	if err != nil || unpinned == 0 {
		return n, err
	}
	return n, tx.Notify(ctx, topicRules, channel.String())
}

// BannedEvent is what somebody hears who may not write in a chat any more.
type BannedEvent struct {
	Channel   string     `json:"channel"` // slug
	Reason    string     `json:"reason,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"` // absent for until it is lifted
}

// UnbannedEvent is what somebody hears who may write in a chat again.
type UnbannedEvent struct {
	Channel string `json:"channel"` // slug
}

// PurgedEvent is what viewers hear when what somebody wrote was deleted.
type PurgedEvent struct {
	UserID string     `json:"user_id"`
	User   string     `json:"user"`            // username
	Since  *time.Time `json:"since,omitempty"` // absent for all
}

// LiftedEvent is what moderators hear of a ban that was lifted.
type LiftedEvent struct {
	User string `json:"user"` // username
	By   string `json:"by"`
}

// tellBan tells whom it concerns of a ban: that person, moderators and, if messages
// were deleted, viewers.
func (s *Service) tellBan(ctx context.Context, at auth.Access, ban Ban, since time.Time, deleted bool) {
	e := BannedEvent{Channel: at.Slug, Reason: ban.Reason}
	if !ban.ExpiresAt.IsZero() {
		e.ExpiresAt = &ban.ExpiresAt
	}
	s.cfg.Events.Tell(ctx, ban.Of.ID, realtime.Event{Type: "chat.banned", Data: e})
	s.cfg.Events.Publish(ctx, studioTopic(at.Slug), realtime.Event{Type: "chat.banned", Data: s.viewOfBan(ban)})
	if !deleted {
		return
	}
	purged := PurgedEvent{UserID: ban.Of.ID.String(), User: ban.Of.Username}
	if !since.IsZero() {
		purged.Since = &since
	}
	s.cfg.Events.Publish(ctx, chatTopic(at.Slug), realtime.Event{Type: "chat.purged", Data: purged, Forget: true})
}

// LiftBan ends a ban that is in force; any other is ErrBanNotFound. Those of whoever
// ctx speaks for, and of others who help to run the channel, are for the owner and
// staff: ErrCannotLift.
func (s *Service) LiftBan(ctx context.Context, at auth.Access, id string) error {
	banID, err := uuid.Parse(id)
	if err != nil || banID.String() != id {
		return ErrBanNotFound
	}
	p, now := auth.User(ctx), s.cfg.Now()
	var of store.ChatBanByIDRow
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		of, err = tx.ChatBanByID(ctx, store.ChatBanByIDParams{ID: banID, ChannelID: at.ChannelID, Now: column.Maybe(now)})
		if errors.Is(err, db.ErrNotFound) {
			return ErrBanNotFound
		}
		if err != nil {
			return err
		}
		helps := auth.ChannelRoleOf(of.Member)&(auth.Broadcaster|auth.ChanModerator) != 0
		if (helps || of.UserID.UUID == p.UserID) && !outranks(at, p) {
			return ErrCannotLift
		}
		n, err := tx.LiftChatBansOf(ctx, store.LiftChatBansOfParams{ChannelID: at.ChannelID, UserID: of.UserID, At: column.Maybe(now)})
		switch {
		case err != nil:
			return err
		case n == 0: // somebody was faster
			return ErrBanNotFound
		}
		if err := s.Note(ctx, tx, at.ChannelID, "unban", of.UserID.UUID, of.Username, uuid.Nil, nil); err != nil {
			return err
		}
		return tx.Notify(ctx, topicBans, at.ChannelID.String())
	})
	if err != nil {
		return fmt.Errorf("moderation: lift a ban: %w", err)
	}
	ctx = context.WithoutCancel(ctx) // whoever asked may have left
	s.cfg.Events.Tell(ctx, of.UserID.UUID, realtime.Event{Type: "chat.unbanned", Data: UnbannedEvent{Channel: at.Slug}})
	s.cfg.Events.Publish(ctx, studioTopic(at.Slug), realtime.Event{Type: "chat.unbanned", Data: LiftedEvent{User: of.Username, By: p.Name}})
	return nil
}
