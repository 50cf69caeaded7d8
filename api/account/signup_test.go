package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestSignupWithoutMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		n := newUser("Ada")
		n.Email, n.DisplayName = "Ada@Example.org", "  Ada   Lovelace "
		n.Role = auth.RoleAdmin // not for strangers to say
		ada, confirm, err := p.Signup(t.Context(), n, "")
		require.NoError(t, err)
		require.False(t, confirm)
		require.Equal(t, account.StateActive, ada.State())
		require.Equal(t, auth.RoleUser, ada.Role)
		require.Equal(t, "Ada Lovelace", ada.DisplayName)
		got, err := p.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		require.Equal(t, ada, got)
		for _, login := range []string{"Ada", "ada", "ADA@example.ORG"} {
			require.True(t, p.canLogIn(login, password), login)
		}
		for _, test := range [][2]string{{"ada", "Correct horse"}, {"ada", ""}, {"eve", password}, {"eve@example.org", password}, {"", ""}} {
			require.False(t, p.canLogIn(test[0], test[1]), test[0])
		}
	}, withoutMail)
}

func TestSignupRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		_, _, err := p.Signup(t.Context(), newUser("ada-1"), "")
		require.NoError(t, err)
		for name, test := range map[string]struct {
			change func(*account.NewUser)
			want   error
		}{
			"same name":             {func(n *account.NewUser) { n.Username = "ADA-1" }, account.ErrUsernameTaken},
			"name that looks alike": {func(n *account.NewUser) { n.Username = "AdaI" }, account.ErrUsernameTaken},
			"same address":          {func(n *account.NewUser) { n.Email = "ADA-1@example.org" }, account.ErrEmailTaken},
			"name of the server":    {func(n *account.NewUser) { n.Username = "Adm1n" }, account.ErrUsernameTaken},
			"name too short":        {func(n *account.NewUser) { n.Username = "e" }, account.ErrBadUsername},
			"name too long":         {func(n *account.NewUser) { n.Username = strings.Repeat("e", 33) }, account.ErrBadUsername},
			"name like an address":  {func(n *account.NewUser) { n.Username = "eve@example.org" }, account.ErrBadUsername},
			"name with a line":      {func(n *account.NewUser) { n.Username = "eve\n" }, account.ErrBadUsername},
			"no address":            {func(n *account.NewUser) { n.Email = "" }, account.ErrBadEmail},
			"address with a name":   {func(n *account.NewUser) { n.Email = "Eve <eve@example.org>" }, account.ErrBadEmail},
			"address with lines":    {func(n *account.NewUser) { n.Email = "eve@example.org\r\nBcc: x@example.org" }, account.ErrBadEmail},
			"address too long":      {func(n *account.NewUser) { n.Email = strings.Repeat("e", 250) + "@example.org" }, account.ErrBadEmail},
			"password too short":    {func(n *account.NewUser) { n.Password = "1234567" }, account.ErrBadPassword},
			"common password":       {func(n *account.NewUser) { n.Password = "Password1" }, account.ErrCommonPassword},
			"display name":          {func(n *account.NewUser) { n.DisplayName = "Ada\u202eecalevoL" }, account.ErrBadDisplayName},
		} {
			n := newUser("eve")
			test.change(&n)
			_, _, err := p.Signup(t.Context(), n, "")
			require.ErrorIs(t, err, test.want, name)
		}
	}, withoutMail)
}

func TestSignupOnceTheAddressIsConfirmed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		ada, confirm, err := p.Signup(t.Context(), newUser("ada"), "")
		require.NoError(t, err)
		require.True(t, confirm)
		require.Equal(t, account.StateUnconfirmed, ada.State())
		require.False(t, p.canLogIn("ada", password))

		mails := p.mail.take()
		require.Len(t, mails, 1)
		require.Equal(t, mail.ConfirmEmail, mails[0].Template)
		require.Equal(t, "ada@example.org", mails[0].To)
		require.True(t, strings.HasPrefix(mails[0].Data.Path, "/account/confirm#token=bsm_"), mails[0].Data.Path)
		token := tokenOf(t, mails[0])
		for _, bad := range []string{"", "bsm_", token[:len(token)-1], token + "a", "bsm_" + strings.Repeat("a", 32), strings.ToUpper(token)} {
			require.ErrorIs(t, p.ConfirmEmail(t.Context(), bad), account.ErrBadLink)
		}
		require.ErrorIs(t, p.ResetPassword(t.Context(), token, "another horse"), account.ErrBadLink, "it is for something else")

		require.NoError(t, p.ConfirmEmail(t.Context(), token))
		require.ErrorIs(t, p.ConfirmEmail(t.Context(), token), account.ErrBadLink, "once")
		require.True(t, p.canLogIn("ada@example.org", password))
		got, err := p.Public(t.Context(), "ADA")
		require.NoError(t, err)
		require.Equal(t, ada.ID, got.ID)
	})
}

func TestLinksExpire(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		_, _, err := p.Signup(t.Context(), newUser("ada"), "")
		require.NoError(t, err)
		token := tokenOf(t, p.mail.take()[0])
		p.now.pass(48*time.Hour + time.Second)
		require.ErrorIs(t, p.ConfirmEmail(t.Context(), token), account.ErrBadLink)
	})
}

func TestOneOfManyConfirmsWithALink(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		_, _, err := p.Signup(t.Context(), newUser("ada"), "")
		require.NoError(t, err)
		token := tokenOf(t, p.mail.take()[0])
		require.Equal(t, 1, winners(t, 8, func() error { return p.ConfirmEmail(t.Context(), token) }, account.ErrBadLink))
	})
}

