package rest

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	maxWords     = 64 // kept of one thing
	maxWordBytes = 48
	maxAsked     = 6 // looked up of one search
)

// Words returns the words under which texts can be found: without regard to case and
// accents, each once and in order, 64 at most. Of scripts that write without spaces
// every place in a text begins a word.
func Words(texts ...string) []string {
	found := []string{}
	for _, text := range texts {
		for word := range wordsOf(text) {
			for tail := range tails(word) {
				if cut := shorten(tail); !slices.Contains(found, cut) {
					found = append(found, cut)
				}
				if len(found) == maxWords {
					return found
				}
			}
		}
	}
	return found
}

// Asked returns the words of a search, as Words has them, the longest first and six
// at most. Each may be the beginning of a word.
func Asked(search string) []string {
	asked := []string{}
	for word := range wordsOf(search) {
		if cut := shorten(word); !slices.Contains(asked, cut) {
			asked = append(asked, cut)
		}
		if len(asked) == maxAsked {
			break
		}
	}
	slices.SortStableFunc(asked, func(a, b string) int { return len(b) - len(a) })
	return asked
}

// After returns a text that is greater than every word that begins with word, and
// less than the others that are greater.
func After(word string) string { return word + "\U0010ffff" }

// wordsOf yields the words of text, of any length. Marks make no word alone.
func wordsOf(text string) iter.Seq[string] {
	between := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }
	return func(yield func(string) bool) {
		for word := range strings.FieldsFuncSeq(fold(text), between) {
			word = strings.TrimLeftFunc(word, unicode.IsMark)
			if word != "" && !yield(word) {
				return
			}
		}
	}
}

// shorten cuts a word, between characters, to the bytes that are kept.
func shorten(word string) string {
	if len(word) <= maxWordBytes {
		return word
	}
	end := maxWordBytes
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// tails yields word and, if it is of a script that writes without spaces, each of its
// ends: a search asks for how words begin.
func tails(word string) iter.Seq[string] {
	return func(yield func(string) bool) {
		spaceless := false
		for at, r := range word {
			here := isSpaceless(r)
			if (at == 0 || here || spaceless) && !unicode.IsMark(r) && !yield(word[at:]) {
				return
			}
			spaceless = here
		}
	}
}

func isSpaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// fold makes text comparable: compatible characters become one, case and accents go.
// Marks that are a part of a script, such as vowels of Hindi, stay where they are
// letters of their own.
func fold(text string) string {
	text = strings.ToValidUTF8(text, " ")
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	return norm.NFKC.String(cases.Fold().String(text))
}
