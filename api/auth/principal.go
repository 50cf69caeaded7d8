// Package auth answers who a request speaks for and what that allows: passwords,
// tokens, roles, scopes, and the table of permissions.
package auth

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
)

// Role is what a person may do on the whole instance.
type Role string

// The roles, each with what those before it may do.
const (
	RoleUser      Role = "user"
	RoleModerator Role = "moderator"
	RoleAdmin     Role = "admin"
)

// IsRole reports whether r is a role.
func IsRole(r Role) bool { return r == RoleUser || r == RoleModerator || r == RoleAdmin }

// ScopeIngest lets a service resolve stream keys and report what is on air.
const ScopeIngest = "ingest"

// Principal is whoever a request speaks for: a person or a service.
type Principal struct {
	UserID  uuid.UUID // uuid.Nil for a service
	Name    string    // username, or the name of the service
	Role    Role      // empty for a service
	Login   uuid.UUID // the signed-in device; uuid.Nil with a personal access token
	Token   uuid.UUID // the personal access token; uuid.Nil without
	Service bool
	Scopes  []string // what a service or a personal access token may do

	// Unchecked says that the database could not be asked whether p may still be here
	// and is what it was: good for reading alone.
	Unchecked bool
}

// IsAdmin reports whether p is a person with the role admin.
func (p Principal) IsAdmin() bool { return !p.Service && p.Role == RoleAdmin }

// IsStaff reports whether p is a person with the role moderator or admin.
func (p Principal) IsStaff() bool {
	return !p.Service && (p.Role == RoleModerator || p.Role == RoleAdmin)
}

// IsUser reports whether p is a signed-in person. The zero Principal is nobody.
func (p Principal) IsUser() bool { return !p.Service && p.UserID != uuid.Nil }

// HasScope reports whether p is a service with scope.
func (p Principal) HasScope(scope string) bool {
	return p.Service && slices.Contains(p.Scopes, scope)
}

// Client is where a request comes from.
type Client struct {
	Addr      netip.Addr // behind trusted proxies that of the person; the zero Addr inside the program
	UserAgent string
}

// maxAgent is how many bytes of a user agent are kept.
const maxAgent = 250

// Agent returns the user agent as text that can be stored and shown.
func (c Client) Agent() string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(c.UserAgent[:min(len(c.UserAgent), maxAgent)], ""))
}

type (
	principalKey struct{}
	clientKey    struct{}
)

// With returns a context whose requests speak for p.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// User returns whoever ctx speaks for; the zero Principal if that is nobody.
func User(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// WithClient returns a context whose requests come from c.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientOf returns where the request of ctx comes from.
func ClientOf(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}
