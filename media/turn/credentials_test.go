package turn

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 500, time.UTC)

func TestCredentialsAreThoseOfTheDraft(t *testing.T) {
	t.Parallel()
	c := Credentials{Secret: []byte("0123456789abcdef"), TTL: time.Hour, Now: func() time.Time { return noon }}
	require.NoError(t, c.Validate())
	username, password, expires := c.For("mallory")
	require.Equal(t, noon.Add(time.Hour).Truncate(time.Second), expires)
	require.Equal(t, "1777640400:mallory", username)
	// printf %s "$username" | openssl dgst -sha1 -hmac "$secret" -binary | base64
	require.Equal(t, "KJQ3zPVDgkMoFx7qd//ZZ1Kzpoo=", password)

	user, until, ok := parseUsername(username)
	require.True(t, ok)
	require.Equal(t, "mallory", user)
	require.True(t, until.Equal(expires))
}

func TestWeakCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	require.Error(t, Credentials{Secret: []byte("short"), TTL: time.Hour}.Validate())
	require.Error(t, Credentials{Secret: []byte("0123456789abcdef")}.Validate())
}

func TestUserNames(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"1777640400:anna":    true,
		"1777640400:a:b":     true, // the rest is the user
		"":                   false,
		":":                  false,
		"1777640400":         false,
		"1777640400:":        false,
		":anna":              false,
		"-5:anna":            false,
		"+5:anna":            false,
		"1e9:anna":           false,
		"9999999999999:anna": false,
		"1777640400:" + strings.Repeat("a", maxUsername): false,
	}
	for name, want := range tests {
		_, _, ok := parseUsername(name)
		require.Equal(t, want, ok, "%q", name)
	}
}

func FuzzParseUsername(f *testing.F) {
	for _, s := range []string{"", ":", "1777640400:anna", "x:y", "00000000000000000001:a", "1777640400:\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		user, expires, ok := parseUsername(name)
		if !ok {
			return
		}
		if user == "" || expires.Unix() < 0 || !strings.HasSuffix(name, ":"+user) {
			t.Fatalf("%q is %q until %s", name, user, expires)
		}
	})
}
