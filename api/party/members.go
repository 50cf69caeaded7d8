package party

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Member is somebody in a party.
type Member struct {
	Person

	DisplayName string
	Avatar      uuid.NullUUID
	JoinedAt    time.Time
	SeenAt      time.Time
	Online      bool
}

// members returns who is in a party, the longest there first.
func (s *Service) members(ctx context.Context, party uuid.UUID) ([]Member, error) {
	rows, err := s.cfg.DB.Read().PartyMembers(ctx, party)
	if err != nil {
		return nil, fmt.Errorf("party: list members: %w", err)
	}
	present, err := s.cfg.Node.Present(topicOf(party))
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "who is online in a party is not known", "err", err)
	}
	online := map[uuid.UUID]bool{}
	for _, user := range present {
		online[user] = true
	}
	members := make([]Member, len(rows))
	for i, row := range rows {
		members[i] = Member{
			Person: Person{ID: row.UserID, Name: row.Username}, DisplayName: row.DisplayName, Avatar: row.AvatarID,
			JoinedAt: row.JoinedAt.Time, SeenAt: row.SeenAt.Time, Online: online[row.UserID],
		}
	}
	return members, nil
}

// Join makes p a member: by the code of a link, or by an invitation to the party with
// that id. Whoever is in it already stays so. The outcomes are ErrBadInvite, ErrRemoved,
// ErrFull and ErrTooManyParties.
func (s *Service) Join(ctx context.Context, p auth.Principal, code string, party uuid.UUID) (uuid.UUID, error) {
	var line *Message
	newHost := false
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		invite, err := s.invite(ctx, tx.Queries, p, code, party)
		if err != nil {
			return err
		}
		party = invite.PartyID
		row, _, settings, err := lock(ctx, tx, party)
		if errors.Is(err, ErrNotFound) {
			return ErrBadInvite
		}
		if err != nil {
			return err
		}
		member, err := tx.PartyMember(ctx, store.PartyMemberParams{PartyID: party, UserID: p.UserID})
		switch {
		case errors.Is(err, db.ErrNotFound):
		case err != nil:
			return fmt.Errorf("look a member up: %w", err)
		case member.RemovedAt == nil:
			return nil
		case !invite.UserID.Valid, invite.CreatedBy.UUID != row.HostID, !invite.CreatedAt.After(member.RemovedAt.Time):
			return ErrRemoved // only the host, who has changed their mind, has them back
		}
		count, err := tx.PartyCountMembers(ctx, party)
		if err != nil {
			return fmt.Errorf("count members: %w", err)
		}
		if err := s.admit(ctx, tx, party, p.UserID); err != nil {
			return err
		}
		if count == 0 && row.HostID != p.UserID {
			newHost = true
			row.HostID = p.UserID
			if err := update(ctx, tx, row, settings, s.cfg.Now()); err != nil {
				return err
			}
		}
		if invite.UserID.Valid { // it has done its work
			if _, err := tx.PartyInviteRevoke(ctx, store.PartyInviteRevokeParams{ID: invite.ID, RevokedAt: column.Maybe(s.cfg.Now())}); err != nil {
				return fmt.Errorf("use an invitation: %w", err)
			}
		}
		line, err = s.line(ctx, tx, party, &Person{ID: p.UserID, Name: p.Name}, lineJoined)
		return err
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("party: join: %w", err)
	}
	if line == nil {
		return party, nil
	}
	s.tellMember(ctx, party, "joined", p.UserID)
	s.tellLine(ctx, line)
	if newHost {
		s.tellChanged(ctx, party)
	}
	return party, nil
}

// Leave ends p's own membership. When the host leaves, whoever has been there longest
// becomes the host.
func (s *Service) Leave(ctx context.Context, p auth.Principal, party uuid.UUID) error {
	return s.drop(ctx, party, Person{ID: p.UserID, Name: p.Name}, lineLeft, func(tx *db.Tx, _ store.Party, who *Person) (int64, error) {
		return tx.PartyDropMember(ctx, store.PartyDropMemberParams{PartyID: party, UserID: who.ID})
	})
}

// Remove ends somebody's membership, which the host does: they do not come back by a
// link. The outcomes are ErrNotFound, ErrHostOnly, ErrMemberNotFound and ErrNotYourself.
func (s *Service) Remove(ctx context.Context, p auth.Principal, party uuid.UUID, username string) error {
	return s.drop(ctx, party, Person{}, lineRemoved, func(tx *db.Tx, row store.Party, who *Person) (int64, error) {
		if err := mustBeIn(ctx, tx.Queries, party, p.UserID); err != nil {
			return 0, err
		}
		if row.HostID != p.UserID {
			return 0, ErrHostOnly
		}
		member, err := memberNamed(ctx, tx, party, username)
		if err != nil {
			return 0, err
		}
		if member.ID == p.UserID {
			return 0, ErrNotYourself
		}
		*who = member
		return tx.PartyBarMember(ctx, store.PartyBarMemberParams{PartyID: party, UserID: member.ID, RemovedAt: column.Maybe(s.cfg.Now())})
	})
}

// drop has do end a membership, finds another host if need be, and tells everybody.
func (s *Service) drop(ctx context.Context, party uuid.UUID, who Person, kind string,
	do func(tx *db.Tx, row store.Party, who *Person) (int64, error),
) error {
	var lines []*Message
	host := false
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		row, _, settings, err := lock(ctx, tx, party)
		if err != nil {
			return err
		}
		n, err := do(tx, row, &who)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		line, err := s.line(ctx, tx, party, &who, kind)
		if err != nil {
			return err
		}
		lines = append(lines, line)
		now := s.cfg.Now()
		if row.HostID != who.ID {
			return nil
		}
		next, err := tx.PartyOldestMember(ctx, party)
		if errors.Is(err, db.ErrNotFound) { // nobody is left: the sweep ends it
			return tx.PartyTouch(ctx, store.PartyTouchParams{ID: party, Now: column.At(now)})
		}
		if err != nil {
			return fmt.Errorf("find another host: %w", err)
		}
		host = true
		row.HostID = next.UserID
		if line, err = s.line(ctx, tx, party, &Person{ID: next.UserID, Name: next.Username}, lineHost); err != nil {
			return err
		}
		lines = append(lines, line)
		return update(ctx, tx, row, settings, now)
	})
	if err != nil {
		return fmt.Errorf("party: end a membership: %w", err)
	}
	s.tell(ctx, party, "party.member", MemberEvent{Event: kind, UserID: who.ID.String(), Username: who.Name})
	for _, line := range lines {
		s.tellLine(ctx, line)
	}
	if host {
		s.tellChanged(ctx, party)
	}
	s.cfg.Node.Expel(context.WithoutCancel(ctx), who.ID, topicOf(party))
	s.gone(ctx, party, who.ID)
	return nil
}
