package broadcast

import (
	"regexp"
	"slices"
	"strings"

	"bandstand/api/rest"
)

// Bounds of what a broadcast says of itself, in characters.
const (
	maxTitle       = 100
	maxDescription = 5000
	maxCategory    = 40
	maxLinks       = 10
	maxTags        = 10
	maxTag         = 30
)

var tagForm = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

// BroadcastLink leads to elsewhere.
type BroadcastLink struct {
	Label string `json:"label" minLength:"1" maxLength:"60" example:"Tickets"`
	URL   string `json:"url" minLength:"1" maxLength:"500" format:"uri" doc:"An http or https address." example:"https://example.org/tickets"`
}

// texts is what people write of a broadcast.
type texts struct {
	title, description, category string
	tags                         []string
	links                        []BroadcastLink
}

// clean makes t fit to be shown. The outcomes are ErrBad….
func (t *texts) clean() error {
	var ok bool
	if t.title, ok = rest.Line(t.title, maxTitle); !ok || t.title == "" {
		return ErrBadTitle
	}
	if t.description, ok = rest.Lines(t.description, maxDescription); !ok {
		return ErrBadDescription
	}
	if t.category, ok = rest.Line(t.category, maxCategory); !ok {
		return ErrBadCategory
	}
	if t.tags, ok = cleanTags(t.tags); !ok {
		return ErrBadTags
	}
	if t.links, ok = cleanLinks(t.links); !ok {
		return ErrBadLinks
	}
	return nil
}

// words returns under what a broadcast can be found.
func (t *texts) words() []string {
	return rest.Words(t.title, strings.Join(t.tags, " "), t.category, t.description)
}

// cleanTags returns each tag once, in order.
func cleanTags(tags []string) ([]string, bool) {
	tags = slices.Clone(tags)
	slices.Sort(tags)
	tags = slices.Compact(tags)
	for _, tag := range tags {
		if len(tag) > maxTag || !tagForm.MatchString(tag) {
			return nil, false
		}
	}
	return tags, len(tags) <= maxTags
}

// cleanLinks returns links fit to be shown.
func cleanLinks(links []BroadcastLink) ([]BroadcastLink, bool) {
	if len(links) > maxLinks {
		return nil, false
	}
	cleaned := make([]BroadcastLink, 0, len(links))
	for _, link := range links {
		label, address, ok := rest.Link(link.Label, link.URL)
		if !ok {
			return nil, false
		}
		cleaned = append(cleaned, BroadcastLink{Label: label, URL: address})
	}
	return cleaned, true
}
