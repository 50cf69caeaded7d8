package rest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"bandstand/api/rest"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                            {},
		" .,;-_/!":                    {},
		"Evening, in the Garden!":     {"evening", "in", "the", "garden"},
		"the The THE":                 {"the"},
		"Müller Straße":               {"muller", "strasse"},
		"ＦＵＬＬ ﬁsh ²":                  {"full", "fish", "2"},
		"İstanbul ΣΊΣΥΦΟΣ":            {"istanbul", "σισυφοσ"},
		"e\u0301te\u0301 été":         {"ete"},
		"C3PO r2-d2":                  {"c3po", "r2", "d2"},
		"don't":                       {"don", "t"},
		"a\xffb":                      {"a", "b"},
		"Привет, мир":                 {"привет", "мир"},
		"हिन्दी भाषा":                 {"हिनदी", "भाषा"},
		"東京の夜":                        {"東京の夜", "京の夜", "の夜", "夜"},
		"live東京":                      {"live東京", "東京", "京"},
		"한국 음악":                       {"한국", "음악"},
		strings.Repeat("x", 100):      {strings.Repeat("x", 48)},
		strings.Repeat("é", 100):      {strings.Repeat("e", 48)},
		"я" + strings.Repeat("ж", 40): {"я" + strings.Repeat("ж", 23)},
	} {
		require.Equal(t, want, rest.Words(text), text)
	}
	require.Equal(t, []string{"one", "two", "three"}, rest.Words("One", "two one", "three"))
	many := []string{}
	for i := range 100 {
		many = append(many, fmt.Sprint("w", i))
	}
	require.Equal(t, many[:64], rest.Words(strings.Join(many, " ")))
}

func TestAsked(t *testing.T) {
	t.Parallel()
	for search, want := range map[string][]string{
		"":                 {},
		"'; DROP TABLE --": {"table", "drop"},
		"a Garden of DÉLI": {"garden", "deli", "of", "a"},
		"a b c d e f g h":  {"a", "b", "c", "d", "e", "f"},
		"東京":               {"東京"},
		"100%_x":           {"100", "x"},
	} {
		require.Equal(t, want, rest.Asked(search), search)
	}
}

// finds reports whether a search finds what has words, as the database does it.
func finds(search string, words []string) bool {
	asked := rest.Asked(search)
	for _, word := range asked {
		if !slices.ContainsFunc(words, func(w string) bool { return w >= word && w < rest.After(word) }) {
			return false
		}
	}
	return len(asked) > 0
}

func TestSearchesFindHowWordsBegin(t *testing.T) {
	t.Parallel()
	words := rest.Words("Abendkonzert im Grünen – 東京フィルハーモニー", "Straßenmusik")
	for search, want := range map[string]bool{
		"abend": true, "ABENDKONZERT": true, "grun": true, "grünen abend": true, "strasse": true, "straße": true,
		"東京": true, "フィル": true, "ハーモニー 東": true,
		"konzert": false, "abende": false, "grünes": false, "京都": false, "": false, "!": false,
	} {
		require.Equal(t, want, finds(search, words), search)
	}
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"a b", "Straße", "東京", "\xff", "e\u0301", "ﷺ", "ŉ", "\u0345ᾳ", "ꭰᏰ", "ﬃ ㎏", "İı", "한국 \u1112\u1161\u11ab", strings.Repeat("ж", 99)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := rest.Words(text)
		require.LessOrEqual(t, len(words), 64)
		for i, word := range words {
			require.True(t, utf8.ValidString(word))
			require.NotEmpty(t, word)
			require.LessOrEqual(t, len(word), 48)
			require.NotContains(t, words[:i], word)
			require.False(t, strings.ContainsAny(word, " %_\"'\x00"), "%q", word)
			require.Less(t, word, rest.After(word))
		}
		asked := rest.Asked(text)
		require.LessOrEqual(t, len(asked), 6)
		if len(words) > 0 && len(words) < 64 {
			require.True(t, finds(text, words), "%q: asked %q of %q", text, asked, words)
		}
	})
}

func BenchmarkWords(b *testing.B) {
	for name, text := range map[string]string{
		"prose":        strings.Repeat("Evening in the garden, with friends. ", 130),
		"one long one": strings.Repeat("x", 5000),
		"japanese":     strings.Repeat("東京の夜の庭で", 700),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rest.Words(text)
			}
		})
	}
}
