package broadcast_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// component is a part of an iCalendar object, as a strict reader of RFC 5545 has it.
type component struct {
	name       string
	properties map[string]string // raw values, by name without parameters
	parts      []component
}

var contentLine = regexp.MustCompile(`^([A-Z0-9-]+)((?:;[A-Z0-9-]+=(?:[^";:,\x00-\x1f]*|"[^"\x00-\x1f]*"))*):(.*)$`)

// parseCalendar reads an iCalendar object, and refuses whatever RFC 5545 does not allow.
func parseCalendar(content string) (component, error) {
	if !utf8.ValidString(content) {
		return component{}, fmt.Errorf("not UTF-8")
	}
	if !strings.HasSuffix(content, "\r\n") || strings.Contains(content, "\r\n\r\n") {
		return component{}, fmt.Errorf("lines do not end as they must")
	}
	physical := strings.Split(strings.TrimSuffix(content, "\r\n"), "\r\n")
	var lines []string
	for _, line := range physical {
		switch {
		case strings.ContainsAny(line, "\r\n"):
			return component{}, fmt.Errorf("bare line break in %q", line)
		case len(line) > 75:
			return component{}, fmt.Errorf("line of %d octets", len(line))
		case !utf8.ValidString(line):
			return component{}, fmt.Errorf("folded within a character: %q", line)
		case strings.HasPrefix(line, " "):
			if len(lines) == 0 {
				return component{}, fmt.Errorf("begins with a continuation")
			}
			lines[len(lines)-1] += line[1:]
		default:
			lines = append(lines, line)
		}
	}
	rest, c, err := parseComponent(lines)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("more after the end")
	}
	return c, err
}

func parseComponent(lines []string) (rest []string, c component, err error) {
	name, ok := strings.CutPrefix(lines[0], "BEGIN:")
	if !ok {
		return nil, c, fmt.Errorf("%q begins nothing", lines[0])
	}
	c = component{name: name, properties: map[string]string{}}
	for lines = lines[1:]; len(lines) > 0; {
		if lines[0] == "END:"+name {
			return lines[1:], c, nil
		}
		if strings.HasPrefix(lines[0], "BEGIN:") {
			var part component
			if lines, part, err = parseComponent(lines); err != nil {
				return nil, c, err
			}
			c.parts = append(c.parts, part)
			continue
		}
		found := contentLine.FindStringSubmatch(lines[0])
		if len(found) != 4 || strings.ContainsFunc(found[3], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, c, fmt.Errorf("not a content line: %q", lines[0])
		}
		if _, twice := c.properties[found[1]]; twice {
			return nil, c, fmt.Errorf("%s comes twice", found[1])
		}
		c.properties[found[1]] = found[3]
		lines = lines[1:]
	}
	return nil, c, fmt.Errorf("%s has no end", name)
}

// plain reads a TEXT value. RFC 5545 3.3.11
func plain(value string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case ';', ',':
			return "", fmt.Errorf("%c is not escaped", value[i])
		case '\\':
			i++
			if i == len(value) || !strings.ContainsRune(`\;,nN`, rune(value[i])) {
				return "", fmt.Errorf("unknown escape")
			}
			if value[i] == 'n' || value[i] == 'N' {
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(value[i])
	}
	return b.String(), nil
}

// checkEvents checks what every event must have. RFC 5545 3.6.1
func checkEvents(t *testing.T, calendar component) {
	t.Helper()
	require.Equal(t, "VCALENDAR", calendar.name)
	require.Equal(t, "2.0", calendar.properties["VERSION"])
	require.NotEmpty(t, calendar.properties["PRODID"])
	uids := map[string]bool{}
	for _, event := range calendar.parts {
		require.Equal(t, "VEVENT", event.name)
		p := event.properties
		require.False(t, uids[p["UID"]])
		uids[p["UID"]] = true
		times := map[string]time.Time{}
		for _, name := range []string{"DTSTAMP", "CREATED", "LAST-MODIFIED", "DTSTART", "DTEND"} {
			if p[name] == "" && name == "DTEND" {
				continue
			}
			at, err := time.Parse("20060102T150405Z", p[name])
			require.NoError(t, err, name)
			times[name] = at
		}
		if end, ok := times["DTEND"]; ok {
			require.True(t, end.After(times["DTSTART"]))
		}
		require.Regexp(t, `^[0-9]+$`, p["SEQUENCE"])
		require.Contains(t, []string{"CONFIRMED", "TENTATIVE", "CANCELLED"}, p["STATUS"])
		u, err := url.Parse(p["URL"])
		require.NoError(t, err)
		require.True(t, u.IsAbs())
		for _, name := range []string{"SUMMARY", "DESCRIPTION"} {
			_, err := plain(p[name])
			require.NoError(t, err)
		}
	}
}

