// Package auth answers who a request speaks for and what that allows: passwords,
// tokens, roles and scopes.
package auth

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// Role is what a person may do beyond their own things.
type Role string

// The roles.
const (
	RoleUser  Role = "user"
	RoleAdmin Role = "admin"
)

// ScopeIngest lets a service resolve stream keys and report what is on air.
const ScopeIngest = "ingest"

// Principal is whoever a request speaks for: a person or a service.
type Principal struct {
	UserID  uuid.UUID // uuid.Nil for a service
	Name    string    // username, or the name of the service
	Role    Role      // empty for a service
	Service bool
	Scopes  []string // what a service may do; nil for a person
}

// IsAdmin reports whether p is a person with the role admin.
func (p Principal) IsAdmin() bool { return !p.Service && p.Role == RoleAdmin }

// MayManage reports whether p may change what belongs to owner.
func (p Principal) MayManage(owner uuid.UUID) bool {
	return p.IsAdmin() || (p.IsUser() && p.UserID == owner)
}

// IsUser reports whether p is a signed-in person. The zero Principal is nobody.
func (p Principal) IsUser() bool { return !p.Service && p.UserID != uuid.Nil }

// HasScope reports whether p is a service with scope.
func (p Principal) HasScope(scope string) bool {
	return p.Service && slices.Contains(p.Scopes, scope)
}

type principalKey struct{}

// With returns a context whose requests speak for p.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// User returns whoever ctx speaks for; the zero Principal if that is nobody.
func User(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}
