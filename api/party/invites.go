package party

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// codePrefix begins the codes of links.
const codePrefix = "bsp_"

// Invite is a way into a party: a link, or an invitation of somebody.
type Invite struct {
	ID        uuid.UUID
	Hint      string // end of the code of a link
	For       *Member
	CreatedBy uuid.NullUUID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// invite returns the invitation that lets p in.
func (s *Service) invite(ctx context.Context, q *store.Queries, p auth.Principal, code string, party uuid.UUID) (invite store.PartyInvite, err error) {
	now := column.Maybe(s.cfg.Now())
	switch {
	case code != "" && !auth.IsSecret(codePrefix, code):
		return invite, ErrBadInvite
	case code != "":
		invite, err = q.PartyInviteByCode(ctx, store.PartyInviteByCodeParams{CodeHash: maybeText(auth.HashSecret(code)), Now: now})
	default:
		invite, err = q.PartyInviteFor(ctx, store.PartyInviteForParams{PartyID: party, UserID: uuid.NullUUID{UUID: p.UserID, Valid: true}, Now: now})
	}
	if errors.Is(err, db.ErrNotFound) {
		return invite, ErrBadInvite
	}
	if err != nil {
		return invite, fmt.Errorf("party: look an invitation up: %w", err)
	}
	return invite, nil
}

func maybeText(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

// Link makes a link into the party, good for a while, and returns its code: it is kept
// nowhere. The outcomes are ErrNotFound and ErrTooManyInvites.
func (s *Service) Link(ctx context.Context, p auth.Principal, party uuid.UUID, goodFor time.Duration) (Invite, string, error) {
	code := auth.NewSecret(codePrefix)
	var made Invite
	err := s.inviting(ctx, p, party, goodFor, func(tx *db.Tx, invite Invite) error {
		invite.Hint = auth.HintOf(code)
		made = invite
		return tx.PartyInviteLink(ctx, store.PartyInviteLinkParams{
			ID: invite.ID, PartyID: party, CodeHash: maybeText(auth.HashSecret(code)), Hint: invite.Hint,
			CreatedBy: invite.CreatedBy, CreatedAt: column.At(invite.CreatedAt), ExpiresAt: column.Maybe(invite.ExpiresAt),
		})
	})
	if err != nil {
		return Invite{}, "", fmt.Errorf("party: make a link: %w", err)
	}
	return made, code, nil
}

// Invite invites a friend. The outcomes are those of Link, ErrUserNotFound, ErrNotFriends
// and ErrAlreadyMember; and ErrRemoved unless the host invites.
func (s *Service) Invite(ctx context.Context, p auth.Principal, party uuid.UUID, username string, goodFor time.Duration) (Invite, error) {
	row, err := s.row(ctx, p.UserID, party)
	if err != nil {
		return Invite{}, err
	}
	user, err := userNamed(ctx, s.cfg.DB.Read(), username)
	if err != nil {
		return Invite{}, err
	}
	friends := false
	if s.cfg.Friends != nil {
		if friends, err = s.cfg.Friends.AreFriends(ctx, p.UserID, user.ID); err != nil {
			return Invite{}, fmt.Errorf("party: ask who is a friend: %w", err)
		}
	}
	if !friends {
		return Invite{}, ErrNotFriends
	}
	var made Invite
	err = s.inviting(ctx, p, party, goodFor, func(tx *db.Tx, invite Invite) error {
		member, err := tx.PartyMember(ctx, store.PartyMemberParams{PartyID: party, UserID: user.ID})
		switch {
		case errors.Is(err, db.ErrNotFound):
		case err != nil:
			return fmt.Errorf("look a member up: %w", err)
		case member.RemovedAt == nil:
			return ErrAlreadyMember
		case row.HostID != p.UserID:
			return ErrRemoved
		}
		invite.ID, err = tx.PartyInvitePerson(ctx, store.PartyInvitePersonParams{
			ID: invite.ID, PartyID: party, UserID: uuid.NullUUID{UUID: user.ID, Valid: true},
			CreatedBy: invite.CreatedBy, CreatedAt: column.At(invite.CreatedAt), ExpiresAt: column.Maybe(invite.ExpiresAt),
		})
		invite.For = &Member{Person: Person{ID: user.ID, Name: user.Username}, DisplayName: user.DisplayName, Avatar: user.AvatarID}
		made = invite
		return err
	})
	if err != nil {
		return Invite{}, fmt.Errorf("party: invite: %w", err)
	}
	s.invited(ctx, p, row, made)
	return made, nil
}

// invited tells somebody that they are.
func (s *Service) invited(ctx context.Context, p auth.Principal, row store.Party, invite Invite) {
	data := InvitedView{Party: row.ID.String(), Name: row.Name, Invite: invite.ID.String(), From: personView(&Person{ID: p.UserID, Name: p.Name})}
	s.cfg.Node.Tell(context.WithoutCancel(ctx), invite.For.ID, realtime.Event{Type: "party.invited", Data: data})
	if s.cfg.Inbox == nil {
		return
	}
	if err := s.cfg.Inbox.Notify(ctx, invite.For.ID, "party_invite", p.UserID, data, "party_invite "+invite.ID.String()); err != nil {
		s.cfg.Logger.WarnContext(ctx, "an invitation is not in the inbox", "err", err)
	}
}

// inviting has do write an invitation of p's, with the party locked.
func (s *Service) inviting(ctx context.Context, p auth.Principal, party uuid.UUID, goodFor time.Duration, do func(tx *db.Tx, invite Invite) error) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	now := s.cfg.Now()
	return s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, _, _, err := lock(ctx, tx, party); err != nil {
			return err
		}
		if err := mustBeIn(ctx, tx.Queries, party, p.UserID); err != nil {
			return err
		}
		count, err := tx.PartyCountInvites(ctx, store.PartyCountInvitesParams{PartyID: party, Now: column.Maybe(now)})
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		if count >= maxInvites {
			return ErrTooManyInvites
		}
		return do(tx, Invite{ID: id, CreatedBy: uuid.NullUUID{UUID: p.UserID, Valid: true}, CreatedAt: now, ExpiresAt: now.Add(goodFor)})
	})
}

