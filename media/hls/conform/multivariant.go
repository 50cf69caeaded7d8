package conform

import (
	"errors"
	"fmt"
	"strings"
)

// variant is one EXT-X-STREAM-INF with its address.
type variant struct {
	uri   string
	audio string // GROUP-ID of its audio renditions
	attrs attributes
}

// audioRendition is one EXT-X-MEDIA of TYPE=AUDIO. Its address is empty when it
// is inside the variants' media.
type audioRendition struct {
	group, uri string
}

// multivariant is a parsed multivariant playlist.
type multivariant struct {
	variants []variant
	audio    []audioRendition
}

// isMedia tells a media playlist from a multivariant one.
func isMedia(body string) bool { return strings.Contains(body, "\n#EXT-X-TARGETDURATION:") }

// maxRenditions bounds the playlists that one watch follows.
const maxRenditions = 64

// parseMultivariant reads a multivariant playlist strictly, RFC 8216bis 4.4.6.
func parseMultivariant(body string) (*multivariant, error) {
	ls, err := lines(body)
	if err != nil {
		return nil, err
	}
	m := &multivariant{}
	var pending *variant
	for _, l := range ls {
		tag, value, _ := strings.Cut(l, ":")
		switch {
		case tag == "#EXT-X-STREAM-INF":
			if pending != nil {
				return nil, errors.New("EXT-X-STREAM-INF without an address after it")
			}
			a, err := parseAttributes(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", tag, err)
			}
			pending = &variant{attrs: a, audio: a["AUDIO"].value}
		case tag == "#EXT-X-MEDIA":
			if err := m.media(value); err != nil {
				return nil, fmt.Errorf("%s: %w", tag, err)
			}
		case l == "" || strings.HasPrefix(l, "#"):
		case pending == nil:
			return nil, fmt.Errorf("address %.60q without EXT-X-STREAM-INF", l)
		default:
			pending.uri = l
			m.variants = append(m.variants, *pending)
			pending = nil
		}
	}
	if err := m.validate(pending); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *multivariant) media(value string) error {
	a, err := parseAttributes(value)
	if err != nil {
		return err
	}
	kind, err := a.word("TYPE")
	if err != nil {
		return err
	}
	group, err1 := a.text("GROUP-ID")
	_, err2 := a.text("NAME")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if kind != "AUDIO" {
		return nil
	}
	var uri string
	if a.has("URI") {
		uri, err = a.text("URI")
	}
	m.audio = append(m.audio, audioRendition{group, uri})
	return err
}

func (m *multivariant) validate(pending *variant) error {
	if pending != nil {
		return errors.New("EXT-X-STREAM-INF without an address after it")
	}
	if len(m.variants) == 0 {
		return errors.New("no variants")
	}
	if len(m.variants)+len(m.audio) > maxRenditions {
		return fmt.Errorf("more than %d renditions", maxRenditions)
	}
	for _, v := range m.variants {
		if v.audio != "" && !m.hasGroup(v.audio) {
			return fmt.Errorf("variant %s names the unknown audio group %q", v.uri, v.audio)
		}
	}
	return nil
}

func (m *multivariant) hasGroup(id string) bool {
	for _, a := range m.audio {
		if a.group == id {
			return true
		}
	}
	return false
}
