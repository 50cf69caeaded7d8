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
		"api": false, "live": false, "admin": false, "hls-live": false, "images": false, "vod": false, "play": false,
		"embed": false, "healthz": false, "me": false, "xn--80ak6aa92e": false, "dеmo": false, // a Cyrillic e
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
	got, err := cleanLabel("  OBS  studio ")
	require.NoError(t, err)
	require.Equal(t, "OBS studio", got)
	for _, bad := range []string{"", " ", "a\nb", "\xff", strings.Repeat("ü", maxLabel+1)} {
		_, err := cleanLabel(bad)
		require.ErrorIs(t, err, ErrBadLabel, "%q", bad)
	}
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	got, err := cleanDescription("\r\nOne\r\n\r\n\r\nTwo  words\n")
	require.NoError(t, err)
	require.Equal(t, "One\n\nTwo words", got)
	for _, bad := range []string{"a\x00b", "\xff", "\u202egnirts", strings.Repeat("ü", maxDescription+1)} {
		_, err := cleanDescription(bad)
		require.ErrorIs(t, err, ErrBadDescription, "%.20q", bad)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	got, err := cleanLinks([]Link{{" My  site ", " https://example.org/a?b=c#d "}})
	require.NoError(t, err)
	require.Equal(t, []Link{{"My site", "https://example.org/a?b=c#d"}}, got)
	for _, bad := range [][]Link{
		{{"", "https://example.org"}},
		{{"a\nb", "https://example.org"}},
		{{strings.Repeat("ü", 60+1), "https://example.org"}},
		{{"a", ""}},
		{{"a", "example.org"}},
		{{"a", "//example.org"}},
		{{"a", "https://"}},
		{{"a", "javascript:alert(1)"}},
		{{"a", "JavaScript://example.org/%0aalert(1)"}},
		{{"a", "data:text/html,x"}},
		{{"a", "https://user:password@example.org"}},
		{{"a", "https://example.org/\x00"}},
		{{"a", "https://example.org/\r\nX: y"}},
		{{"a", "https://example.org/" + strings.Repeat("a", 500)}},
		make([]Link, maxLinks+1),
	} {
		_, err := cleanLinks(bad)
		require.ErrorIs(t, err, ErrBadLinks, "%.60v", bad)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	asked := []string{"jazz", "a", "live-band", "jazz", "80s"}
	got, err := cleanTags(asked)
	require.NoError(t, err)
	require.Equal(t, []string{"80s", "a", "jazz", "live-band"}, got)
	require.Equal(t, "jazz", asked[0], "the caller's are left alone")
	for _, bad := range []string{"", "Jazz", "a b", "-a", "a-", "a--b", "ä", "a,b", "a\n", strings.Repeat("a", maxTag+1)} {
		_, err := cleanTags([]string{bad})
		require.ErrorIs(t, err, ErrBadTags, "%q", bad)
	}
	_, err = cleanTags(strings.Split("a b c d e f g h i j k", " "))
	require.ErrorIs(t, err, ErrBadTags)
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkRecording(Recording{Enabled: true, Renditions: []string{"source", "720p"}}))
	for _, bad := range [][]string{{""}, {"../a"}, {"a", "a"}, strings.Split("a b c d e f g h i", " ")} {
		require.ErrorIs(t, checkRecording(Recording{Renditions: bad}), ErrBadRecording, "%v", bad)
	}
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
