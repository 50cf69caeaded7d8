package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestAskingForMailSaysNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		p.made("ada", auth.RoleUser)
		_, _, err := p.Signup(t.Context(), newUser("new"), "")
		require.NoError(t, err)
		p.mail.take()
		for login, want := range map[string][2]string{ // who gets the mails
			"ada":             {"", "ada@example.org"},
			"ADA@example.org": {"", "ada@example.org"},
			"new":             {"new@example.org", "new@example.org"},
			"NEW@example.org": {"new@example.org", "new@example.org"},
			"nobody":          {"", ""},
			"no@example.org":  {"", ""},
			"a\x00b":          {"", ""},
			"":                {"", ""},
		} {
			p.now.pass(2 * time.Hour)
			require.NoError(t, p.ResendConfirmation(t.Context(), login))
			require.NoError(t, p.Forgot(t.Context(), login))
			mails := p.mail.take()
			require.Len(t, mails, 2, "as much is done for nobody: %q", login)
			require.Equal(t, mail.ConfirmEmail, mails[0].Template)
			require.Equal(t, mail.ResetPassword, mails[1].Template)
			require.Equal(t, want, [2]string{mails[0].To, mails[1].To}, login)
		}
	})
}

func TestMailsOfOneKindKeepTheirDistance(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		p.made("ada", auth.RoleUser)
		sent := func() int {
			n := 0
			for _, m := range p.mail.take() {
				if m.To != "" {
					n++
				}
			}
			return n
		}
		for range 3 {
			require.NoError(t, p.Forgot(t.Context(), "ada"))
		}
		require.Equal(t, 1, sent())
		p.now.pass(61 * time.Second)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		require.Equal(t, 1, sent())

		p.now.pass(2 * time.Hour)
		require.Equal(t, 4, winners(t, 4, func() error { return p.Forgot(t.Context(), "ada") }))
		require.Equal(t, 1, sent(), "also of those who ask at a time")
	})
}

func TestPasswordRecovery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		eve := p.made("eve", auth.RoleUser)
		phone, elses := p.login(ada), p.login(eve)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		first := tokenOf(t, p.mail.take()[0])
		p.now.pass(2 * time.Minute)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		second := tokenOf(t, p.mail.take()[0])

		require.ErrorIs(t, p.ConfirmEmail(t.Context(), first), account.ErrBadLink)
		require.ErrorIs(t, p.ResetPassword(t.Context(), first, "short"), account.ErrBadPassword)
		require.ErrorIs(t, p.ResetPassword(t.Context(), first, "ada@example.org"), account.ErrBadPassword)
		require.NoError(t, p.ResetPassword(t.Context(), first, "another horse"), "a bad password does not use the link up")
		require.True(t, p.canLogIn("ada", "another horse"))
		require.False(t, p.canLogIn("ada", password))
		require.False(t, p.signedIn(phone), "whoever had the old password is out")
		require.True(t, p.signedIn(elses))
		require.ErrorIs(t, p.ResetPassword(t.Context(), first, "a third horse"), account.ErrBadLink)
		require.ErrorIs(t, p.ResetPassword(t.Context(), second, "a third horse"), account.ErrBadLink, "older mails are of no use")
		mails := p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.PasswordChanged, mails[0].Template)

		p.now.pass(2 * time.Minute)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		token := tokenOf(t, p.mail.take()[0])
		p.now.pass(time.Hour)
		require.ErrorIs(t, p.ResetPassword(t.Context(), token, "a third horse"), account.ErrBadLink, "an hour is over")
	})
}

func TestRecoveryConfirmsTheAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		_, _, err := p.Signup(t.Context(), newUser("ada"), "")
		require.NoError(t, err)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		mails := p.mail.take()
		require.Len(t, mails, 2)
		require.NoError(t, p.ResetPassword(t.Context(), tokenOf(t, mails[1]), "another horse"))
		require.True(t, p.canLogIn("ada@example.org", "another horse"))
	})
}

func TestRecoveryKeepsOutWhoHadATokenMade(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada, eve := p.made("ada", auth.RoleUser), p.made("eve", auth.RoleUser)
		kept := map[string]bool{}
		for name, user := range map[string]account.User{"ada": ada, "eve": eve} {
			kept[auth.HashSecret(name)] = name == "eve"
			require.NoError(t, p.db.Write().CreatePersonalToken(t.Context(), store.CreatePersonalTokenParams{
				ID: uuid.Must(uuid.NewV7()), UserID: user.ID, Label: "script", TokenHash: auth.HashSecret(name),
				Scopes: auth.ScopeRead, CreatedAt: column.At(p.now.Now()),
			}))
		}
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		require.NoError(t, p.ResetPassword(t.Context(), tokenOf(t, p.mail.take()[0]), "another horse"))
		for hash, good := range kept {
			_, err := p.db.Read().IdentityOfPersonalToken(t.Context(), hash)
			require.Equal(t, good, err == nil)
		}
	})
}

