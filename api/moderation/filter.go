package moderation

import (
	"slices"
	"strings"
	"unicode"
)

// filter finds words in texts, however they are written. It looks for all of them at
// once: a bit for each symbol of each pattern says that the text, up to where one is,
// ends with the pattern up to that symbol (Baeza-Yates and Gonnet, Shift-And). What it
// takes grows with the length of the text alone. It does not change once made.
type filter struct {
	size    int               // of sets
	of      map[rune]set      // symbols of patterns that a symbol of a text stands for
	first   set               // symbols of patterns that are their first ones
	starts  set               // those that begin at the beginning of a word only
	open    set               // those that begin anywhere
	hasOpen bool              // whether there are such
	last    [3]set            // symbols that are the last of their patterns: see the constants
	ascii   [asciiSymbols]set // of, for what is most of a text
}

const asciiSymbols = 128

// Which patterns have ended.
const (
	anywhere = iota // those that may end within a word
	atEnd           // and those that end with a word
	spelled         // those that are found when a text spells: not the shortest
)

// set is a set of symbols of patterns.
type set []uint64

func (s set) add(i int) { s[i/64] |= 1 << (i % 64) }
func (s set) meets(o set) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// newFilter returns a filter of words. Those that would not do are left out.
func newFilter(words []string) *filter {
	var patterns []pattern
	symbols := 0
	for _, word := range words {
		if p, ok := patternOf(word); ok {
			patterns = append(patterns, p)
			symbols += len(p.symbols)
		}
	}
	if symbols == 0 {
		return nil
	}
	f := &filter{size: (symbols + 63) / 64, of: map[rune]set{}}
	f.first, f.starts, f.open = f.newSet(), f.newSet(), f.newSet()
	for i := range f.last {
		f.last[i] = f.newSet()
	}
	at := 0
	for i := range patterns {
		f.add(&patterns[i], at)
		at += len(patterns[i].symbols)
	}
	for r := range rune(asciiSymbols) {
		f.ascii[r] = f.of[r]
	}
	return f
}

func (f *filter) newSet() set { return make(set, f.size) }

// add adds a pattern whose first symbol is that number.
func (f *filter) add(p *pattern, at int) {
	for i, r := range p.symbols {
		for _, symbol := range p.symbolsFor(r) {
			if f.of[symbol] == nil {
				f.of[symbol] = f.newSet()
			}
			f.of[symbol].add(at + i)
		}
	}
	f.first.add(at)
	if p.openStart {
		f.open.add(at)
		f.hasOpen = true
	} else {
		f.starts.add(at)
	}
	end := at + len(p.symbols) - 1
	f.last[atEnd].add(end)
	if p.openEnd {
		f.last[anywhere].add(end)
	}
	if len(p.symbols) > 2 {
		f.last[spelled].add(end)
	}
}

// Blocks reports whether one of the words is in text.
func (f *filter) Blocks(text string) bool {
	if f == nil {
		return false
	}
	tokens := strings.FieldsFunc(fold(text), unicode.IsSpace)
	r := reader{filter: f, has: f.newSet()}
	words, joined := make([]rune, 0, len(text)+2), make([]rune, 0, len(text)+2)
	same := true // what is joined is what the words are
	for _, token := range tokens {
		before := len(words)
		words = appendWords(words, token)
		start := len(joined)
		joined = appendJoined(joined, token)
		same = same && slices.Equal(words[before:], joined[start:])
	}
	if r.finds(words, false) || (!same && r.finds(joined, false)) {
		return true
	}
	for _, letters := range spellings(words) {
		if r.finds(letters, true) {
			return true
		}
	}
	return false
}

// appendWords appends the words of a token, which has no spaces, each with a gap
// behind: they are parted by whatever is no letter.
func appendWords(to []rune, token string) []rune {
	number, stars := isNumber(token), allowsStars(token)
	start := len(to)
	end := func() { // the word is over: marks at its end are none of it
		for len(to) > start && isMark(to[len(to)-1]) {
			to = to[:len(to)-1]
		}
		if len(to) > start {
			to = append(to, gap)
		}
		start = len(to)
	}
	for _, r := range token {
		switch {
		case isPicture(r):
			end()
			to = append(to, r)
			end()
		case isLetter(r):
			to = append(to, digit(r, number))
		case isMark(r) && (r != anything || stars):
			if len(to) > start { // nor at its beginning
				to = append(to, r)
			}
		default:
			end()
		}
	}
	end()
	return to
}

