package social

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Person is somebody as others see them in lists.
type Person struct {
	ID          uuid.UUID
	Username    string
	DisplayName string
	Avatar      uuid.NullUUID
}

// nameForm is what a person may be called; no id is of this form.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{2,32}$`)

// anybody returns the person with a name or an id, also one who is deleted or suspended.
func (s *Service) anybody(ctx context.Context, who string) (p Person, gone bool, err error) {
	var row store.SocialPersonByIDRow
	if id, bad := uuid.Parse(who); bad == nil && len(who) == 36 {
		row, err = s.cfg.DB.Read().SocialPersonByID(ctx, id)
	} else if nameForm.MatchString(who) {
		var named store.SocialPersonByNameRow
		named, err = s.cfg.DB.Read().SocialPersonByName(ctx, strings.ToLower(who))
		row = store.SocialPersonByIDRow(named)
	} else {
		err = db.ErrNotFound
	}
	if err = goneIfNone(err); err != nil {
		return Person{}, false, fmt.Errorf("social: look a person up: %w", err)
	}
	return Person{row.ID, row.Username, row.DisplayName, row.AvatarID}, row.Gone == 1, nil
}

// somebody is anybody who is neither deleted nor suspended: those are ErrUserNotFound.
func (s *Service) somebody(ctx context.Context, who string) (Person, error) {
	p, gone, err := s.anybody(ctx, who)
	if gone {
		return Person{}, ErrUserNotFound
	}
	return p, err
}

// personByID returns who has an id, in a transaction.
func personByID(ctx context.Context, tx *db.Tx, id uuid.UUID) (Person, error) {
	row, err := tx.SocialPersonByID(ctx, id)
	if err != nil {
		return Person{}, goneIfNone(err)
	}
	return Person{row.ID, row.Username, row.DisplayName, row.AvatarID}, nil
}

// lockPair makes transactions about either of two people wait for this one, and reports
// whether both are there.
func lockPair(ctx context.Context, tx *db.Tx, a, b uuid.UUID) (bool, error) {
	pair := []uuid.UUID{a, b}
	slices.SortFunc(pair, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	there := int64(0)
	for _, id := range pair {
		n, err := tx.SocialLockUser(ctx, id)
		if err != nil {
			return false, fmt.Errorf("lock a person: %w", err)
		}
		there += n
	}
	return there == 2, nil
}

func areFriends(ctx context.Context, q *store.Queries, a, b uuid.UUID) (bool, error) {
	friends, err := q.AreFriends(ctx, store.AreFriendsParams{UserID: a, FriendID: b})
	if err != nil {
		return false, fmt.Errorf("social: look a friend up: %w", err)
	}
	return friends, nil
}

// blockersAmong returns who of two people has blocked the other.
func blockersAmong(ctx context.Context, q *store.Queries, a, b uuid.UUID) ([]uuid.UUID, error) {
	blockers, err := q.BlockersAmong(ctx, store.BlockersAmongParams{One: a, Other: b})
	if err != nil {
		return nil, fmt.Errorf("social: look a block up: %w", err)
	}
	return blockers, nil
}
