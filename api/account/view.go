package account

import (
	"time"

	"bandstand/api/rest"
)

// MeView is an account as its owner sees it.
type MeView struct {
	ID             string            `json:"id" format:"uuid"`
	Username       string            `json:"username" example:"ada"`
	DisplayName    string            `json:"display_name" doc:"Shown in place of the username; empty for the username." example:"Ada Lovelace"`
	Email          string            `json:"email" format:"email" example:"ada@example.org"`
	EmailConfirmed bool              `json:"email_confirmed" doc:"Whether the address has been confirmed."`
	Role           string            `json:"role" enum:"user,moderator,admin" doc:"What the person may do on the whole instance."`
	Bio            string            `json:"bio"`
	Links          []ProfileLink     `json:"links" nullable:"false"`
	Avatar         *rest.PictureView `json:"avatar,omitempty"`
	CreatedAt      time.Time         `json:"created_at"`
}

// UserView is an account as everyone sees it.
type UserView struct {
	ID          string            `json:"id" format:"uuid"`
	Username    string            `json:"username" example:"ada"`
	DisplayName string            `json:"display_name" doc:"Shown in place of the username; empty for the username." example:"Ada Lovelace"`
	Bio         string            `json:"bio"`
	Links       []ProfileLink     `json:"links" nullable:"false"`
	Avatar      *rest.PictureView `json:"avatar,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
}

// AdminUserView is an account as the staff sees it.
type AdminUserView struct {
	ID                string     `json:"id" format:"uuid"`
	Username          string     `json:"username" example:"ada"`
	DisplayName       string     `json:"display_name" example:"Ada Lovelace"`
	Email             string     `json:"email" format:"email" example:"ada@example.org"`
	EmailConfirmedAt  *time.Time `json:"email_confirmed_at,omitempty" doc:"Absent while the person only says that the address is theirs."`
	Role              string     `json:"role" enum:"user,moderator,admin"`
	State             string     `json:"state" enum:"active,unconfirmed,suspended,deleted" doc:"What the account can be used for."`
	CreatedAt         time.Time  `json:"created_at"`
	PasswordChangedAt *time.Time `json:"password_changed_at,omitempty"`
	SuspendedAt       *time.Time `json:"suspended_at,omitempty"`
	SuspendedReason   string     `json:"suspended_reason,omitempty" doc:"As the person was told."`
	DeletedAt         *time.Time `json:"deleted_at,omitempty"`
	RestoreUntil      *time.Time `json:"restore_until,omitempty" doc:"When a deleted account is erased for good."`
}

// InviteView is an invite without its code.
type InviteView struct {
	ID        string     `json:"id" format:"uuid"`
	Hint      string     `json:"hint" doc:"Last characters of the code." example:"x4qa"`
	Note      string     `json:"note" doc:"For the staff." example:"For the crew of the festival"`
	MaxUses   int64      `json:"max_uses"`
	Uses      int64      `json:"uses" doc:"How many accounts have been made with it."`
	CreatedBy string     `json:"created_by,omitempty" doc:"Username; absent if that account is gone."`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

func viewOfMe(u User) MeView {
	return MeView{
		ID: u.ID.String(), Username: u.Username, DisplayName: u.DisplayName,
		Email: u.Email, EmailConfirmed: !u.EmailConfirmedAt.IsZero(), Role: string(u.Role),
		Bio: u.Bio, Links: listed(u.Links), Avatar: rest.Picture(rest.Avatar, u.AvatarID), CreatedAt: u.CreatedAt,
	}
}

func viewOfUser(u User) UserView {
	return UserView{
		ID: u.ID.String(), Username: u.Username, DisplayName: u.DisplayName,
		Bio: u.Bio, Links: listed(u.Links), Avatar: rest.Picture(rest.Avatar, u.AvatarID), CreatedAt: u.CreatedAt,
	}
}

func viewOfAdminUser(u User) AdminUserView {
	return AdminUserView{
		ID: u.ID.String(), Username: u.Username, DisplayName: u.DisplayName,
		Email: u.Email, EmailConfirmedAt: unlessZero(u.EmailConfirmedAt),
		Role: string(u.Role), State: u.State(), CreatedAt: u.CreatedAt,
		PasswordChangedAt: unlessZero(u.PasswordChangedAt),
		SuspendedAt:       unlessZero(u.SuspendedAt), SuspendedReason: u.SuspendedReason,
		DeletedAt: unlessZero(u.DeletedAt), RestoreUntil: unlessZero(u.RestoreUntil()),
	}
}

func viewOfInvite(i Invite) InviteView {
	return InviteView{
		ID: i.ID.String(), Hint: i.Hint, Note: i.Note, MaxUses: i.MaxUses, Uses: i.Uses, CreatedBy: i.CreatedBy,
		CreatedAt: i.CreatedAt, ExpiresAt: unlessZero(i.ExpiresAt), RevokedAt: unlessZero(i.RevokedAt),
	}
}

func listed(links []ProfileLink) []ProfileLink {
	if links == nil {
		return []ProfileLink{}
	}
	return links
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
