package account

import (
	"context"
	"fmt"
	"strings"

	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

// Filter narrows a list of accounts. Empty fields do not.
type Filter struct {
	Search string // beginning of a username or of an address
	Role   string
	State  string // one of State…
}

// List returns a page of accounts for the staff, newest first. A cursor that is not
// of this list is rest.ErrBadCursor.
func (s *Service) List(ctx context.Context, f Filter, cursor string, limit int) (rest.Page[User], error) {
	at, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[User]{}, err
	}
	f.Search = strings.ToLower(strings.TrimSpace(f.Search))
	if !isText(f.Search) {
		return rest.Page[User]{}, nil
	}
	rows, err := s.users(ctx, f, at, int32(limit)+1)
	if err != nil {
		return rest.Page[User]{}, fmt.Errorf("account: list: %w", err)
	}
	users, err := usersOf(rows)
	if err != nil {
		return rest.Page[User]{}, err
	}
	return rest.NewPage(rest.ByNewest, at, limit, users, func(u User) rest.Cursor { return rest.Cursor{ID: u.ID} }), nil
}

// users asks by what narrows the list most.
func (s *Service) users(ctx context.Context, f Filter, at rest.Cursor, most int32) ([]store.User, error) {
	q := s.cfg.DB.Read()
	switch {
	case f.Search != "":
		found := store.UsersFoundBeforeParams{
			Word: f.Search, WordEnd: rest.After(f.Search), Role: f.Role, State: f.State, ID: at.ID, Most: most,
		}
		if at.Back {
			return q.UsersFoundAfter(ctx, store.UsersFoundAfterParams(found))
		}
		return q.UsersFoundBefore(ctx, found)
	case f.State != "":
		state := store.UsersInStateBeforeParams{State: f.State, Role: f.Role, ID: at.ID, Most: most}
		if at.Back {
			return q.UsersInStateAfter(ctx, store.UsersInStateAfterParams(state))
		}
		return q.UsersInStateBefore(ctx, state)
	case f.Role != "":
		role := store.UsersWithRoleBeforeParams{Role: f.Role, ID: at.ID, Most: most}
		if at.Back {
			return q.UsersWithRoleAfter(ctx, store.UsersWithRoleAfterParams(role))
		}
		return q.UsersWithRoleBefore(ctx, role)
	}
	if at.Back {
		return q.UsersAfter(ctx, store.UsersAfterParams{ID: at.ID, Most: most})
	}
	return q.UsersBefore(ctx, store.UsersBeforeParams{ID: at.ID, Most: most})
}
