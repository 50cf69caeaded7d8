package channel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// maxMembers is how many may help to run a channel, or watch a private one.
const maxMembers = 100

// Member is a person with a role on a channel.
type Member struct {
	Username    string
	DisplayName string
	Avatar      uuid.NullUUID
	Role        string
	Since       time.Time
}

// Members returns who is a member of a channel, the oldest account first.
func (s *Service) Members(ctx context.Context, at auth.Access) ([]Member, error) {
	rows, err := s.cfg.DB.Read().MembersOf(ctx, at.ChannelID)
	if err != nil {
		return nil, fmt.Errorf("channel: list members: %w", err)
	}
	members := make([]Member, len(rows))
	for i, row := range rows {
		members[i] = Member{
			Username: row.Username, DisplayName: row.DisplayName, Avatar: row.AvatarID,
			Role: row.Role, Since: row.CreatedAt.Time,
		}
	}
	return members, nil
}

// PutMember gives a person a role on a channel, in the place of another one if they
// have that. The outcomes are ErrUserNotFound, ErrOwnerNoMember, ErrTooManyMembers
// and ErrNotFound.
func (s *Service) PutMember(ctx context.Context, at auth.Access, username, role string) (Member, error) {
	if !isText(username) {
		return Member{}, ErrUserNotFound
	}
	var member Member
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		// Members come one after the other, so that they are never too many.
		n, err := q.LockChannel(ctx, at.ChannelID)
		if err != nil {
			return fmt.Errorf("lock the channel: %w", err)
		}
		if n == 0 {
			return ErrNotFound
		}
		user, err := q.UserByUsername(ctx, strings.ToLower(username))
		if errors.Is(err, db.ErrNotFound) {
			return ErrUserNotFound
		}
		if err != nil {
			return fmt.Errorf("look the person up: %w", err)
		}
		if user.ID == at.OwnerID {
			return ErrOwnerNoMember
		}
		others, err := q.CountOtherMembers(ctx, store.CountOtherMembersParams{ChannelID: at.ChannelID, UserID: user.ID})
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		if others >= maxMembers {
			return ErrTooManyMembers
		}
		since, err := q.PutMember(ctx, store.PutMemberParams{
			ChannelID: at.ChannelID, UserID: user.ID, Role: role, CreatedAt: column.At(s.cfg.Now()),
		})
		if err != nil {
			return err
		}
		member = Member{
			Username: user.Username, DisplayName: user.DisplayName, Avatar: user.AvatarID,
			Role: role, Since: since.Time,
		}
		if err := s.audit(ctx, q, at, "member.put", map[string]any{"member": user.Username, "role": role}); err != nil {
			return err
		}
		return q.Notify(ctx, auth.TopicChannel, at.Slug) // what they may do has changed
	})
	if err != nil {
		return Member{}, fmt.Errorf("channel: put a member: %w", err)
	}
	return member, nil
}

// DeleteMember takes a person's role on a channel away. Whoever has none there is
// ErrMemberNotFound. Stream keys that they know stay good.
func (s *Service) DeleteMember(ctx context.Context, at auth.Access, username string) error {
	return s.deleteMember(ctx, at, username, "member.delete")
}

// Leave takes the caller's own role on a channel away.
func (s *Service) Leave(ctx context.Context, p auth.Principal, at auth.Access) error {
	return s.deleteMember(ctx, at, p.Name, "member.leave")
}

func (s *Service) deleteMember(ctx context.Context, at auth.Access, username, action string) error {
	if !isText(username) {
		return ErrMemberNotFound
	}
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		n, err := q.DeleteMember(ctx, store.DeleteMemberParams{
			ChannelID: at.ChannelID, UsernameLower: strings.ToLower(username),
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrMemberNotFound
		}
		if err := s.audit(ctx, q, at, action, map[string]any{"member": username}); err != nil {
			return err
		}
		return q.Notify(ctx, auth.TopicChannel, at.Slug)
	})
	if err != nil {
		return fmt.Errorf("channel: delete a member: %w", err)
	}
	return nil
}
