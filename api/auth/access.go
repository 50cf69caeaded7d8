package auth

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Outcomes of asking for permission.
var (
	ErrChannelNotFound   = rest.NotFound("channel_not_found", "there is no such channel")
	ErrBroadcastNotFound = rest.NotFound("broadcast_not_found", "there is no such broadcast")
)

// Access is what a principal is on a channel.
type Access struct {
	ChannelID   uuid.UUID
	Slug        string
	OwnerID     uuid.UUID
	Role        ChannelRole
	Private     bool
	BroadcastID uuid.UUID // uuid.Nil unless the path names a broadcast
}

type accessKey struct{}

// WithAccess returns a context for an operation on a channel.
func WithAccess(ctx context.Context, a Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// AccessOf returns the channel that an operation is about, and what its caller is
// there. The guard has seen to it that the channel exists, that the caller may see
// it and may do what the operation does.
func AccessOf(ctx context.Context) Access {
	a, _ := ctx.Value(accessKey{}).(Access)
	return a
}

// Channels finds out what people are on channels.
type Channels struct{ db *db.DB }

// NewChannels returns Channels that asks d.
func NewChannels(d *db.DB) *Channels { return &Channels{d} }

var slugForm = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])+$`)

// BySlug returns what p is on the channel at slug. A channel that does not exist,
// whose owner is gone or suspended, or that p may not see, is ErrChannelNotFound;
// staff see all.
func (c *Channels) BySlug(ctx context.Context, p Principal, slug string) (Access, error) {
	if !slugForm.MatchString(slug) {
		return Access{}, ErrChannelNotFound
	}
	row, err := c.db.Read().ChannelAccessBySlug(ctx, store.ChannelAccessBySlugParams{UserID: p.UserID, Slug: slug})
	if errors.Is(err, db.ErrNotFound) {
		return Access{}, ErrChannelNotFound
	}
	if err != nil {
		return Access{}, fmt.Errorf("auth: look a channel up: %w", err)
	}
	a, ok := accessOf(p, row)
	if !ok {
		return Access{}, ErrChannelNotFound
	}
	return a, nil
}

// ByBroadcast returns what p is on the channel of a broadcast. One that p may not
// see is ErrBroadcastNotFound: as BySlug, and those that have ended and are hidden
// are seen by owner, broadcasters and staff alone.
func (c *Channels) ByBroadcast(ctx context.Context, p Principal, broadcast string) (Access, error) {
	id, err := uuid.Parse(broadcast)
	if err != nil || id.String() != broadcast {
		return Access{}, ErrBroadcastNotFound
	}
	row, err := c.db.Read().ChannelAccessByBroadcast(ctx, store.ChannelAccessByBroadcastParams{UserID: p.UserID, BroadcastID: id})
	if errors.Is(err, db.ErrNotFound) {
		return Access{}, ErrBroadcastNotFound
	}
	if err != nil {
		return Access{}, fmt.Errorf("auth: look the channel of a broadcast up: %w", err)
	}
	a, ok := accessOf(p, store.ChannelAccessBySlugRow{
		ID: row.ID, Slug: row.Slug, OwnerID: row.OwnerID, Visibility: row.Visibility, MemberRole: row.MemberRole, Open: row.Open,
	})
	if !ok || (row.Hidden == 1 && a.Role&(Owner|Broadcaster) == 0 && !p.IsStaff()) {
		return Access{}, ErrBroadcastNotFound
	}
	a.BroadcastID = id
	return a, nil
}

// accessOf returns what row says of p; false if p may not see the channel.
func accessOf(p Principal, row store.ChannelAccessBySlugRow) (Access, bool) {
	a := Access{
		ChannelID: row.ID, Slug: row.Slug, OwnerID: row.OwnerID,
		Role: ChannelRoleOf(row.MemberRole), Private: row.Visibility == "private",
	}
	if p.IsUser() && p.UserID == row.OwnerID {
		a.Role |= Owner
	}
	switch {
	case p.IsStaff():
		return a, true
	case row.Open == 0:
		return a, false
	}
	return a, !a.Private || a.Role != 0
}
