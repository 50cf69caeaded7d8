package account_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/rest"
)

func TestListOfUsers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *people) {
		for _, name := range []string{"anna", "annika", "bert", "cora"} {
			p.made(name, auth.RoleUser)
		}
		chief, guard := p.made("chief", auth.RoleAdmin), p.made("guard", auth.RoleModerator)
		n := newUser("dora")
		n.Email = "anna@example.org" // as she says
		_, _, err := p.Signup(t.Context(), n, "")
		require.NoError(t, err)
		byName := func(name string) account.User {
			page, err := p.List(t.Context(), account.Filter{Search: name}, "", 100)
			require.NoError(t, err)
			return page.Items[0]
		}
		_, err = p.Suspend(as(t, chief), byName("bert").ID, anyVersion, "x")
		require.NoError(t, err)
		_, err = p.Suspend(as(t, chief), guard.ID, anyVersion, "x")
		require.NoError(t, err)
		_, err = p.DeleteFor(as(t, chief), byName("cora").ID, anyVersion)
		require.NoError(t, err)

		for want, f := range map[string]account.Filter{
			"dora guard chief cora bert annika anna": {},
			"dora annika anna":                       {Search: " ANN"},
			"dora anna":                              {Search: "anna@"},
			"anna":                                   {Search: "anna", State: account.StateActive},
			"chief":                                  {Role: "admin"},
			"guard":                                  {Role: "moderator"},
			"dora cora bert annika anna":             {Role: "user"},
			"guard bert":                             {State: account.StateSuspended},
			"bert":                                   {State: account.StateSuspended, Role: "user"},
			"cora":                                   {State: account.StateDeleted},
			"dora":                                   {State: account.StateUnconfirmed},
			"chief annika anna":                      {State: account.StateActive},
			"dora annika":                            {Search: "ann", Role: "user", State: ""},
			"":                                       {Search: "\x00"},
		} {
			if f.Search == "ann" { // those whose names begin so, and hers whose address does
				want = "dora annika anna"
			}
			for _, limit := range []int{1, 2, 100} {
				require.Equal(t, strings.Fields(want), walk(t, p, f, limit), "%+v by %d", f, limit)
			}
		}
		for _, search := range []string{"%", "_nna", "'", "nobody", strings.Repeat("x", 254), "\xff"} {
			require.Empty(t, walk(t, p, account.Filter{Search: search}, 10), search)
		}
		_, err = p.List(t.Context(), account.Filter{}, "nonsense", 10)
		require.ErrorIs(t, err, rest.ErrBadCursor)
	})
}

// walk turns the pages of a list to its end and back, and returns whom it lists.
func walk(t *testing.T, p *people, f account.Filter, limit int) []string {
	t.Helper()
	names := []string{}
	read := func(cursor string) rest.Page[account.User] {
		page, err := p.List(t.Context(), f, cursor, limit)
		require.NoError(t, err)
		return page
	}
	page := read("")
	pages := [][]account.User{page.Items}
	for page.Next != "" {
		page = read(page.Next)
		pages = append(pages, page.Items)
	}
	for _, items := range slices.Backward(pages[:len(pages)-1]) {
		page = read(page.Prev)
		require.Equal(t, items, page.Items, "back again")
	}
	for _, items := range pages {
		for _, u := range items {
			names = append(names, u.Username)
		}
	}
	return names
}