// winners runs do in so many goroutines and returns how many succeed. The others must
// fail with one of outcomes.
func winners(t *testing.T, n int, do func() error, outcomes ...error) int {
	t.Helper()
	errs := make(chan error, n)
	var all sync.WaitGroup
	for range n {
		all.Go(func() { errs <- do() })
	}
	all.Wait()
	close(errs)
	won := 0
	for err := range errs {
		known := err == nil
		for _, outcome := range outcomes {
			known = known || errors.Is(err, outcome)
		}
		require.True(t, known, "%v", err)
		if err == nil {
			won++
		}
	}
	return won
}

func TestSignupTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		p.made("ada", auth.RoleUser)
		free, taken := newUser("eve-free"), newUser("eve-taken")
		taken.Email = "ADA@example.org"
		one, confirmOne, err := p.Signup(t.Context(), free, "")
		require.NoError(t, err)
		two, confirmTwo, err := p.Signup(t.Context(), taken, "")
		require.NoError(t, err)
		require.Equal(t, confirmOne, confirmTwo)
		require.Equal(t, one.State(), two.State())

		mails := p.mail.take()
		require.Len(t, mails, 2)
		require.Equal(t, mail.SignupExists, mails[1].Template)
		require.Equal(t, "ada@example.org", mails[1].To, "the address as its owner wrote it")
		require.Equal(t, "ada", mails[1].Data.Name)
		require.Equal(t, "/account/forgot", mails[1].Data.Path, "nothing in it opens an account")

		for _, name := range []string{"eve-free", "eve-taken"} { // what a stranger could try next
			require.False(t, p.canLogIn(name, password), name)
			_, _, err := p.Signup(t.Context(), newUser(name), "")
			require.ErrorIs(t, err, account.ErrUsernameTaken, name)
			_, err = p.Public(t.Context(), name)
			require.NoError(t, err, name)
		}
		require.True(t, p.canLogIn("ada@example.org", password))
		p.now.pass(2 * time.Minute)
		p.mail.take()
		require.NoError(t, p.ResendConfirmation(t.Context(), "eve-taken"))
		require.NoError(t, p.Forgot(t.Context(), "eve-taken"))
		for _, m := range p.mail.take() {
			require.Empty(t, m.To, "the owner of the address gets no link to the account of another")
		}
	})
}

func TestWhoConfirmsFirstHasTheAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		squatter, owner := newUser("squatter"), newUser("ada")
		squatter.Email = owner.Email
		_, _, err := p.Signup(t.Context(), squatter, "")
		require.NoError(t, err)
		_, _, err = p.Signup(t.Context(), owner, "")
		require.NoError(t, err, "an address that is only claimed keeps nobody out")
		mails := p.mail.take()
		require.Len(t, mails, 2)
		require.Equal(t, "squatter", mails[0].Data.Name, "the mail says which account it is for")
		require.NoError(t, p.ConfirmEmail(t.Context(), tokenOf(t, mails[1])))
		require.ErrorIs(t, p.ConfirmEmail(t.Context(), tokenOf(t, mails[0])), account.ErrBadLink)
		require.True(t, p.canLogIn(owner.Email, password))
		require.False(t, p.canLogIn("squatter", password))
	})
}

func TestNobodyIsBuriedInMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		p.made("ada", auth.RoleUser)
		for i := range 8 {
			n := newUser("eve" + string(rune('a'+i)))
			n.Email = "victim@example.org"
			_, _, err := p.Signup(t.Context(), n, "")
			require.NoError(t, err)
			n.Username, n.Email = "zoe"+string(rune('a'+i)), "ada@example.org"
			_, _, err = p.Signup(t.Context(), n, "")
			require.NoError(t, err)
		}
		sent := map[string]int{}
		for _, m := range p.mail.take() {
			sent[m.To]++
		}
		require.Equal(t, map[string]int{"victim@example.org": 5, "ada@example.org": 1, "": 10}, sent)
	})
}

func TestSignupPolicies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[account.FixedPolicy]error{
		account.SignupOpen: nil, account.SignupClosed: account.ErrSignupClosed,
		account.SignupInvite: account.ErrBadInvite, "nonsense": account.ErrSignupClosed,
	} {
		p := newPeople(t, dbtest.SQLite(t), func(cfg *account.Config) { cfg.Policy = policy })
		_, _, err := p.Signup(t.Context(), newUser("ada"), "")
		require.ErrorIs(t, err, want, policy)
	}
}

func TestFirstStartMakesOneAdmin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		var (
			mu        sync.Mutex
			passwords []string
		)
		winners(t, 3, func() error { // nodes that start together
			password, created, err := p.EnsureAdmin(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if created {
				passwords = append(passwords, password)
			}
			return err
		})
		require.Len(t, passwords, 1)
		require.True(t, p.canLogIn("admin", passwords[0]))
		admin, err := p.Admin(t.Context())
		require.NoError(t, err)
		require.Equal(t, auth.RoleAdmin, admin.Role)
		_, created, err := p.EnsureAdmin(t.Context())
		require.NoError(t, err)
		require.False(t, created)
	})
}

func TestFirstAdminIsNotMissedInSilence(t *testing.T) {
	t.Parallel()
	p := newPeople(t, dbtest.SQLite(t), withoutMail)
	n := newUser("ada")
	n.Email = "admin@localhost"
	_, _, err := p.Signup(t.Context(), n, "")
	require.NoError(t, err)
	_, created, err := p.EnsureAdmin(t.Context())
	require.ErrorIs(t, err, account.ErrEmailTaken)
	require.False(t, created)
}

func TestServiceNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := account.NewService(account.Config{})
	require.Error(t, err)
	_, err = account.NewPurger(account.PurgerConfig{})
	require.Error(t, err)
	var d *db.DB
	_, err = account.NewService(account.Config{DB: d})
	require.Error(t, err)
}
