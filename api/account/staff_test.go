package account_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/api/rest"
)

var anyVersion = rest.IfMatch{}

func TestStaffMakesAccounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		admin := p.made("chief", auth.RoleAdmin)
		n := newUser("grace")
		n.Password = ""
		grace, err := p.Create(as(t, admin), n)
		require.NoError(t, err)
		require.Equal(t, account.StateActive, grace.State())
		require.Equal(t, auth.RoleUser, grace.Role)
		mails := p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.AccountCreated, mails[0].Template)
		p.now.pass(6 * 24 * time.Hour)
		require.NoError(t, p.ResetPassword(t.Context(), tokenOf(t, mails[0]), "another horse"))
		require.True(t, p.canLogIn("grace", "another horse"))

		n = newUser("moderator") // reserved for the staff, who are these
		n.Role = auth.RoleModerator
		made, err := p.Create(as(t, admin), n)
		require.NoError(t, err)
		require.Equal(t, auth.RoleModerator, made.Role)
		n.Role = "emperor"
		_, err = p.Create(as(t, admin), n)
		require.ErrorIs(t, err, account.ErrBadRole)
		n.Role, n.Username = auth.RoleUser, "other"
		_, err = p.Create(as(t, admin), n)
		require.ErrorIs(t, err, account.ErrEmailTaken)
		n.Username, n.Email = "MODERATOR", "other@example.org"
		_, err = p.Create(as(t, admin), n)
		require.ErrorIs(t, err, account.ErrUsernameTaken)
		require.Equal(t, []string{"chief user.create grace", "chief user.create moderator"}, p.audited())
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		admin, ada := p.made("chief", auth.RoleAdmin), p.made("ada", auth.RoleUser)
		heard := make(chan string, 10)
		p.db.Subscribe(auth.TopicUser, func(key string) { heard <- key }, func() {})
		got, err := p.SetRole(as(t, admin), ada.ID, rest.IfMatch{IfMatch: rest.ETag(ada.Version)}, auth.RoleModerator)
		require.NoError(t, err)
		require.Equal(t, auth.RoleModerator, got.Role)
		require.Equal(t, ada.ID.String(), <-heard, "other nodes must not go on with the old role")
		_, err = p.SetRole(as(t, admin), ada.ID, rest.IfMatch{IfMatch: rest.ETag(ada.Version)}, auth.RoleAdmin)
		require.ErrorIs(t, err, rest.ErrChanged)
		_, err = p.SetRole(as(t, admin), admin.ID, anyVersion, auth.RoleUser)
		require.ErrorIs(t, err, account.ErrLastAdmin)
		_, err = p.SetRole(as(t, admin), uuid.New(), anyVersion, auth.RoleUser)
		require.ErrorIs(t, err, account.ErrNotFound)
		_, err = p.SetRole(as(t, admin), ada.ID, anyVersion, "emperor")
		require.ErrorIs(t, err, account.ErrBadRole)
		_, err = p.SetRole(as(t, admin), ada.ID, anyVersion, auth.RoleAdmin)
		require.NoError(t, err)
		_, err = p.SetRole(as(t, admin), admin.ID, anyVersion, auth.RoleUser)
		require.NoError(t, err, "there is another one now")
		_, err = p.Delete(as(t, ada), principal(ada, uuid.Nil), password)
		require.ErrorIs(t, err, account.ErrLastAdmin)

		_, err = p.SetRoleOf(t.Context(), "chief@example.org", auth.RoleAdmin)
		require.NoError(t, err)
		_, err = p.SetRoleOf(t.Context(), "nobody", auth.RoleAdmin)
		require.ErrorIs(t, err, account.ErrNotFound)
	})
}

// Of two admins who take each other's place at a time one stays.
func TestThereIsAlwaysAnAdmin(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(context.Context, *people, account.User, account.User) error{
		"demoted": func(ctx context.Context, p *people, _, other account.User) error {
			_, err := p.SetRole(ctx, other.ID, anyVersion, auth.RoleUser)
			return err
		},
		"suspended": func(ctx context.Context, p *people, _, other account.User) error {
			_, err := p.Suspend(ctx, other.ID, anyVersion, "a quarrel")
			return err
		},
		"deleted": func(ctx context.Context, p *people, _, other account.User) error {
			_, err := p.DeleteFor(ctx, other.ID, anyVersion)
			return err
		},
		"gone": func(ctx context.Context, p *people, me, _ account.User) error {
			_, err := p.Delete(ctx, principal(me, uuid.Nil), password)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, p *people) {
				admins := make([]account.User, 3)
				for i := range admins {
					admins[i] = p.made(fmt.Sprint("chief", i), auth.RoleAdmin)
				}
				errs := make(chan error, len(admins))
				var all sync.WaitGroup
				for i, me := range admins {
					all.Go(func() { errs <- leave(as(t, me), p, me, admins[(i+1)%len(admins)]) })
				}
				all.Wait()
				close(errs)
				refused := 0
				for err := range errs {
					if err != nil {
						require.ErrorIs(t, err, account.ErrLastAdmin)
						refused++
					}
				}
				require.Equal(t, 1, refused)
			})
		})
	}
}

