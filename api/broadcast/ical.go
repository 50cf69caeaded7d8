package broadcast

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ical writes an iCalendar object. RFC 5545
type ical struct{ buf bytes.Buffer }

// maxOctets is how long a line may be without its end. RFC 5545 3.1
const maxOctets = 75

// raw writes a property whose value is what it must be already.
func (c *ical) raw(name, value string) {
	line := name + ":" + value
	room := maxOctets
	for len(line) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(line[cut]) { // not within a character
			cut--
		}
		if cut == 0 { // no character: invalid UTF-8, which cannot be here
			cut = room
		}
		c.buf.WriteString(line[:cut] + "\r\n ")
		line = line[cut:]
		room = maxOctets - 1 // the space counts
	}
	c.buf.WriteString(line + "\r\n")
}

// text writes a property whose value is text.
func (c *ical) text(name, value string) { c.raw(name, escape(value)) }

// texts writes a property whose value is a list of texts.
func (c *ical) texts(name string, values []string) {
	escaped := make([]string, len(values))
	for i, value := range values {
		escaped[i] = escape(value)
	}
	c.raw(name, strings.Join(escaped, ","))
}

// time writes a property whose value is an instant, in UTC. RFC 5545 3.3.5
func (c *ical) time(name string, t time.Time) { c.raw(name, t.UTC().Format("20060102T150405Z")) }

func (c *ical) number(name string, n int64) { c.raw(name, strconv.FormatInt(n, 10)) }

// escape makes value a TEXT. Control characters, which have no place in one, go.
// RFC 5545 3.3.11
func escape(value string) string {
	value = strings.ToValidUTF8(strings.ReplaceAll(value, "\r\n", "\n"), "\ufffd")
	var b strings.Builder
	for _, r := range value {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\\' || r == ';' || r == ',':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\t' || (r >= ' ' && r != 0x7f):
			b.WriteRune(r)
		}
	}
	return b.String()
}
