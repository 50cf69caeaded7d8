package channel

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"bandstand/api/rest"
)

// Bounds of what a channel says of itself, in characters.
const (
	maxTitle       = 100
	maxDescription = 5000
	maxCategory    = 40
	maxLinks       = 10
	maxTags        = 10
	maxTag         = 30
	maxRecorded    = 8 // renditions
)

var tagForm = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

// cleanTitle returns title as one line of text.
func cleanTitle(title string) (string, error) {
	title, ok := rest.Line(title, maxTitle)
	if !ok || title == "" {
		return "", ErrBadTitle
	}
	return title, nil
}

func cleanDescription(text string) (string, error) {
	text, ok := rest.Lines(text, maxDescription)
	if !ok {
		return "", ErrBadDescription
	}
	return text, nil
}

func cleanCategory(category string) (string, error) {
	category, ok := rest.Line(category, maxCategory)
	if !ok {
		return "", ErrBadCategory
	}
	return category, nil
}

// cleanLinks returns links fit to be shown.
func cleanLinks(links []Link) ([]Link, error) {
	if len(links) > maxLinks {
		return nil, ErrBadLinks
	}
	cleaned := make([]Link, 0, len(links))
	for _, link := range links {
		label, address, ok := rest.Link(link.Label, link.URL)
		if !ok {
			return nil, ErrBadLinks
		}
		cleaned = append(cleaned, Link{Label: label, URL: address})
	}
	return cleaned, nil
}

// cleanTags returns each tag once, in order.
func cleanTags(tags []string) ([]string, error) {
	tags = slices.Clone(tags)
	slices.Sort(tags)
	tags = slices.Compact(tags)
	if len(tags) > maxTags {
		return nil, ErrBadTags
	}
	for _, tag := range tags {
		if len(tag) > maxTag || !tagForm.MatchString(tag) {
			return nil, ErrBadTags
		}
	}
	return tags, nil
}

// checkRecording refuses names that no rendition can have.
func checkRecording(r Recording) error {
	if len(r.Renditions) > maxRecorded {
		return ErrBadRecording
	}
	for i, name := range r.Renditions {
		if !rungName.MatchString(name) || slices.Contains(r.Renditions[:i], name) {
			return ErrBadRecording
		}
	}
	return nil
}

// isText reports whether a database takes s as a text.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