const calendarPath = "/api/v1/channels/demo/calendar.ics"

func (s *site) calendar() (events map[string]component, etag string) {
	s.t.Helper()
	r := s.Do(http.MethodGet, calendarPath, "", "")
	require.Equal(s.t, http.StatusOK, r.Status, r.Text)
	require.Equal(s.t, "text/calendar; charset=utf-8", r.Header.Get("Content-Type"))
	calendar, err := parseCalendar(r.Text)
	require.NoError(s.t, err, r.Text)
	checkEvents(s.t, calendar)
	events = map[string]component{}
	for _, event := range calendar.parts {
		title, err := plain(event.properties["SUMMARY"])
		require.NoError(s.t, err)
		events[title] = event
	}
	return events, r.Header.Get("ETag")
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		events, empty := s.calendar()
		require.Empty(t, events)
		past := s.air(s.id)
		s.air(s.id) // stays hidden
		require.Equal(t, http.StatusOK, s.Do(http.MethodPatch, past, s.owner.Token, `{"title":"Past"}`).Status)
		require.Equal(t, http.StatusOK, s.Do(http.MethodPost, past+"/publish", s.owner.Token, "").Status)
		s.now.Store(noon.UnixMicro())
		const title = `Äöü; "Frühling", 100 % \n \\ — 🎷🎺 und so weiter und so weiter und noch viel mehr`
		plan := s.plan(title, 10*time.Hour, `"description":"One, two; three\n\nBEGIN:VEVENT\nfour \\n"`, `"tags":["jazz","a-b"]`)
		require.Equal(t, http.StatusCreated, plan.Status, plan.Text)
		require.Equal(t, http.StatusCreated, s.plan("Missed", 5*time.Hour).Status)
		require.Equal(t, http.StatusCreated, s.Do(http.MethodPost, demoPath, s.owner.Token, `{"title":"Prepared"}`).Status)

		events, tag := s.calendar()
		require.Len(t, events, 3)
		require.NotEqual(t, empty, tag)
		p := events[title].properties
		require.Equal(t, plan.JSON["id"].(string)+"@live.example.org", p["UID"])
		require.Equal(t, "20270301T220000Z", p["DTSTART"])
		require.Equal(t, "20270301T230000Z", p["DTEND"])
		require.Equal(t, "20270301T120000Z", p["DTSTAMP"])
		require.Equal(t, "1", p["SEQUENCE"])
		require.Equal(t, "CONFIRMED", p["STATUS"])
		require.Equal(t, "https://live.example.org/c/demo", p["URL"])
		require.Equal(t, "a-b,jazz", p["CATEGORIES"])
		description, err := plain(p["DESCRIPTION"])
		require.NoError(t, err)
		require.Equal(t, "One, two; three\n\nBEGIN:VEVENT\nfour \\n", description)
		require.Equal(t, "20270301T120000Z", events["Past"].properties["DTSTART"])

		for _, has := range []string{tag, `"x", W/` + tag, "*"} {
			r := s.Do(http.MethodGet, calendarPath, "", "", "If-None-Match", has)
			require.Equal(t, http.StatusNotModified, r.Status)
			require.Empty(t, r.Text)
			require.Equal(t, tag, r.Header.Get("ETag"))
		}
		require.Equal(t, http.StatusOK, s.Do(http.MethodGet, calendarPath, "", "", "If-None-Match", `"x"`).Status)

		s.advance(time.Minute)
		r := s.Do(http.MethodPatch, plan.Header.Get("Location"), s.owner.Token, `{"title":"Moved","planned_end":"2027-03-01T23:30:00Z"}`)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		events, changed := s.calendar()
		require.NotEqual(t, tag, changed)
		p = events["Moved"].properties
		require.Equal(t, "2", p["SEQUENCE"])
		require.Equal(t, "20270301T120100Z", p["LAST-MODIFIED"])
		require.Equal(t, "20270301T233000Z", p["DTEND"])

		s.now.Store(noon.Add(9*time.Hour + 45*time.Minute).UnixMicro())
		events, _ = s.calendar()
		require.Equal(t, "CANCELLED", events["Missed"].properties["STATUS"])
		s.begin(s.id)
		events, _ = s.calendar()
		require.Equal(t, "20270301T214500Z", events["Moved"].properties["DTSTART"], "on air since then")

		s.exec("UPDATE channels SET visibility = 'private' WHERE id = $1", s.id)
		apitest.RequireProblem(t, s.Do(http.MethodGet, calendarPath, "", ""), http.StatusNotFound, "channel_not_found")
		require.Equal(t, http.StatusOK, s.Do(http.MethodGet, calendarPath, s.owner.Token, "").Status)
	})
}
