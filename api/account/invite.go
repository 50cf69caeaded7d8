package account

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	maxNote    = 200 // characters
	maxUses    = 10000
	invitePref = "bsi_" // begins a code
)

// Invite lets people sign up while signing up needs an invite code.
type Invite struct {
	ID        uuid.UUID
	Hint      string // end of the code
	Note      string
	MaxUses   int64
	Uses      int64
	CreatedBy string // username; empty if that account is gone
	CreatedAt time.Time
	ExpiresAt time.Time // zero for never
	RevokedAt time.Time // zero if it is not
}

// NewInvite is what an invite is made of.
type NewInvite struct {
	Note      string
	MaxUses   int64     // 1 if zero
	ExpiresAt time.Time // zero for never
	Email     string    // who gets the code by mail; nobody if empty
}

// Invite makes an invite and returns its code, which is kept nowhere. The outcomes are
// ErrBadInviteTerms, ErrBadEmail, and ErrMailOff where it is to be mailed.
func (s *Service) Invite(ctx context.Context, n NewInvite) (Invite, string, error) {
	now := s.cfg.Now()
	note, ok := rest.Line(n.Note, maxNote)
	if n.MaxUses == 0 {
		n.MaxUses = 1
	}
	switch {
	case !ok, n.MaxUses < 1, n.MaxUses > maxUses, !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now):
		return Invite{}, "", ErrBadInviteTerms
	case n.Email != "" && !isEmail(n.Email):
		return Invite{}, "", ErrBadEmail
	case n.Email != "" && s.cfg.Mail == nil:
		return Invite{}, "", ErrMailOff
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Invite{}, "", fmt.Errorf("account: make an id: %w", err)
	}
	p := auth.User(ctx)
	code := auth.NewSecret(invitePref)
	row := store.CreateInviteParams{
		ID: id, CodeHash: auth.HashSecret(code), Hint: auth.HintOf(code), Note: note,
		CreatedBy: uuid.NullUUID{UUID: p.UserID, Valid: p.UserID != uuid.Nil},
		MaxUses:   n.MaxUses, CreatedAt: column.At(now),
	}
	if !n.ExpiresAt.IsZero() {
		row.ExpiresAt = column.Maybe(n.ExpiresAt)
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.CreateInvite(ctx, row); err != nil {
			return err
		}
		if n.Email != "" {
			err := s.cfg.Mail.Queue(ctx, tx, mail.Message{
				To: n.Email, Template: mail.Invite, Until: n.ExpiresAt,
				Data: mail.Data{Path: invitePath + "#invite=" + url.QueryEscape(code), Until: n.ExpiresAt},
			})
			if err != nil {
				return err
			}
		}
		return s.noteInvite(ctx, tx, "invite.create", id, row.Hint, map[string]any{"max_uses": n.MaxUses})
	})
	if err != nil {
		return Invite{}, "", wrap(err, "make an invite")
	}
	return Invite{
		ID: id, Hint: row.Hint, Note: note, MaxUses: n.MaxUses, CreatedBy: p.Name,
		CreatedAt: row.CreatedAt.Time, ExpiresAt: timeOf(row.ExpiresAt),
	}, code, nil
}

// Invites returns a page of invites, newest first. A cursor that is not of this list
// is rest.ErrBadCursor.
func (s *Service) Invites(ctx context.Context, cursor string, limit int) (rest.Page[Invite], error) {
	at, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[Invite]{}, err
	}
	var rows []store.InvitesBeforeRow
	if at.Back {
		var after []store.InvitesAfterRow
		after, err = s.cfg.DB.Read().InvitesAfter(ctx, store.InvitesAfterParams{ID: at.ID, Most: int32(limit) + 1})
		for _, row := range after {
			rows = append(rows, store.InvitesBeforeRow(row))
		}
	} else {
		rows, err = s.cfg.DB.Read().InvitesBefore(ctx, store.InvitesBeforeParams{ID: at.ID, Most: int32(limit) + 1})
	}
	if err != nil {
		return rest.Page[Invite]{}, fmt.Errorf("account: list invites: %w", err)
	}
	page := rest.NewPage(rest.ByNewest, at, limit, rows, func(i store.InvitesBeforeRow) rest.Cursor { return rest.Cursor{ID: i.ID} })
	return rest.MapPage(page, func(row store.InvitesBeforeRow) Invite {
		return Invite{
			ID: row.ID, Hint: row.Hint, Note: row.Note, MaxUses: row.MaxUses, Uses: row.Uses, CreatedBy: row.CreatedBy,
			CreatedAt: row.CreatedAt.Time, ExpiresAt: timeOf(row.ExpiresAt), RevokedAt: timeOf(row.RevokedAt),
		}
	}), nil
}

// RevokeInvite makes the code of an invite useless. One that is revoked already stays
// as it is; one that does not exist is ErrInviteNotFound.
func (s *Service) RevokeInvite(ctx context.Context, id uuid.UUID) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		invite, err := tx.InviteByID(ctx, id)
		if errors.Is(err, db.ErrNotFound) {
			return ErrInviteNotFound
		}
		if err != nil {
			return err
		}
		n, err := tx.RevokeInvite(ctx, store.RevokeInviteParams{ID: id, RevokedAt: column.Maybe(s.cfg.Now())})
		if err != nil || n == 0 {
			return err
		}
		return s.noteInvite(ctx, tx, "invite.revoke", id, invite.Hint, nil)
	})
	return wrap(err, "revoke an invite")
}

// useInvite takes one use of the invite with this code. The outcome of a code that is
// not good (any more) is ErrBadInvite.
func (s *Service) useInvite(ctx context.Context, tx *db.Tx, code string) error {
	code = strings.ToLower(strings.TrimSpace(code))
	if !auth.IsSecret(invitePref, code) {
		return ErrBadInvite
	}
	n, err := tx.UseInvite(ctx, store.UseInviteParams{CodeHash: auth.HashSecret(code), Now: column.Maybe(s.cfg.Now())})
	if err != nil {
		return fmt.Errorf("use an invite: %w", err)
	}
	if n == 0 {
		return ErrBadInvite
	}
	return nil
}

func (s *Service) noteInvite(ctx context.Context, tx *db.Tx, action string, id uuid.UUID, hint string, detail map[string]any) error {
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: action, TargetKind: "invite", TargetID: id.String(), Target: "…" + hint, Detail: detail,
	})
}
