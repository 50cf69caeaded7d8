package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzCheckJSON checks that what is let through is the same to every reader of JSON.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `"a"`, `1e400`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1,"A":2}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`,
		"\xff", `{"a":1}{"a":2}`, ` {"a":1} `, strings.Repeat("[", 40) + strings.Repeat("]", 40), `{"":{"":1}}`, `[[],{},[{}]]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := checkJSON(body)
		if p != nil {
			require.Equal(t, 400, p.Status)
			require.Len(t, p.Errors, 1)
			return
		}
		if len(body) == 0 {
			return
		}
		require.True(t, utf8.Valid(body))
		var value any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber() // some numbers fit into nothing
		require.NoError(t, d.Decode(&value))
		requireFit(t, value, maxDepth)
	})
}

// requireFit checks that a value is nested in depth levels at most, and that no text in
// it has a zero character.
func requireFit(t *testing.T, value any, depth int) {
	t.Helper()
	switch v := value.(type) {
	case string:
		require.NotContains(t, v, "\x00")
	case []any:
		require.Positive(t, depth)
		for _, item := range v {
			requireFit(t, item, depth-1)
		}
	case map[string]any:
		require.Positive(t, depth)
		names := map[string]bool{}
		for name, item := range v {
			require.NotContains(t, name, "\x00")
			require.False(t, names[strings.ToLower(name)])
			names[strings.ToLower(name)] = true
			requireFit(t, item, depth-1)
		}
	}
}