// Invites returns those of a party that are good, newest first.
func (s *Service) Invites(ctx context.Context, p auth.Principal, party uuid.UUID) ([]Invite, error) {
	if _, err := s.row(ctx, p.UserID, party); err != nil {
		return nil, err
	}
	rows, err := s.cfg.DB.Read().PartyInvites(ctx, store.PartyInvitesParams{PartyID: party, Now: column.Maybe(s.cfg.Now())})
	if err != nil {
		return nil, fmt.Errorf("party: list invitations: %w", err)
	}
	invites := make([]Invite, len(rows))
	for i, row := range rows {
		invites[i] = Invite{ID: row.ID, Hint: row.Hint, CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt.Time}
		if row.ExpiresAt != nil {
			invites[i].ExpiresAt = row.ExpiresAt.Time
		}
		if row.UserID.Valid {
			invites[i].For = &Member{
				Person: Person{ID: row.UserID.UUID, Name: row.Username.String}, DisplayName: row.DisplayName.String, Avatar: row.AvatarID,
			}
		}
	}
	return invites, nil
}

// Revoke takes an invitation back: whoever made it may, and the host.
func (s *Service) Revoke(ctx context.Context, p auth.Principal, party, invite uuid.UUID) error {
	row, err := s.row(ctx, p.UserID, party)
	if err != nil {
		return err
	}
	found, err := s.cfg.DB.Read().PartyInviteByID(ctx, invite)
	switch {
	case errors.Is(err, db.ErrNotFound) || (err == nil && found.PartyID != party):
		return ErrBadInvite
	case err != nil:
		return fmt.Errorf("party: look an invitation up: %w", err)
	case row.HostID != p.UserID && found.CreatedBy.UUID != p.UserID:
		return ErrHostOnly
	}
	return s.revoke(ctx, invite)
}

// Decline takes an invitation of p back.
func (s *Service) Decline(ctx context.Context, p auth.Principal, invite uuid.UUID) error {
	found, err := s.cfg.DB.Read().PartyInviteByID(ctx, invite)
	if errors.Is(err, db.ErrNotFound) || (err == nil && found.UserID.UUID != p.UserID) {
		return ErrBadInvite
	}
	if err != nil {
		return fmt.Errorf("party: look an invitation up: %w", err)
	}
	return s.revoke(ctx, invite)
}

func (s *Service) revoke(ctx context.Context, invite uuid.UUID) error {
	n, err := s.cfg.DB.Write().PartyInviteRevoke(ctx, store.PartyInviteRevokeParams{ID: invite, RevokedAt: column.Maybe(s.cfg.Now())})
	if err != nil {
		return fmt.Errorf("party: revoke an invitation: %w", err)
	}
	if n == 0 {
		return ErrBadInvite
	}
	return nil
}

// Invited is an invitation as whoever is invited sees it.
type Invited struct {
	ID, Party uuid.UUID
	Name      string // of the party
	From      Member
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InvitesOf returns the invitations of p, newest first.
func (s *Service) InvitesOf(ctx context.Context, p auth.Principal, q rest.PageQuery) (rest.Page[Invited], error) {
	cursor, err := rest.ByNewest.Decode(q.Cursor)
	if err != nil {
		return rest.Page[Invited]{}, err
	}
	user, now, most := uuid.NullUUID{UUID: p.UserID, Valid: true}, column.Maybe(s.cfg.Now()), int32(q.Limit)+1
	var rows []store.PartyInvitesOfBeforeRow
	if cursor.Back {
		var after []store.PartyInvitesOfAfterRow
		after, err = s.cfg.DB.Read().PartyInvitesOfAfter(ctx, store.PartyInvitesOfAfterParams{UserID: user, Now: now, ID: cursor.ID, Most: most})
		for _, row := range after {
			rows = append(rows, store.PartyInvitesOfBeforeRow(row))
		}
	} else {
		rows, err = s.cfg.DB.Read().PartyInvitesOfBefore(ctx, store.PartyInvitesOfBeforeParams{UserID: user, Now: now, ID: cursor.ID, Most: most})
	}
	if err != nil {
		return rest.Page[Invited]{}, fmt.Errorf("party: list invitations: %w", err)
	}
	page := rest.NewPage(rest.ByNewest, cursor, q.Limit, rows, func(row store.PartyInvitesOfBeforeRow) rest.Cursor { return rest.Cursor{ID: row.ID} })
	return rest.MapPage(page, func(row store.PartyInvitesOfBeforeRow) Invited {
		i := Invited{
			ID: row.ID, Party: row.PartyID, Name: row.Name, CreatedAt: row.CreatedAt.Time,
			From: Member{Person: Person{ID: row.InviterID, Name: row.Username}, DisplayName: row.DisplayName, Avatar: row.AvatarID},
		}
		if row.ExpiresAt != nil {
			i.ExpiresAt = row.ExpiresAt.Time
		}
		return i
	}), nil
}
