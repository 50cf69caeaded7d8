package rest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Line returns s as one line of text fit to be shown: in NFC, with single spaces,
// none at its ends. ok is false if it has more than most characters, is not UTF-8,
// or holds what could fool a reader: control characters, line breaks, characters
// that turn the direction of writing or that nobody sees.
func Line(s string, most int) (text string, ok bool) {
	if len(s) > 4*most+64 || !utf8.ValidString(s) || strings.ContainsFunc(s, isUnfit) {
		return "", false
	}
	s = strings.Join(strings.Fields(norm.NFC.String(s)), " ")
	return s, utf8.RuneCountInString(s) <= most
}

// Lines is Line for texts of several lines: line breaks stay, two in a row at most.
func Lines(s string, most int) (text string, ok bool) {
	if len(s) > 8*most+64 {
		return "", false
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	lines := strings.Split(s, "\n")
	kept := lines[:0]
	blank := 0
	for _, line := range lines {
		line, ok := Line(line, most)
		if !ok {
			return "", false
		}
		if line == "" {
			blank++
			if blank > 1 {
				continue
			}
		} else {
			blank = 0
		}
		kept = append(kept, line)
	}
	s = strings.Trim(strings.Join(kept, "\n"), "\n")
	return s, utf8.RuneCountInString(s) <= most
}

// isUnfit reports whether a character does not belong in a line. The joiners of
// emoji and of some scripts do.
func isUnfit(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u2028', '\u2029', '\ufffc', '\ufffd':
		return true
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cs, r)
}
