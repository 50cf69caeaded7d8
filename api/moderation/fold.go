package moderation

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold makes text comparable: what nobody sees goes, and so do case, accents, and
// the differences between characters that mean or look the same.
func fold(text string) string {
	if isPlain(text) {
		return strings.ToLower(text)
	}
	text = strings.Map(func(r rune) rune {
		if isInvisible(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ToValidUTF8(text, " ")))
	return strings.Map(lookalike, norm.NFKC.String(cases.Fold().String(text)))
}

// isPlain reports whether text is ASCII that can be seen.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < ' ' && c != '\n') || c >= 0x7f {
			return false
		}
	}
	return true
}

// isInvisible reports whether nobody sees r, so that it divides no word.
func isInvisible(r rune) bool {
	if r < 0x300 {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\u00ad'
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r)
}

// lookalike returns the Latin letter that r looks like, or r.
func lookalike(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case r >= '🇦' && r <= '🇿': // of which flags are made
		return r - '🇦' + 'a'
	case r >= '🅐' && r <= '🅩': // in a black circle
		return r - '🅐' + 'a'
	case r >= '🅰' && r <= '🆉': // in a black square
		return r - '🅰' + 'a'
	}
	if to, ok := lookalikes[r]; ok {
		return to
	}
	return r
}

// lookalikes are letters, after folding, that are taken for Latin ones.
var lookalikes = pairs(map[string]string{
	"авекмнорстухіјѕԁһԛԝгпцѵӏԍ": "abekmhopctyxijsdhqwrnuvlg", // Cyrillic
	"αβεηικνορτυχωγσς":          "abenikvoptuxwyss",          // Greek
	"ıłøđħŧƒɑɡɩʟɴʀʏʙʜɢɪɛɔɐǝƨƽ":  "ilodhtfagilnrybhgieoaess",  // Latin
	"ᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢꜱꜰ":          "acdejkmoptuvwzsf",          // small capitals
	"օսոեցհյ": "ounbghj", // Armenian
})

// pairs returns the characters of the keys with those of the values.
func pairs(of map[string]string) map[rune]rune {
	all := map[rune]rune{}
	for from, to := range of {
		letters := []rune(to)
		for i, r := range []rune(from) {
			all[r] = letters[i]
		}
	}
	return all
}

// A mark is a character, not a letter, that is written in the place of letters.
var marks = map[rune]string{
	'@': "a", '$': "s", '€': "e", '¢': "c", '£': "l", '¥': "y",
	'!': "il", '¡': "i", '|': "il", '+': "t", '§': "s", '×': "x",
}

// digits are written in the place of letters too.
var digits = map[rune]string{
	'0': "o", '1': "il", '2': "z", '3': "e", '4': "a", '5': "s", '6': "gb", '7': "t", '8': "b", '9': "g",
}

// isLoose reports whether a mark means nothing at the end of a word.
func isLoose(r rune) bool {
	return r == '!' || r == '|' || r == '+' || r == '*' || r == '×' || r == '¡'
}

func isMark(r rune) bool { return marks[r] != "" || r == '*' }

// isPicture reports whether r is an emoji or the like: a word of its own.
func isPicture(r rune) bool { return r >= 0x80 && unicode.Is(unicode.So, r) }

// isLetter reports whether r is a part of words.
func isLetter(r rune) bool {
	if r < 0x80 {
		return (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9')
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Mc, r)
}

// isSpaceless reports whether r is of a script that writes without spaces, so that
// every place in a text begins a word.
func isSpaceless(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