func TestOthersCannotKeepSomebodyFromRecovering(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		p.made("ada", auth.RoleUser)
		for _, name := range []string{"eve1", "eve2", "eve3", "eve4", "eve5", "eve6"} {
			_, err := p.ChangeEmail(t.Context(), principal(p.made(name, auth.RoleUser), uuid.Nil), password, "ada@example.org")
			require.NoError(t, err)
		}
		p.mail.take()
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		require.Equal(t, "ada@example.org", p.mail.take()[0].To)
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		here, there := p.login(ada), p.login(ada)
		require.NoError(t, p.Forgot(t.Context(), "ada"))
		link := tokenOf(t, p.mail.take()[0])
		me := principal(ada, here)
		require.ErrorIs(t, p.ChangePassword(t.Context(), me, "wrong horse", "another horse"), account.ErrWrongPassword)
		require.ErrorIs(t, p.ChangePassword(t.Context(), me, password, "12345678"), account.ErrCommonPassword)
		require.True(t, p.signedIn(there))

		require.NoError(t, p.ChangePassword(t.Context(), me, password, "another horse"))
		require.True(t, p.canLogIn("ada", "another horse"))
		require.True(t, p.signedIn(here))
		require.False(t, p.signedIn(there))
		require.ErrorIs(t, p.ResetPassword(t.Context(), link, "a third horse"), account.ErrBadLink)
		mails := p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.PasswordChanged, mails[0].Template)
		got, err := p.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		require.False(t, got.PasswordChangedAt.IsZero())

		gone := auth.Principal{UserID: uuid.New(), Role: auth.RoleUser}
		require.ErrorIs(t, p.ChangePassword(t.Context(), gone, password, "another horse"), account.ErrNotFound)
	})
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		p.made("eve", auth.RoleUser)
		me := principal(ada, uuid.Nil)
		change := func(email string) (bool, error) { return p.ChangeEmail(t.Context(), me, password, email) }
		_, err := p.ChangeEmail(t.Context(), me, "wrong horse", "ada@example.net")
		require.ErrorIs(t, err, account.ErrWrongPassword)
		_, err = change("nonsense")
		require.ErrorIs(t, err, account.ErrBadEmail)
		_, err = change("ada@example.org")
		require.ErrorIs(t, err, account.ErrSameEmail)

		for _, taken := range []bool{true, false} { // looks the same to whoever asks
			p.now.pass(2 * time.Minute)
			email := map[bool]string{true: "EVE@example.org", false: "ada@example.net"}[taken]
			confirm, err := change(email)
			require.NoError(t, err)
			require.True(t, confirm)
			_, err = change(email)
			require.ErrorIs(t, err, account.ErrTooSoon)
			require.Equal(t, time.Minute, rest.RetryAfter(err))
			got, err := p.Get(t.Context(), ada.ID)
			require.NoError(t, err)
			require.Equal(t, "ada@example.org", got.Email, "until it is confirmed")

			mails := p.mail.take()
			require.Len(t, mails, 2)
			require.Equal(t, mail.ChangeEmailNotice, mails[1].Template)
			require.Equal(t, "ada@example.org", mails[1].To)
			require.Equal(t, email, mails[1].Data.Address)
			if taken {
				require.Equal(t, mail.SignupExists, mails[0].Template)
				require.Equal(t, "eve@example.org", mails[0].To)
				require.NotContains(t, mails[0].Data.Path, "token")
				continue
			}
			require.Equal(t, mail.ChangeEmail, mails[0].Template)
			require.Equal(t, "ada@example.net", mails[0].To)
			require.NoError(t, p.ConfirmEmail(t.Context(), tokenOf(t, mails[0])))
		}
		require.True(t, p.canLogIn("ada@example.net", password))
		require.False(t, p.canLogIn("ada@example.org", password), "that address is free again")
		require.True(t, p.canLogIn("eve@example.org", password))
	})
}

func TestNoticeOfAnotherAddressCanStopIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		_, err := p.ChangeEmail(t.Context(), principal(ada, uuid.Nil), password, "thief@example.net")
		require.NoError(t, err)
		stolen := tokenOf(t, p.mail.take()[0])
		require.NoError(t, p.Forgot(t.Context(), "ada@example.org"))
		require.NoError(t, p.ResetPassword(t.Context(), tokenOf(t, p.mail.take()[0]), "another horse"))
		require.ErrorIs(t, p.ConfirmEmail(t.Context(), stolen), account.ErrBadLink)
	})
}

func TestAddressThatWasConfirmedByAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada, eve := p.made("ada", auth.RoleUser), p.made("eve", auth.RoleUser)
		tokens := []string{}
		for _, user := range []account.User{ada, eve} {
			_, err := p.ChangeEmail(t.Context(), principal(user, uuid.Nil), password, "shared@example.net")
			require.NoError(t, err)
			tokens = append(tokens, tokenOf(t, p.mail.take()[0]))
		}
		require.NoError(t, p.ConfirmEmail(t.Context(), tokens[1]))
		require.ErrorIs(t, p.ConfirmEmail(t.Context(), tokens[0]), account.ErrBadLink)
		require.True(t, p.canLogIn("ada@example.org", password), "nothing has changed for the other")
	})
}

func TestWithoutMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		p.made("eve", auth.RoleUser)
		require.ErrorIs(t, p.Forgot(t.Context(), "ada"), account.ErrMailOff)
		require.ErrorIs(t, p.ResendConfirmation(t.Context(), "ada"), account.ErrMailOff)
		_, err := p.ChangeEmail(t.Context(), principal(ada, uuid.Nil), password, "Eve@example.org")
		require.ErrorIs(t, err, account.ErrEmailTaken)
		confirm, err := p.ChangeEmail(t.Context(), principal(ada, uuid.Nil), password, "Ada@example.net")
		require.NoError(t, err)
		require.False(t, confirm)
		require.True(t, p.canLogIn("ada@example.net", password))
		require.NoError(t, p.ChangePassword(t.Context(), principal(ada, uuid.Nil), password, "another horse"))
		_, err = p.Delete(t.Context(), principal(ada, uuid.Nil), "another horse")
		require.NoError(t, err)
		n := newUser("grace")
		n.Password = ""
		_, err = p.Create(t.Context(), n)
		require.ErrorIs(t, err, account.ErrBadPassword, "nobody would hear of it")
	}, withoutMail)
}

func TestProfile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada := p.made("ada", auth.RoleUser)
		text := func(s string) *string { return &s }
		links := []account.ProfileLink{{Label: " My  site", URL: "https://ada.example.org/a b"}}
		got, err := p.UpdateProfile(t.Context(), ada.ID, rest.IfMatch{}, account.ProfileChange{
			DisplayName: text("Ada"), Bio: text("One\r\n\n\n\ntwo  "), Links: &links,
		})
		require.NoError(t, err)
		require.Equal(t, "One\n\ntwo", got.Bio)
		require.Equal(t, []account.ProfileLink{{Label: "My site", URL: "https://ada.example.org/a%20b"}}, got.Links)
		require.Equal(t, ada.Version+1, got.Version)
		again, err := p.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		require.Equal(t, got, again)

		stale := rest.IfMatch{IfMatch: rest.ETag(ada.Version)}
		_, err = p.UpdateProfile(t.Context(), ada.ID, stale, account.ProfileChange{Bio: text("")})
		require.ErrorIs(t, err, rest.ErrChanged)
		got, err = p.UpdateProfile(t.Context(), ada.ID, rest.IfMatch{IfMatch: rest.ETag(got.Version)}, account.ProfileChange{Bio: text("")})
		require.NoError(t, err)
		require.Empty(t, got.Bio)
		require.Equal(t, "Ada", got.DisplayName, "what is absent stays")

		for name, test := range map[string]struct {
			change account.ProfileChange
			want   error
		}{
			"name of two lines": {account.ProfileChange{DisplayName: text("a\nb")}, account.ErrBadDisplayName},
			"long name":         {account.ProfileChange{DisplayName: text(strings.Repeat("x", 51))}, account.ErrBadDisplayName},
			"long bio":          {account.ProfileChange{Bio: text(strings.Repeat("x", 1001))}, account.ErrBadBio},
			"bio with a bell":   {account.ProfileChange{Bio: text("ding\a")}, account.ErrBadBio},
			"script":            {account.ProfileChange{Links: &[]account.ProfileLink{{Label: "x", URL: "javascript:alert(1)"}}}, account.ErrBadLinks},
			"password in it":    {account.ProfileChange{Links: &[]account.ProfileLink{{Label: "x", URL: "https://a:b@example.org"}}}, account.ErrBadLinks},
			"no label":          {account.ProfileChange{Links: &[]account.ProfileLink{{Label: " ", URL: "https://example.org"}}}, account.ErrBadLinks},
			"many":              {account.ProfileChange{Links: &[]account.ProfileLink{10: {}}}, account.ErrBadLinks},
		} {
			_, err := p.UpdateProfile(t.Context(), ada.ID, rest.IfMatch{}, test.change)
			require.ErrorIs(t, err, test.want, name)
		}
		require.Equal(t, 4, winners(t, 4, func() error {
			_, err := p.UpdateProfile(t.Context(), ada.ID, rest.IfMatch{}, account.ProfileChange{Bio: text("racing")})
			return err
		}), "nobody who insists on no version is refused")
		current, err := p.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		insists := rest.IfMatch{IfMatch: rest.ETag(current.Version)}
		require.Equal(t, 1, winners(t, 4, func() error {
			_, err := p.UpdateProfile(t.Context(), ada.ID, insists, account.ProfileChange{Bio: text("racing")})
			return err
		}, rest.ErrChanged))
		_, err = p.UpdateProfile(t.Context(), uuid.New(), rest.IfMatch{}, account.ProfileChange{})
		require.ErrorIs(t, err, account.ErrNotFound)
	})
}

func TestNamesThatNobodyHas(t *testing.T) {
	t.Parallel()
	p := newPeople(t, dbtest.SQLite(t))
	for _, name := range []string{"ada", "", "a\x00b", "../ada", strings.Repeat("x", 1000)} {
		_, err := p.Public(t.Context(), name)
		require.ErrorIs(t, err, account.ErrNotFound, name)
	}
}
