package moderation

import (
	_ "embed"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// tldList is the top-level domains there are, one on a line: those of the root zone
// that registries hand out names in, as people write them.
//
//go:embed tlds.txt
var tldList string

var tlds = func() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(tldList) {
		all[name] = true
	}
	return all
}()

var (
	// addressForm is what is a link whatever follows: a scheme, also one that is made
	// unreadable, or a host called www.
	addressForm = regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://|\bwww\d?\.[\pL\pN]|\b(?:mailto|magnet|tel|sms):\S`)
	// hostForm is a name with dots. What is behind the last of them decides.
	hostForm = regexp.MustCompile(`[\pL\pN\pM_-]+(?:\.[\pL\pN\pM_-]+)+`)
	// numberForm is an address in numbers, with a port or a path: a version has neither.
	numberForm = regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}[:/]\d*|\[[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*\]`)
	// hiddenDot is a dot in brackets, or the word for it.
	hiddenDot = regexp.MustCompile(`\s*[(\[{<]\s*(?:\.|dot|punkt|point|punto|точка)\s*[)\]}>]\s*`)
	// spelledDot is a dot with spaces around, or the word for it, ahead of a top-level
	// domain that is well known: "example dot com", "example . tv". A dot that ends a
	// sentence stands ahead of some of these words, too.
	spelledDot = regexp.MustCompile(`([\pL\pN])(?:\s+(?:dot|\.)\s*(com|net|org|info|tv|gg|io|ru|xyz|biz)|\.\s+(com|net|org|ru|xyz|biz))\b`)
	slash      = strings.NewReplacer("∕", "/", "⁄", "/", "。", ".", "․", ".", "·", ".", "・", ".", "\\", "/")
)

// hasLink reports whether text has something that a reader could follow: an address, or
// the name of a host.
func hasLink(text string) bool {
	text = plainText(text)
	if !strings.ContainsAny(text, ".:") && !strings.Contains(text, "dot") && !hiddenDot.MatchString(text) {
		return false
	}
	if namesHost(text) {
		return true
	}
	shown := hiddenDot.ReplaceAllString(text, ".")
	shown = spelledDot.ReplaceAllString(shown, "$1.$2$3")
	return shown != text && namesHost(shown)
}

// namesHost reports whether an address or the name of a host is written out in text.
func namesHost(text string) bool {
	if addressForm.MatchString(text) || numberForm.MatchString(text) {
		return true
	}
	for _, host := range hostForm.FindAllString(text, -1) {
		if tlds[host[strings.LastIndexByte(host, '.')+1:]] && hasName(host) {
			return true
		}
	}
	return false
}

// hasName reports whether there is more to a host than numbers and a top-level domain:
// "3.am" is a time.
func hasName(host string) bool {
	name := host[:strings.LastIndexByte(host, '.')]
	return strings.ContainsFunc(name, unicode.IsLetter)
}

// plainText returns text in small letters, with what nobody sees gone and what looks
// like a dot or a slash being one. Accents stay: hosts have them.
func plainText(text string) string {
	if !isPlain(text) {
		text = strings.Map(func(r rune) rune {
			if isInvisible(r) {
				return -1
			}
			return unicode.ToLower(r)
		}, norm.NFKC.String(strings.ToValidUTF8(text, " ")))
	} else {
		text = strings.ToLower(text)
	}
	return slash.Replace(text)
}
