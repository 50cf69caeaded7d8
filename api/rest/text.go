package rest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxMarks bounds the accents and signs above and below one letter. Living scripts
	// have up to four of them; towers of them paint over the neighbours.
	maxMarks = 5
	// maxRaw bounds the bytes from which one character may be composed, before
	// anything else looks at them: a Korean syllable comes in three parts of three.
	maxRaw = 16
)

// Line returns s as one line of text fit to be shown: in NFC, with single spaces,
// none at its ends. ok is false if it has more than most characters, is not UTF-8,
// or holds what could fool a reader: control characters, line breaks, characters that
// turn the direction of writing, that nobody sees, or that are heaped on each other.
func Line(s string, most int) (text string, ok bool) {
	if len(s) > maxRaw*most+64 || !utf8.ValidString(s) || strings.ContainsFunc(s, isUnfit) {
		return "", false
	}
	s = strings.Join(strings.Fields(norm.NFC.String(s)), " ")
	if utf8.RuneCountInString(s) > most || !isJoinedWell(s) {
		return "", false
	}
	return s, true
}

// Lines is Line for texts of several lines: line breaks stay, two in a row at most, and
// tabs become spaces.
func Lines(s string, most int) (text string, ok bool) {
	if len(s) > maxRaw*most+64 {
		return "", false
	}
	s = strings.NewReplacer("\r\n", "\n", "\t", " ").Replace(s)
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
	if utf8.RuneCountInString(s) > most {
		return "", false
	}
	return s, true
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// isUnfit reports whether a character does not belong in a line. The joiners of
// emoji and of some scripts do, and so do the marks that choose between two looks.
func isUnfit(r rune) bool {
	switch r {
	case zeroWidthNonJoiner, zeroWidthJoiner:
		return false
	case '\u2028', '\u2029', '\ufffc', '\ufffd', // separators; what stands for something else
		'\u2800', '\U0001d159': // blanks that are no spaces
		return true
	}
	switch {
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs),
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), // fillers and the like
		unicode.Is(unicode.Noncharacter_Code_Point, r):
		return true
	}
	return false
}

// isJoinedWell reports whether marks and joiners are where they mean something: marks on
// a character, not too many, and joiners between two.
func isJoinedWell(s string) bool {
	marks := 0
	joined, base := false, false // the character before is a joiner; there is one to stand on
	for _, r := range s {
		switch {
		case r == ' ':
			if joined {
				return false
			}
			base = false
		case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
			if joined || !base {
				return false
			}
			joined = true
			continue
		case unicode.IsMark(r):
			marks++
			if marks > maxMarks || !base {
				return false
			}
			joined = false
			continue
		default:
			base = true
		}
		joined, marks = false, 0
	}
	return !joined
}
