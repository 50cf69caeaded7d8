package chat

import (
	"regexp"
	"slices"
	"strings"

	"bandstand/api/rest"
)

// Bounds of a message.
const (
	maxBody     = 500 // characters
	maxMentions = 10
	maxEmotes   = 20 // different ones
	maxKey      = 64
	maxQuote    = 140 // characters
)

// cleanBody returns body as one line of text.
func cleanBody(body string) (string, error) {
	body, ok := rest.Line(body, maxBody)
	if !ok || body == "" {
		return "", ErrBadBody
	}
	return body, nil
}

// checkKey refuses what cannot be the key of a message; none at all is fine.
func checkKey(key string) error {
	if len(key) > maxKey {
		return ErrBadKey
	}
	for _, b := range []byte(key) {
		if b <= ' ' || b > '~' {
			return ErrBadKey
		}
	}
	return nil
}

// mentionForm finds a name after an at sign, as people are called, with what stands
// before and behind it: an address of mail mentions nobody.
var mentionForm = regexp.MustCompile(`(?:^|[^\pL\pN_@.-])@([A-Za-z0-9](?:[_-]?[A-Za-z0-9]){1,40})`)

// mentionsIn returns the names that a body mentions, in small letters, each once.
func mentionsIn(body string) []string {
	if !strings.Contains(body, "@") {
		return nil
	}
	var names []string
	for _, found := range mentionForm.FindAllStringSubmatch(body, -1) {
		name := strings.ToLower(found[1])
		if len(name) <= 32 && len(names) < maxMentions && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// emoteForm is a word between colons. The second colon may be the first of the next.
var emoteForm = regexp.MustCompile(`:[A-Za-z0-9_-]{1,40}`)

// emotesIn returns the words between colons in a body, each once.
func emotesIn(body string) []string {
	if strings.Count(body, ":") < 2 {
		return nil
	}
	var codes []string
	for _, found := range emoteForm.FindAllStringIndex(body, -1) {
		if found[1] == len(body) || body[found[1]] != ':' {
			continue
		}
		if code := body[found[0]+1 : found[1]]; len(codes) < maxEmotes && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// quote returns the beginning of a body, for those who reply to it.
func quote(body string) string {
	n := 0
	for i := range body {
		if n == maxQuote {
			return strings.TrimRight(body[:i], " ") + "…"
		}
		n++
	}
	return body
}
