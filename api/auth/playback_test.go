package auth_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

func newPlayback(t testing.TB, at time.Time, secret []byte, previous ...[]byte) *auth.Playback {
	t.Helper()
	p, err := auth.NewPlayback(auth.PlaybackConfig{Secret: secret, Previous: previous, Now: func() time.Time { return at }})
	require.NoError(t, err)
	return p
}

func TestPlaybackTokensOpenOneChannelForAWhile(t *testing.T) {
	t.Parallel()
	p := newPlayback(t, now, secret)
	token := p.Sign("demo", time.Minute)
	require.Regexp(t, `^[A-Za-z0-9_-]{1,100}$`, token)
	require.NoError(t, p.Verify("demo", token))
	require.ErrorIs(t, p.Verify("dem", token), auth.ErrBadToken)
	require.ErrorIs(t, p.Verify("demo2", token), auth.ErrBadToken)
	require.ErrorIs(t, p.Verify("", token), auth.ErrBadToken)
	require.NoError(t, newPlayback(t, now.Add(59*time.Second), secret).Verify("demo", token))
	late := newPlayback(t, now.Add(time.Minute), secret)
	require.ErrorIs(t, late.Verify("demo", token), auth.ErrPassExpired)
	require.ErrorIs(t, late.Verify("other", token), auth.ErrBadToken, "of another channel it is not told that it was good")
	require.ErrorIs(t, p.Verify("demo", p.Sign("demo", -time.Hour)), auth.ErrPassExpired)
	require.NoError(t, p.Verify("demo", p.Sign("demo", 1<<62)), "as long as there are numbers")

	ada := uuid.Must(uuid.NewV7())
	pass, err := p.Read("demo", p.SignFor(ada, "demo", time.Hour))
	require.NoError(t, err)
	require.Equal(t, auth.Pass{UserID: ada, Expires: now.Add(time.Hour)}, pass)
}

func TestPlaybackSecretCanBeChanged(t *testing.T) {
	t.Parallel()
	next := []byte(strings.Repeat("n", 32))
	token := newPlayback(t, now, secret).Sign("demo", time.Hour)
	require.NoError(t, newPlayback(t, now, next, []byte("eight-letters"), secret).Verify("demo", token))
	require.ErrorIs(t, newPlayback(t, now, next).Verify("demo", token), auth.ErrBadToken)
	_, err := auth.NewPlayback(auth.PlaybackConfig{Secret: []byte("short")})
	require.Error(t, err)
	_, err = auth.NewPlayback(auth.PlaybackConfig{Secret: secret, Previous: [][]byte{nil}})
	require.Error(t, err)
}

// TestPlaybackTokensHaveOneForm changes every character of a token in turn.
func TestPlaybackTokensHaveOneForm(t *testing.T) {
	t.Parallel()
	p := newPlayback(t, now, secret)
	token := p.Sign("demo", time.Hour)
	for i := range token {
		for _, other := range []string{"A", "B", "_", "=", "+", "\n", ""} {
			if other == token[i:i+1] {
				continue
			}
			require.ErrorIs(t, p.Verify("demo", token[:i]+other+token[i+1:]), auth.ErrBadToken)
		}
	}
	require.ErrorIs(t, p.Verify("demo", token+"="), auth.ErrBadToken)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	require.ErrorIs(t, p.Verify("demo", base64.StdEncoding.EncodeToString(raw)+"="), auth.ErrBadToken)
}

func FuzzPlaybackVerify(f *testing.F) {
	p := newPlayback(f, now, secret)
	good := p.Sign("demo", time.Hour)
	f.Add("demo", good)
	f.Add("demo", newPlayback(f, now.Add(-time.Hour), secret).Sign("demo", time.Minute))
	f.Add("", "")
	f.Add("x", strings.Repeat("A", len(good)))
	f.Fuzz(func(t *testing.T, slug, token string) {
		if p.Verify(slug, token) == nil && (slug != "demo" || token != good) {
			t.Fatalf("%q opens %q", token, slug)
		}
	})
}

func BenchmarkPlaybackVerify(b *testing.B) {
	p := newPlayback(b, time.Now(), secret)
	token := p.Sign("demo", time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Verify("demo", token); err != nil {
			b.Fatal(err)
		}
	}
}
