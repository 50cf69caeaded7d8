package moderation

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinksAreFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"http://example.org": true, "HTTPS://EXAMPLE.ORG/x": true, "hxxps://example.org": true, "ftp://10.0.0.1": true, "steam://run/1": true,
		"www.example": true, "see example.com now": true, "example.com/x?y": true, "(example.org)": true, "EXAMPLE.COM": true,
		"example.co.uk": true, "bit.ly/x": true, "youtu.be": true, "discord.gg/abc": true, "t.me/abc": true, "mail me: ada@example.org": true,
		"пример.рф": true, "münchen.de": true, "例え.香港": true, "mailto:ada": true, "magnet:?xt=urn": true,
		"example。com": true, "example․com": true, "ｅｘａｍｐｌｅ．ｃｏｍ": true, "exam\u200bple.c\u200dom": true, "ex\u00adample.com": true,
		"example[.]com": true, "example (dot) com": true, "example dot com": true, "example . com": true, "example .com": true, "example. com": true,
		"example{dot}org/x": true, "http:∕∕x": true, "http:\\\\x": true, "10.1.2.3:8080": true, "10.1.2.3/x": true, "[2001:db8::1]": true,
		"ok.click": true, "example.com (dot)0": true, "a.zip": true,

		"": false, "no link": false, "what... a song": false, "e.g. this": false, "i.e.": false, "3.5 or 4.0": false, "version 1.2.3.4": false,
		"at 3.am": false, "12:30": false, "well.well": false, "that is it.": false, "so.what": false, "a.b.c": false, "...com": false,
		":wave: :D": false, "dot the i": false, "a dot here": false, "50:50": false, "and/or": false, "Mr.Smith": false, "U.S.A.": false,
		"🎶.🎶": false, "that was fun. gg": false, "I see it. TV is dull": false, "ratio 3:2, http is slow": false, "C++.": false,
	} {
		assert.Equal(t, want, hasLink(text), "%q", text)
	}
}

func TestOnlyEmotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		":wave:": {"wave"}, ":wave::wave2: :Kappa_1:": {"wave", "wave2", "Kappa_1"}, "🎶": nil, "❤️ 🧑\u200d🚀 👍🏽 1️⃣ #️⃣ 🇺🇦 🏴 ☺ ⭐": nil,
		"🎶:wave:🎶": {"wave"}, "": nil, " \n ": nil,
	} {
		codes, ok := codesIn(text)
		require.True(t, ok, "%q", text)
		require.Equal(t, want, codes, "%q", text)
	}
	for _, text := range []string{
		"a", ":wave", "wave:", ":wave: x", ":: ", ":a:", ":w-x:", ":wave: wave:", "1", "#", "*", "1\u20e3x", "🎶a", "é", "死", "a\u200d", "→", "½",
		":wave:wave:", ":aaaaaaaaaaaaaaaaaaaaaaaaa:",
	} {
		_, ok := codesIn(text)
		require.False(t, ok, "%q", text)
	}
}

func FuzzLinks(f *testing.F) {
	for _, seed := range []string{"example.com", "\xff.com", "a(dot)com", ":wave:", "1️⃣", "x . com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		link := hasLink(text)
		require.True(t, hasLink("example.com "+text))
		if link {
			require.True(t, hasLink("\u200b"+text))
		}
		codes, ok := codesIn(text)
		require.True(t, ok || codes == nil)
	})
}
