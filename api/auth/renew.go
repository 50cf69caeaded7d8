package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"bandstand/storage/db"
)

// Renew returns what p, whom Verify found out from a JSON Web Token, is now: for
// connections that outlive the token that opened them. That the token has expired does
// not matter; that the login was revoked does. Somebody who may not be here any more is
// ErrBadToken, any other error means "could not ask".
func (i *Identity) Renew(ctx context.Context, p Principal) (Principal, error) {
	known, err := i.person(ctx, personKey{p.UserID, p.Login})
	switch {
	case errors.Is(err, db.ErrNotFound):
		return Principal{}, fmt.Errorf("%w: its login or user is gone", ErrBadToken)
	case err != nil:
		return Principal{}, fmt.Errorf("auth: look a person up: %w", err)
	case !known.good(i.cfg.Now()):
		return Principal{}, fmt.Errorf("%w: its login or user is not good any more", ErrBadToken)
	}
	p.Name, p.Role, p.Unchecked = known.name, known.role, i.isOld(known.asked)
	return p, nil
}

// Expiry returns when a JSON Web Token expires, and false if it is none or never does.
// It proves nothing: tokens are verified elsewhere.
func Expiry(token string) (time.Time, bool) {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil || claims.ExpiresAt == nil {
		return time.Time{}, false
	}
	return claims.ExpiresAt.Time, true
}
