package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Bounds of what people say of themselves.
const (
	maxDisplayName = 50 // characters
	maxBio         = 1000
	maxLinks       = 10
)

// ProfileLink leads from a profile to elsewhere.
type ProfileLink struct {
	Label string `json:"label" minLength:"1" maxLength:"60" example:"My site"`
	URL   string `json:"url" minLength:"1" maxLength:"500" format:"uri" doc:"An http or https address." example:"https://ada.example.org"`
}

// Get returns the account with id. One that is deleted is ErrNotFound.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (User, error) {
	row, err := s.cfg.DB.Read().UserByID(ctx, id)
	if err != nil {
		return User{}, failure(err, "get")
	}
	return userOf(row)
}

// Public returns the account with a name as far as everyone may see it. One that is
// deleted or suspended is ErrNotFound.
func (s *Service) Public(ctx context.Context, username string) (User, error) {
	if !usernameForm.MatchString(username) {
		return User{}, ErrNotFound
	}
	row, err := s.cfg.DB.Read().UserByUsername(ctx, strings.ToLower(username))
	if err != nil {
		return User{}, failure(err, "get by name")
	}
	user, err := userOf(row)
	if err == nil && (!user.DeletedAt.IsZero() || !user.SuspendedAt.IsZero()) {
		return User{}, ErrNotFound
	}
	return user, err
}

// ProfileChange is what UpdateProfile sets; a field that is nil stays as it is.
type ProfileChange struct {
	DisplayName *string
	Bio         *string
	Links       *[]ProfileLink
}

// clean makes what c sets fit to be shown. The outcomes are ErrBad….
func (c *ProfileChange) clean() error {
	if c.DisplayName != nil {
		name, ok := rest.Line(*c.DisplayName, maxDisplayName)
		if !ok {
			return ErrBadDisplayName
		}
		c.DisplayName = &name
	}
	if c.Bio != nil {
		bio, ok := rest.Lines(*c.Bio, maxBio)
		if !ok {
			return ErrBadBio
		}
		c.Bio = &bio
	}
	if c.Links != nil {
		links, ok := cleanLinks(*c.Links)
		if !ok {
			return ErrBadLinks
		}
		c.Links = &links
	}
	return nil
}

// maxEdits is how often an edit that did not insist on a version is tried again when
// others were faster.
const maxEdits = 5

// UpdateProfile changes the profile of the account with id, if match agrees to its
// version: otherwise the outcome is rest.ErrChanged.
func (s *Service) UpdateProfile(ctx context.Context, id uuid.UUID, match rest.IfMatch, change ProfileChange) (User, error) {
	if err := change.clean(); err != nil {
		return User{}, err
	}
	for range maxEdits {
		user, err := s.Get(ctx, id)
		if err != nil {
			return User{}, err
		}
		if err := match.Check(user.Version); err != nil {
			return User{}, err
		}
		if change.DisplayName != nil {
			user.DisplayName = *change.DisplayName
		}
		if change.Bio != nil {
			user.Bio = *change.Bio
		}
		if change.Links != nil {
			user.Links = *change.Links
		}
		links, err := json.Marshal(user.Links)
		if err != nil {
			return User{}, fmt.Errorf("account: encode links: %w", err)
		}
		n, err := s.cfg.DB.Write().UpdateUserProfile(ctx, store.UpdateUserProfileParams{
			ID: id, Version: user.Version, DisplayName: user.DisplayName, Bio: user.Bio, Links: links,
		})
		if err != nil {
			return User{}, fmt.Errorf("account: update a profile: %w", err)
		}
		if n == 1 {
			user.Version++
			return user, nil
		}
		if match.Given() {
			break
		}
	}
	return User{}, rest.ErrChanged
}

// cleanLinks returns links fit to be shown.
func cleanLinks(links []ProfileLink) ([]ProfileLink, bool) {
	if len(links) > maxLinks {
		return nil, false
	}
	cleaned := make([]ProfileLink, 0, len(links))
	for _, link := range links {
		label, address, ok := rest.Link(link.Label, link.URL)
		if !ok {
			return nil, false
		}
		cleaned = append(cleaned, ProfileLink{Label: label, URL: address})
	}
	return cleaned, true
}

// failure says what a query for one user came to.
func failure(err error, attempt string) error {
	if errors.Is(err, db.ErrNotFound) {
		return ErrNotFound
	}
	return fmt.Errorf("account: %s: %w", attempt, err)
}
