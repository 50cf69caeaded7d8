package account

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// User is an account, deleted or not. Times are zero for what has not happened.
type User struct {
	ID               uuid.UUID
	Username         string
	DisplayName      string
	Email            string
	EmailConfirmedAt time.Time
	Role             auth.Role
	Bio              string
	Links            []ProfileLink
	AvatarID         uuid.UUID // uuid.Nil for none

	CreatedAt         time.Time
	PasswordChangedAt time.Time
	SuspendedAt       time.Time
	SuspendedReason   string
	DeletedAt         time.Time
	Version           int64
}

// States of an account: the first of these that is true.
const (
	StateDeleted     = "deleted"
	StateSuspended   = "suspended"
	StateUnconfirmed = "unconfirmed" // its address is
	StateActive      = "active"
)

// State returns what the account can be used for. The index of users knows the same.
func (u User) State() string {
	switch {
	case !u.DeletedAt.IsZero():
		return StateDeleted
	case !u.SuspendedAt.IsZero():
		return StateSuspended
	case u.EmailConfirmedAt.IsZero():
		return StateUnconfirmed
	}
	return StateActive
}

// RestoreUntil returns when a deleted account is erased for good; zero for others.
func (u User) RestoreUntil() time.Time {
	if u.DeletedAt.IsZero() {
		return time.Time{}
	}
	return u.DeletedAt.Add(RestoreWindow)
}

func userOf(row store.User) (User, error) {
	u := User{
		ID: row.ID, Username: row.Username, DisplayName: row.DisplayName,
		Email: row.Email, EmailConfirmedAt: timeOf(row.EmailConfirmedAt),
		Role: auth.Role(row.Role), Bio: row.Bio, AvatarID: row.AvatarID.UUID,
		CreatedAt: row.CreatedAt.Time, PasswordChangedAt: timeOf(row.PasswordChangedAt),
		SuspendedAt: timeOf(row.SuspendedAt), SuspendedReason: row.SuspendedReason,
		DeletedAt: timeOf(row.DeletedAt), Version: row.Version,
	}
	if row.Links != nil {
		if err := json.Unmarshal(row.Links, &u.Links); err != nil {
			return User{}, fmt.Errorf("account: read the links of a user: %w", err)
		}
	}
	return u, nil
}

func usersOf(rows []store.User) ([]User, error) {
	users := make([]User, 0, len(rows))
	for _, row := range rows {
		u, err := userOf(row)
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}

func timeOf(t *column.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
