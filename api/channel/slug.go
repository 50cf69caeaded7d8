package channel

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slugForm is what a channel's address may be: 2 to 40 small letters, digits and
// single dashes between them.
var slugForm = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])+$`)

const (
	maxSlug  = 40
	maxTitle = 100 // characters
)

// isSlug reports whether a channel could have this address.
func isSlug(slug string) bool { return len(slug) <= maxSlug && slugForm.MatchString(slug) }

func checkSlug(slug string) error {
	if !isSlug(slug) || isReserved(slug) {
		return ErrBadSlug
	}
	return nil
}

// isReserved reports whether an address would stand in the way of the server's
// own paths, or pass for the server.
func isReserved(slug string) bool {
	switch slug {
	case "admin", "api", "assets", "auth", "bandstand", "c", "channel", "channels", "docs", "embed",
		"healthz", "help", "hls", "hls-live", "index", "ingest", "live", "login", "logout", "me", "metrics",
		"new", "null", "openapi", "radio", "readyz", "settings", "signup", "static", "status", "system",
		"undefined", "user", "users", "vod", "watch", "www":
		return true
	}
	return false
}

// cleanTitle returns title without spaces around it. It must be one line of text.
func cleanTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	n := utf8.RuneCountInString(title)
	if n == 0 || n > maxTitle || !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl) {
		return "", ErrBadTitle
	}
	return title, nil
}
