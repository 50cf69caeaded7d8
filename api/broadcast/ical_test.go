package broadcast

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzCalendarText writes any text and reads it back as RFC 5545 has it: nothing but
// control characters is lost, and no line is too long or ends within a character.
func FuzzCalendarText(f *testing.F) {
	for _, seed := range []string{
		"", "Session", `a\nb;c,d\`, "a\r\nEND:VEVENT\r\n", "\n\n", "\x00\x7f\t", "\xff\xfe",
		strings.Repeat("ü", 200), strings.Repeat("🎷", 50), strings.Repeat("x", 66) + "é", strings.Repeat(",", 80),
		"e\u0301\u200d\u2028", strings.Repeat(" ", 160),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c ical
		c.text("SUMMARY", text)
		written := c.buf.String()
		require.True(t, strings.HasSuffix(written, "\r\n"))
		var value strings.Builder
		for i, line := range strings.Split(strings.TrimSuffix(written, "\r\n"), "\r\n") {
			require.LessOrEqual(t, len(line), 75)
			require.True(t, utf8.ValidString(line))
			require.NotContains(t, line, "\r")
			require.NotContains(t, line, "\n")
			if i > 0 {
				require.True(t, strings.HasPrefix(line, " "))
				line = line[1:]
			}
			value.WriteString(line)
		}
		got, ok := strings.CutPrefix(value.String(), "SUMMARY:")
		require.True(t, ok)
		require.NotRegexp(t, `(^|[^\\])(\\\\)*[,;]`, got, "each is escaped")
		got = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\;`, ";", `\,`, ",").Replace(got)
		want := strings.Map(func(r rune) rune {
			if r != '\n' && r != '\t' && unicode.IsControl(r) && r < 0x80 {
				return -1
			}
			return r
		}, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd"))
		require.Equal(t, want, got)
	})
}
