package rest

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWords     = 64 // kept of one thing
	maxWordBytes = 48
	maxAsked     = 6 // looked up of one search
)

// Words returns the words under which texts can be found: in lower case, without
// accents, each once and in order, 64 at most.
func Words(texts ...string) []string { return words(maxWords, texts) }

// Asked returns the words of a search, as Words has them, the longest first and six
// at most. Each may be the beginning of a word.
func Asked(search string) []string {
	asked := words(maxAsked, []string{search})
	slices.SortStableFunc(asked, func(a, b string) int { return len(b) - len(a) })
	return asked
}

// After returns a text that is greater than every word that begins with word, and
// less than the others that are greater.
func After(word string) string { return word + "\U0010ffff" }

func words(most int, texts []string) []string {
	found := []string{}
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(fold(text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}) {
			for len(word) > maxWordBytes { // cut between characters
				runes := []rune(word)
				word = string(runes[:len(runes)-1])
			}
			if !slices.Contains(found, word) {
				found = append(found, word)
			}
			if len(found) == most {
				return found
			}
		}
	}
	return found
}

// fold makes text comparable: compatible characters become one, accents go.
func fold(text string) string {
	text = strings.ToValidUTF8(text, " ")
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(text))
	return norm.NFKC.String(text)
}
