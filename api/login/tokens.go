package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	maxTokens = 50 // of one person, with those that have expired lately
	maxLabel  = 60 // characters
	// keepExpired is how long a token that has expired stays in the list.
	keepExpired = 30 * 24 * time.Hour
)

// Token is a personal access token as its owner sees it: without the secret, which
// nobody has but whoever was shown it.
type Token struct {
	ID         uuid.UUID
	Label      string
	Hint       string // last characters of the secret
	Scopes     []string
	CreatedAt  time.Time
	LastUsedAt time.Time // zero if never
	ExpiresAt  time.Time // zero if never
}

// CreateToken makes a personal access token of p and returns it with its secret.
// expires may be zero for never. The outcomes are ErrBadLabel, ErrBadScopes,
// ErrBadTokenExpires and ErrTooManyTokens.
func (s *Service) CreateToken(ctx context.Context, p auth.Principal, label string, scopes []string, expires time.Time) (Token, string, error) {
	now := s.now()
	label, ok := rest.Line(label, maxLabel)
	if !ok || label == "" {
		return Token{}, "", ErrBadLabel
	}
	if !areScopes(scopes, p) {
		return Token{}, "", ErrBadScopes
	}
	if !expires.IsZero() && !expires.After(now) {
		return Token{}, "", ErrBadTokenExpires
	}
	id, err := newID()
	if err != nil {
		return Token{}, "", err
	}
	secret := auth.NewSecret(auth.PersonalTokenPrefix)
	token := Token{
		ID: id, Label: label, Hint: auth.HintOf(secret), Scopes: inOrder(scopes), CreatedAt: now, ExpiresAt: expires,
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error { return s.keepToken(ctx, tx, p, &token, auth.HashSecret(secret)) })
	if err != nil {
		return Token{}, "", fmt.Errorf("login: make a token: %w", err)
	}
	return token, secret, nil
}

// keepToken writes token, if p may have another one.
func (s *Service) keepToken(ctx context.Context, tx *db.Tx, p auth.Principal, token *Token, hash string) error {
	if _, err := tx.LoginLockUser(ctx, p.UserID); err != nil { // others who count wait
		return fmt.Errorf("lock the user: %w", err)
	}
	_, err := tx.DeleteExpiredPersonalTokensOf(ctx, store.DeleteExpiredPersonalTokensOfParams{
		UserID: p.UserID, ExpiresAt: column.Maybe(token.CreatedAt.Add(-keepExpired)),
	})
	if err != nil {
		return fmt.Errorf("forget expired tokens: %w", err)
	}
	n, err := tx.CountPersonalTokensOf(ctx, p.UserID)
	if err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	if n >= maxTokens {
		return ErrTooManyTokens
	}
	row := store.CreatePersonalTokenParams{
		ID: token.ID, UserID: p.UserID, Label: token.Label, TokenHash: hash, Hint: token.Hint,
		Scopes: strings.Join(token.Scopes, " "), CreatedAt: column.At(token.CreatedAt),
	}
	if !token.ExpiresAt.IsZero() {
		row.ExpiresAt = column.Maybe(token.ExpiresAt)
		token.ExpiresAt = row.ExpiresAt.Time
	}
	if err := tx.CreatePersonalToken(ctx, row); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: "token.create", TargetKind: "token", TargetID: token.ID.String(), Target: token.Label,
		Detail: map[string]any{"scopes": token.Scopes},
	})
}

// RevokeToken deletes a personal access token of p. One that is not there, or somebody
// else's, is ErrNoToken.
func (s *Service) RevokeToken(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		gone, err := tx.DeletePersonalToken(ctx, store.DeletePersonalTokenParams{ID: id, UserID: p.UserID})
		switch {
		case errors.Is(err, db.ErrNotFound):
			return ErrNoToken
		case err != nil:
			return fmt.Errorf("delete the token: %w", err)
		}
		if err := tx.Notify(ctx, auth.TopicPersonalToken, gone.TokenHash); err != nil {
			return err
		}
		return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
			Name: "token.revoke", TargetKind: "token", TargetID: id.String(), Target: gone.Label,
		})
	})
	if err != nil {
		return fmt.Errorf("login: revoke a token: %w", err)
	}
	return nil
}

// Tokens returns a page of the personal access tokens of p, newest first.
func (s *Service) Tokens(ctx context.Context, p auth.Principal, cursor string, limit int) (rest.Page[Token], error) {
	at, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[Token]{}, err
	}
	q, most := s.cfg.DB.Read(), int32(limit+1)
	var rows []store.PersonalTokensBeforeRow
	if at.Back {
		var after []store.PersonalTokensAfterRow
		after, err = q.PersonalTokensAfter(ctx, store.PersonalTokensAfterParams{UserID: p.UserID, ID: at.ID, Limit: most})
		for _, row := range after {
			rows = append(rows, store.PersonalTokensBeforeRow(row))
		}
	} else {
		rows, err = q.PersonalTokensBefore(ctx, store.PersonalTokensBeforeParams{UserID: p.UserID, ID: at.ID, Limit: most})
	}
	if err != nil {
		return rest.Page[Token]{}, fmt.Errorf("login: list tokens: %w", err)
	}
	page := rest.NewPage(rest.ByNewest, at, limit, rows, func(t store.PersonalTokensBeforeRow) rest.Cursor { return rest.Cursor{ID: t.ID} })
	return rest.MapPage(page, tokenOf), nil
}

func tokenOf(row store.PersonalTokensBeforeRow) Token {
	t := Token{ID: row.ID, Label: row.Label, Hint: row.Hint, Scopes: strings.Fields(row.Scopes), CreatedAt: row.CreatedAt.Time}
	if row.LastUsedAt != nil {
		t.LastUsedAt = row.LastUsedAt.Time
	}
	if row.ExpiresAt != nil {
		t.ExpiresAt = row.ExpiresAt.Time
	}
	return t
}

// areScopes reports whether p may have a token with scopes. That with the scope admin
// would wait for the day when its owner becomes somebody.
func areScopes(scopes []string, p auth.Principal) bool {
	for _, scope := range scopes {
		if !slices.Contains(auth.TokenScopes, scope) || (scope == auth.ScopeAdmin && !p.IsStaff()) {
			return false
		}
	}
	return len(scopes) > 0
}

// inOrder returns scopes as the table of scopes has them, each once.
func inOrder(scopes []string) []string {
	ordered := make([]string, 0, len(scopes))
	for _, scope := range auth.TokenScopes {
		if slices.Contains(scopes, scope) {
			ordered = append(ordered, scope)
		}
	}
	return ordered
}
