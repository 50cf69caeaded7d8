package rest_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"bandstand/api/rest"
)

func TestLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, want string
		unfit      bool
	}{
		"plain":                    {"Evening in the garden", "Evening in the garden", false},
		"spaces":                   {"  a \u00a0\u3000 b\u2003", "a b", false},
		"nothing":                  {"", "", false},
		"only spaces":              {" \u3000", "", false},
		"composed":                 {"e\u0301te\u0301", "été", false},
		"Korean in parts":          {"\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국", false},
		"Vietnamese":               {"Tiếng Việt", "Tiếng Việt", false},
		"Hindi":                    {"हिन्दी क्ष", "हिन्दी क्ष", false},
		"Persian with a joiner":    {"می\u200cخواهم", "می\u200cخواهم", false},
		"Hebrew with points":       {"שָׁלוֹם", norm.NFC.String("שָׁלוֹם"), false},
		"Thai":                     {"ที่นี่", "ที่นี่", false},
		"emoji":                    {"❤️ 🧑\u200d🚀 👍🏽 1️⃣ 🇺🇦", "❤️ 🧑\u200d🚀 👍🏽 1️⃣ 🇺🇦", false},
		"the right to left":        {"مرحبا ada", "مرحبا ada", false},
		"quotes and markup":        {`<b>"a" & 'b'</b> {{x}} \`, `<b>"a" & 'b'</b> {{x}} \`, false},
		"line break":               {"a\nb", "", true},
		"carriage return":          {"a\rb", "", true},
		"tab":                      {"a\tb", "", true},
		"zero":                     {"a\x00b", "", true},
		"escape":                   {"\x1b[31mred", "", true},
		"next line":                {"a\u0085b", "", true},
		"line separator":           {"a\u2028b", "", true},
		"not UTF-8":                {"a\xffb", "", true},
		"half a surrogate":         {"a\xed\xa0\x80", "", true},
		"replacement":              {"a\ufffd", "", true},
		"direction turned":         {"gnp\u202eexe", "", true},
		"direction isolated":       {"\u2066a\u2069", "", true},
		"direction mark":           {"a\u200fb", "", true},
		"Arabic letter mark":       {"a\u061cb", "", true},
		"zero width space":         {"ad\u200ba", "", true},
		"word joiner":              {"a\u2060b", "", true},
		"byte order mark":          {"\ufeffa", "", true},
		"soft hyphen":              {"a\u00adb", "", true},
		"Hangul filler":            {"\u3164", "", true},
		"half width filler":        {"a\uffa0b", "", true},
		"Braille blank":            {"\u2800", "", true},
		"grapheme joiner":          {"a\u034fb", "", true},
		"hidden tag":               {"a\U000e0041", "", true},
		"private use":              {"\ue000", "", true},
		"no character":             {"a\ufffe", "", true},
		"only a joiner":            {"\u200d", "", true},
		"joiner first":             {"\u200da", "", true},
		"joiner last":              {"a\u200d", "", true},
		"joiner at a space":        {"a\u200d b", "", true},
		"joiners in a row":         {"a\u200d\u200db", "", true},
		"mark first":               {"\u0301a", "", true},
		"mark after a space":       {"a \u0301", "", true},
		"only a selector":          {"\ufe0f", "", true},
		"accents enough":           {"a" + strings.Repeat("\u0316", 5), "a" + strings.Repeat("\u0316", 5), false},
		"a tower of accents":       {"a" + strings.Repeat("\u0316", 6), "", true},
		"a tower of joiners":       {"a\u0316\u200d\u0316\u200d\u0316\u200d\u0316\u200d\u0316\u200d\u0316b", "", true},
		"a tower on each of three": {strings.Repeat("a"+strings.Repeat("\u035c", 8), 3), "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := rest.Line(test.text, 100)
			require.Equal(t, !test.unfit, ok)
			require.Equal(t, test.want, got)
			several, ok := rest.Lines(test.text, 100)
			switch name {
			case "line break", "tab":
			default:
				require.Equal(t, !test.unfit, ok)
				require.Equal(t, test.want, several)
			}
		})
	}
}

func TestLinesHaveALength(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		strings.Repeat("x", 10):                               true,
		strings.Repeat("x", 11):                               false,
		strings.Repeat("é", 10):                               true,
		strings.Repeat("e\u0301", 10):                         true,
		strings.Repeat("🚀", 10):                               true,
		strings.Repeat("🚀", 11):                               false,
		strings.Repeat("\u1112\u1161\u11ab", 10):              true,
		strings.Repeat(" ", 30) + "x":                         true,
		strings.Repeat(" ", 1000) + "x":                       false, // not even looked at
		"x" + strings.Repeat(" ", 20) + "y":                   true,
		strings.Repeat("x", 5) + " " + strings.Repeat("x", 4): true,
	} {
		got, fits := rest.Line(text, 10)
		require.Equal(t, ok, fits, "%q", text)
		require.Equal(t, ok, got != "", "%q", text)
		_, fits = rest.Lines(text, 10)
		require.Equal(t, ok, fits, "%q", text)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"a\nb", "a\nb"},
		{"a\r\nb", "a\nb"},
		{"a\n\n\n\nb", "a\n\nb"},
		{"\n\n a \n  \n b \n\n ", "a\n\nb"},
		{"a\tb", "a b"},
		{"\n", ""},
	} {
		got, ok := rest.Lines(test.text, 10)
		require.True(t, ok, "%q", test.text)
		require.Equal(t, test.want, got, "%q", test.text)
	}
	for _, text := range []string{"a\rb", "a\n\u202eb", "a\n\u0301b", strings.Repeat("x\n", 6)} {
		_, ok := rest.Lines(text, 10)
		require.False(t, ok, "%q", text)
	}
}

func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"a b", "e\u0301", "\u202e", "a\u200db", "1\ufe0f\u20e3", "\n\t x", "\xff", "한국", "\u1112\u1161\u11ab", "\u3164", "a\u0301\u0301\u0301\u0301\u0301\u0301",
		"a\n\n\nb", "\u0344", "\u1e69\u0323\u0307", "\u00a0\u0301",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const most = 60
		line, ok := rest.Line(text, most)
		if ok {
			requireFit(t, line, most)
			require.NotContains(t, line, "\n")
			require.NotContains(t, line, "  ")
			again, ok := rest.Line(line, most)
			require.True(t, ok)
			require.Equal(t, line, again)
		} else {
			require.Empty(t, line)
		}
		lines, ok := rest.Lines(text, most)
		if !ok {
			require.Empty(t, lines)
			return
		}
		requireFit(t, lines, most)
		require.NotContains(t, lines, "\n\n\n")
		again, ok := rest.Lines(lines, most)
		require.True(t, ok)
		require.Equal(t, lines, again)
	})
}

// requireFit checks what holds of every text that may be shown.
func requireFit(t *testing.T, text string, most int) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	require.True(t, norm.NFC.IsNormalString(text))
	require.LessOrEqual(t, utf8.RuneCountInString(text), most)
	require.Equal(t, strings.TrimSpace(text), text)
	marks, visible := 0, text == ""
	for _, r := range text {
		if r != '\n' {
			require.False(t, unicode.IsControl(r), "%U", r)
		}
		require.False(t, unicode.Is(unicode.Bidi_Control, r), "%U", r)
		switch {
		case unicode.IsMark(r):
			marks++
		case r != '\u200d' && r != '\u200c':
			marks = 0
			visible = visible || !unicode.IsSpace(r)
		}
		require.LessOrEqual(t, marks, 5)
	}
	require.True(t, visible)
}
