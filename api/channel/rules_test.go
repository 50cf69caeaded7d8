package channel

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlugs(t *testing.T) {
	t.Parallel()
	for slug, good := range map[string]bool{
		"demo": true, "a1": true, "1a": true, "a-b-c": true, strings.Repeat("a", 40): true,
		"": false, "a": false, "-a": false, "a-": false, "a--b": false, "A1": false, "a_b": false, "a b": false,
		"a.b": false, "../a": false, "ä1": false, "ab\n": false, strings.Repeat("a", 41): false,
		"api": false, "live": false, "admin": false,
	} {
		if good {
			require.NoError(t, checkSlug(slug), slug)
		} else {
			require.ErrorIs(t, checkSlug(slug), ErrBadSlug, slug)
		}
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	got, err := cleanTitle(" Ünï 🎸 ")
	require.NoError(t, err)
	require.Equal(t, "Ünï 🎸", got)
	for _, bad := range []string{"", " ", "a\nb", "a\x00b", "\xff", strings.Repeat("ü", 101)} {
		_, err := cleanTitle(bad)
		require.ErrorIs(t, err, ErrBadTitle, "%q", bad)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	require.Equal(t, "OBS studio", cleanLabel(" OBS\r\n studio\x00 "))
	require.Equal(t, strings.Repeat("ü", maxLabel), cleanLabel(strings.Repeat("ü", 100)))
}

func TestLadders(t *testing.T) {
	t.Parallel()
	good := Rung{Name: "720p", Height: 720, BitrateBPS: 2_800_000}
	with := func(change func(*Rung)) []Rung {
		r := good
		change(&r)
		return []Rung{r}
	}
	require.NoError(t, checkLadder(nil))
	require.NoError(t, checkLadder([]Rung{good}))
	for name, bad := range map[string][]Rung{
		"too many":      make([]Rung, maxRungs+1),
		"no name":       with(func(r *Rung) { r.Name = "" }),
		"path":          with(func(r *Rung) { r.Name = "../a" }),
		"source":        with(func(r *Rung) { r.Name = "source" }),
		"twins":         {good, good},
		"odd":           with(func(r *Rung) { r.Height = 721 }),
		"low":           with(func(r *Rung) { r.Height = 62 }),
		"tall":          with(func(r *Rung) { r.Height = 4322 }),
		"thin":          with(func(r *Rung) { r.BitrateBPS = 49_999 }),
		"fat":           with(func(r *Rung) { r.BitrateBPS = 50_000_001 }),
		"backwards":     with(func(r *Rung) { r.MaxFrameRate = -1 }),
		"fast":          with(func(r *Rung) { r.MaxFrameRate = 241 }),
		"not a number":  with(func(r *Rung) { r.MaxFrameRate = math.NaN() }),
		"trailing dash": with(func(r *Rung) { r.Name = "a-" }),
	} {
		require.ErrorIs(t, checkLadder(bad), ErrBadLadder, name)
	}
	_, err := decodeLadder([]byte(`{`))
	require.Error(t, err)
}

func TestSecretsAreRandomAndHashed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		secret := newSecret()
		require.Regexp(t, `^live_[a-z2-7]{26,}$`, secret)
		require.LessOrEqual(t, len(secret), maxSecret)
		require.False(t, seen[secret])
		seen[secret] = true
		require.Len(t, hashSecret(secret), 64)
		require.NotContains(t, hashSecret(secret), hintOf(secret)+hintOf(secret))
	}
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hashSecret("abc"))
}
