package rest

import (
	"net/url"
	"strings"
)

// Bounds of a link.
const (
	maxLinkLabel = 60  // characters
	maxLinkURL   = 500 // bytes
)

// Link returns a link that people made, fit to be shown: its label on one line, its
// address one of the web, as others would run or open something where they are shown.
func Link(label, address string) (cleanLabel, cleanAddress string, ok bool) {
	label, ok = Line(label, maxLinkLabel)
	if !ok || label == "" || len(address) > maxLinkURL {
		return "", "", false
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return "", "", false
	}
	return label, u.String(), true
}
