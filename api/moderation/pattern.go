package moderation

import (
	"strings"
	"unicode/utf8"
)

// A symbol is one step of a text that is looked through: a folded character, or one of
// these.
const (
	gap      rune = ' ' // between words
	anything rune = '*' // any letter, in the place of one that somebody did not dare to write
	exact    rune = 1 << 24
	repeated rune = 1 << 25
)

// exact marks digits that are no letters, as in numbers; repeated marks what comes
// three times or more, which may stand for one.

// pattern is a word that is not said, or several with gaps between.
type pattern struct {
	symbols             []rune
	openStart, openEnd  bool // it may be a part of a longer word
	hasLetter, hasDigit bool
}

// maxSymbols bounds what a word is after folding.
const maxSymbols = 80

// patternOf returns the pattern of a word as moderators write it, false for one that
// would not do.
func patternOf(word string) (pattern, bool) {
	p := pattern{}
	word, p.openStart = strings.CutPrefix(strings.TrimSpace(word), "*")
	word, p.openEnd = strings.CutSuffix(word, "*")
	if strings.Contains(word, "*") {
		return p, false
	}
	for token := range strings.FieldsSeq(fold(word)) {
		before := len(p.symbols)
		for _, r := range token {
			switch {
			case isLetter(r), isPicture(r):
			case marks[r] != "":
				r, _ = utf8.DecodeRuneInString(marks[r])
			default:
				continue
			}
			if len(p.symbols) == before && before > 0 {
				p.symbols = append(p.symbols, gap)
			}
			p.symbols = append(p.symbols, r)
			_, isDigit := digits[r]
			p.hasDigit = p.hasDigit || isDigit
			p.hasLetter = p.hasLetter || !isDigit
		}
	}
	if len(p.symbols) == 0 || len(p.symbols) > maxSymbols {
		return p, false
	}
	first, last := p.symbols[0], p.symbols[len(p.symbols)-1]
	p.openStart = p.openStart || isSpaceless(first) || isPicture(first)
	p.openEnd = p.openEnd || isSpaceless(last) || isPicture(last)
	return p, len(p.symbols) > 1 || isSpaceless(first) || isPicture(first)
}

// symbolsFor returns the symbols of a text that stand for r of the pattern.
func (p *pattern) symbolsFor(r rune) []rune {
	if r == gap {
		return []rune{gap}
	}
	all := []rune{r}
	if letters, ok := digits[r]; ok {
		all = append(all, r|exact)
		if p.hasLetter { // a digit in the place of a letter
			for _, letter := range letters {
				all = append(all, letter)
			}
		}
		return all
	}
	all = append(all, writtenFor[r]...)
	if !isPicture(r) {
		all = append(all, anything)
	}
	return all
}

// writtenFor is the digits and marks that are written in the place of a letter.
var writtenFor = func() map[rune][]rune {
	all := map[rune][]rune{}
	for _, table := range []map[rune]string{digits, marks} {
		for r, letters := range table {
			for _, letter := range letters {
				all[letter] = append(all[letter], r)
			}
		}
	}
	return all
}()