func TestSuspension(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		admin, mod := p.made("chief", auth.RoleAdmin), p.made("guard", auth.RoleModerator)
		ada := p.made("ada", auth.RoleUser)
		phone := p.login(ada)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		p.mail.take()

		got, err := p.Suspend(as(t, mod), ada.ID, anyVersion, "  Spam   in chats ")
		require.NoError(t, err)
		require.Equal(t, account.StateSuspended, got.State())
		require.Equal(t, "Spam in chats", got.SuspendedReason)
		require.False(t, p.signedIn(phone))
		require.False(t, p.canLogIn("ada", password))
		_, err = p.Public(t.Context(), "ada")
		require.ErrorIs(t, err, account.ErrNotFound)
		mails := p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.Suspended, mails[0].Template)
		require.Equal(t, "Spam in chats", mails[0].Data.Reason)
		again, err := p.Suspend(as(t, mod), ada.ID, anyVersion, "Worse")
		require.NoError(t, err)
		require.Equal(t, got.SuspendedAt, again.SuspendedAt)
		require.Empty(t, p.mail.take())

		got, err = p.Reinstate(as(t, mod), ada.ID, anyVersion)
		require.NoError(t, err)
		require.Equal(t, account.StateActive, got.State())
		require.True(t, p.canLogIn("ada", password))
		_, err = p.Reinstate(as(t, mod), ada.ID, anyVersion)
		require.NoError(t, err, "there is nothing to do")

		_, err = p.Suspend(as(t, mod), admin.ID, anyVersion, "mutiny")
		require.ErrorIs(t, err, account.ErrStaffProtected)
		_, err = p.Suspend(as(t, mod), mod.ID, anyVersion, "remorse")
		require.ErrorIs(t, err, account.ErrYourself)
		_, err = p.Suspend(as(t, admin), mod.ID, anyVersion, "two\nlines")
		require.ErrorIs(t, err, account.ErrBadReason)
		_, err = p.Suspend(as(t, admin), mod.ID, anyVersion, "mutiny")
		require.NoError(t, err)
		other := p.made("guard2", auth.RoleModerator)
		_, err = p.Reinstate(as(t, other), mod.ID, anyVersion)
		require.ErrorIs(t, err, account.ErrStaffProtected)
		_, err = p.Suspend(as(t, admin), uuid.New(), anyVersion, "x")
		require.ErrorIs(t, err, account.ErrNotFound)
	})
}

func TestStaffDeletesAndRestores(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		admin, ada := p.made("chief", auth.RoleAdmin), p.made("ada", auth.RoleUser)
		phone := p.login(ada)
		got, err := p.DeleteFor(as(t, admin), ada.ID, anyVersion)
		require.NoError(t, err)
		require.Equal(t, account.StateDeleted, got.State())
		require.False(t, p.signedIn(phone))
		mails := p.mail.take()
		require.Equal(t, mail.AccountDeleted, mails[0].Template)
		require.Empty(t, mails[0].Data.Path, "the person cannot undo it")
		require.ErrorIs(t, p.Restore(t.Context(), "ada", "wrong horse"), account.ErrBadCredentials)
		require.ErrorIs(t, p.Restore(t.Context(), "ada", password), account.ErrDeletedByStaff)
		for name, do := range map[string]func() error{
			"delete":    func() error { _, err := p.DeleteFor(as(t, admin), ada.ID, anyVersion); return err },
			"suspend":   func() error { _, err := p.Suspend(as(t, admin), ada.ID, anyVersion, "x"); return err },
			"reinstate": func() error { _, err := p.Reinstate(as(t, admin), ada.ID, anyVersion); return err },
			"role":      func() error { _, err := p.SetRole(as(t, admin), ada.ID, anyVersion, auth.RoleAdmin); return err },
		} {
			require.ErrorIs(t, do(), account.ErrDeleted, name)
		}
		_, err = p.DeleteFor(as(t, admin), admin.ID, anyVersion)
		require.ErrorIs(t, err, account.ErrYourself)

		got, err = p.RestoreFor(as(t, admin), ada.ID, rest.IfMatch{IfMatch: rest.ETag(got.Version)})
		require.NoError(t, err)
		require.Equal(t, account.StateActive, got.State())
		require.True(t, p.canLogIn("ada", password))
		_, err = p.RestoreFor(as(t, admin), ada.ID, anyVersion)
		require.NoError(t, err)
	})
}

func TestPasswordFromTheCommandLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada, _, err := p.Signup(t.Context(), newUser("ada"), "")
		require.NoError(t, err)
		phone := p.login(ada)
		require.ErrorIs(t, p.SetPassword(t.Context(), "ada", "password1"), account.ErrCommonPassword)
		require.ErrorIs(t, p.SetPassword(t.Context(), "nobody", "another horse"), account.ErrNotFound)
		require.NoError(t, p.SetPassword(t.Context(), "ada", "another horse"))
		require.True(t, p.canLogIn("ada@example.org", "another horse"), "it counts as confirmed")
		require.False(t, p.signedIn(phone))
		require.Equal(t, []string{"system user.password ada"}, p.audited())

		n := newUser("eve")
		n.Email = ada.Email
		_, _, err = p.Signup(t.Context(), n, "")
		require.NoError(t, err)
		require.NoError(t, p.SetPassword(t.Context(), "eve", "another horse"))
		eve, err := p.Public(t.Context(), "eve")
		require.NoError(t, err)
		require.Equal(t, account.StateUnconfirmed, eve.State(), "the address stays ada's")
	})
}

func TestInvites(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		admin := p.made("chief", auth.RoleAdmin)
		invite, code, err := p.Invite(as(t, admin), account.NewInvite{
			Note: "For  the crew", MaxUses: 2, ExpiresAt: p.now.Now().Add(time.Hour), Email: "grace@example.org",
		})
		require.NoError(t, err)
		require.Equal(t, "For the crew", invite.Note)
		require.Equal(t, code[len(code)-4:], invite.Hint)
		mails := p.mail.take()
		require.Equal(t, mail.Invite, mails[0].Template)
		require.Equal(t, "/signup#invite="+code, mails[0].Data.Path)

		for _, bad := range []string{"", "bsi_", code[:len(code)-1], "bsi_mfrggzdfmztwq2lknnwg23tpobyxe43u"} {
			_, _, err := p.Signup(t.Context(), newUser("eve"), bad)
			require.ErrorIs(t, err, account.ErrBadInvite, bad)
		}
		names := make(chan string, 6)
		for i := range 6 {
			names <- fmt.Sprint("guest", i)
		}
		require.Equal(t, 2, winners(t, 6, func() error {
			_, _, err := p.Signup(t.Context(), newUser(<-names), " "+code+"\n")
			return err
		}, account.ErrBadInvite), "as often as it says")

		_, once, err := p.Invite(as(t, admin), account.NewInvite{ExpiresAt: p.now.Now().Add(time.Hour)})
		require.NoError(t, err)
		n := newUser("GUEST0")
		if _, err := p.db.Read().UserByUsername(t.Context(), "guest0"); err != nil {
			p.made("guest0", auth.RoleUser)
		}
		_, _, err = p.Signup(t.Context(), n, once)
		require.ErrorIs(t, err, account.ErrUsernameTaken)
		_, _, err = p.Signup(t.Context(), newUser("another"), once)
		require.NoError(t, err, "an invite is not used up by a sign-up that fails")

		last, code, err := p.Invite(as(t, admin), account.NewInvite{})
		require.NoError(t, err)
		require.NoError(t, p.RevokeInvite(as(t, admin), last.ID))
		require.NoError(t, p.RevokeInvite(as(t, admin), last.ID))
		require.ErrorIs(t, p.RevokeInvite(as(t, admin), uuid.New()), account.ErrInviteNotFound)
		_, _, err = p.Signup(t.Context(), newUser("late"), code)
		require.ErrorIs(t, err, account.ErrBadInvite)

		_, code, err = p.Invite(as(t, admin), account.NewInvite{ExpiresAt: p.now.Now().Add(time.Hour)})
		require.NoError(t, err)
		p.now.pass(2 * time.Hour)
		_, _, err = p.Signup(t.Context(), newUser("late"), code)
		require.ErrorIs(t, err, account.ErrBadInvite)
		for name, n := range map[string]account.NewInvite{
			"past": {ExpiresAt: p.now.Now().Add(-time.Hour)}, "many": {MaxUses: 10001}, "few": {MaxUses: -1}, "note": {Note: "a\nb"},
		} {
			_, _, err := p.Invite(as(t, admin), n)
			require.ErrorIs(t, err, account.ErrBadInviteTerms, name)
		}
		_, _, err = p.Invite(as(t, admin), account.NewInvite{Email: "nonsense"})
		require.ErrorIs(t, err, account.ErrBadEmail)

		first, err := p.Invites(t.Context(), "", 3)
		require.NoError(t, err)
		require.Len(t, first.Items, 3)
		second, err := p.Invites(t.Context(), first.Next, 3)
		require.NoError(t, err)
		require.Len(t, second.Items, 1)
		require.Equal(t, invite.ID, second.Items[0].ID)
		require.Equal(t, int64(2), second.Items[0].Uses)
		require.Equal(t, "chief", second.Items[0].CreatedBy)
		back, err := p.Invites(t.Context(), second.Prev, 3)
		require.NoError(t, err)
		require.Equal(t, first.Items, back.Items)
		_, err = p.Invites(t.Context(), "nonsense", 3)
		require.ErrorIs(t, err, rest.ErrBadCursor)
	}, func(cfg *account.Config) { cfg.Policy = account.FixedPolicy(account.SignupInvite) })
}