// appendJoined appends a token as one word, with a gap behind: what is no letter is
// taken for filling.
func appendJoined(to []rune, token string) []rune {
	number, stars := isNumber(token), allowsStars(token)
	start := len(to)
	for _, r := range token {
		switch {
		case isLetter(r):
			to = append(to, digit(r, number))
		case isMark(r) && (r != anything || stars):
			if len(to) > start || !isLoose(r) {
				to = append(to, r)
			}
		}
	}
	for len(to) > start && isLoose(to[len(to)-1]) {
		to = to[:len(to)-1]
	}
	if len(to) > start {
		to = append(to, gap)
	}
	return to
}

// digit returns the symbol for r, in a number or a word.
func digit(r rune, number bool) rune {
	if number && r >= '0' && r <= '9' {
		return r | exact
	}
	return r
}

// isNumber reports whether the digits of a token are just that.
func isNumber(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r == '@' || (isLetter(r) && (r < '0' || r > '9')) })
}

// allowsStars reports whether stars in a token stand for letters: there are not more
// of them than of letters.
func allowsStars(token string) bool {
	stars := strings.Count(token, "*")
	if stars == 0 {
		return false
	}
	letters := 0
	for _, r := range token {
		if isLetter(r) {
			letters++
		}
	}
	return stars <= letters
}

// spellings returns the runs of three or more single letters among words, each run as
// one word.
func spellings(words []rune) [][]rune {
	var all [][]rune
	var run []rune
	end := func() {
		if len(run) > 2 {
			all = append(all, append(run, gap))
		}
		run = nil
	}
	for i := 0; i < len(words); {
		next := i
		for words[next] != gap {
			next++
		}
		if next-i == 1 && !isPicture(words[i]) {
			run = append(run, words[i])
		} else {
			end()
		}
		i = next + 1
	}
	end()
	return all
}

// reader looks through symbols.
type reader struct {
	*filter

	has   set  // symbols of patterns with which what was read ends
	alive bool // whether there are any
}

// finds reports whether a pattern is in symbols, whose words each have a gap behind. If
// the text spells, patterns are parts of words.
func (r *reader) finds(symbols []rune, spells bool) bool {
	clear(r.has)
	r.alive = false
	inside := false // a word
	for i := 0; i < len(symbols); {
		symbol := symbols[i]
		n := 1
		for symbol != gap && i+n < len(symbols) && symbols[i+n] == symbol {
			n++
		}
		i += n
		if n > 2 {
			n = 1 // any number: see repeat
			symbol |= repeated
		}
		for left := n - 1; left >= 0; left-- {
			r.step(symbol&^repeated, spells || !inside)
			if symbol&repeated != 0 {
				r.repeat(symbol &^ repeated)
			}
			inside = symbol != gap
			wordEnds := inside && left == 0 && i < len(symbols) && symbols[i] == gap
			if !r.alive {
				continue
			}
			if r.has.meets(r.last[anywhere]) || (wordEnds && r.has.meets(r.last[atEnd])) || (spells && r.has.meets(r.last[spelled])) {
				return true
			}
		}
	}
	return false
}

func (r *reader) symbols(symbol rune) set {
	if symbol < asciiSymbols {
		return r.ascii[symbol]
	}
	return r.of[symbol]
}

// step reads one symbol.
func (r *reader) step(symbol rune, begins bool) {
	if !r.alive && !begins && !r.hasOpen {
		return
	}
	of := r.symbols(symbol)
	if of == nil {
		clear(r.has)
		r.alive = false
		return
	}
	has := r.has
	of = of[:len(has)]
	first, open, starts := r.first[:len(has)], r.open[:len(has)], r.starts[:len(has)]
	carry, some := uint64(0), uint64(0)
	for i, had := range has {
		next := (had<<1|carry)&^first[i] | open[i]
		if begins {
			next |= starts[i]
		}
		has[i] = next & of[i]
		some |= has[i]
		carry = had >> 63
	}
	r.alive = some != 0
}

// repeat reads the same symbol for as long as that gets further.
func (r *reader) repeat(symbol rune) {
	of := r.symbols(symbol)
	for more := r.alive; more; {
		more = false
		carry := uint64(0)
		for i, had := range r.has {
			next := had | ((had<<1|carry)&^r.first[i])&of[i]
			more = more || next != had
			r.has[i] = next
			carry = had >> 63
		}
	}
}
