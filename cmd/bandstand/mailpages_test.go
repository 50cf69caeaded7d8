package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// formSeen is what a page with a form says after it was sent.
type formSeen struct {
	OK                    bool
	Title, Alert, Address string
	Errors                []string
}

// sendsForm opens a page of the client in a browser, types into the first field, and
// sends the form.
func sendsForm(t *testing.T, url, text string) (seen formSeen) {
	t.Helper()
	out, err := webScript(t.Context(), t, "e2e/form.mjs", "--url", url, "--type", text).Output()
	require.NoError(t, err, "%s", out)
	require.NoError(t, json.Unmarshal(out, &seen), "%s", out)
	require.Empty(t, seen.Errors)
	return seen
}

// TestBrowserOpensTheLinksOfMails confirms an address and chooses a new password with
// the pages that mails lead to.
func TestBrowserOpensTheLinksOfMails(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	const base, chosen = "https://live.example.org", "another horse battery"
	post, settings := openPostOffice(t)
	s := startServer(t, append(settings, "BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_PUBLIC_URL="+base)...)
	ada := map[string]string{"username": "ada", "email": "ada@example.org", "password": password}
	require.Equal(t, http.StatusAccepted, s.as(t, "", "POST", "/api/v1/auth/signup", ada, nil).code)

	confirm := post.brings(t, "ada@example.org", "Confirm").link(t, base)
	seen := sendsForm(t, s.URL("/account/confirm#token="+confirm), "")
	require.True(t, seen.OK, seen.Alert)
	require.Equal(t, "/account/confirm", seen.Address, "no token stays in the address bar")
	s.logsIn(t, "ada", password)

	seen = sendsForm(t, s.URL("/account/confirm#token="+confirm), "")
	require.False(t, seen.OK, "a link is good once")
	require.Contains(t, seen.Alert, "This link is not good")

	require.True(t, sendsForm(t, s.URL("/account/forgot"), "ada").OK)
	reset := post.brings(t, "ada@example.org", "Choose a new password").link(t, base)
	seen = sendsForm(t, s.URL("/account/reset#token="+reset), "12345678")
	require.False(t, seen.OK, "the password is a common one")
	seen = sendsForm(t, s.URL("/account/reset#token="+reset), chosen)
	require.True(t, seen.OK, "%s", seen.Alert)
	require.Equal(t, "/account/reset", seen.Address)
	s.logsIn(t, "ada", chosen)

	for _, token := range []string{confirm, reset, chosen} {
		require.NotContains(t, s.Log(), token)
	}
}
