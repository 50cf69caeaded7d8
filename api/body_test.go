package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestBodiesThatAreNoGoodAreRefused(t *testing.T) {
	t.Parallel()
	s, n := startNotes(t, dbtest.SQLite(t))
	ada := s.Person("ada", auth.RoleUser).Token
	deep := func(levels int) string {
		return `{"slug":"demo","title":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`
	}
	for name, test := range map[string]struct {
		body, contentType string
		status            int
		code, message     string // message of the first error
	}{
		"nothing":           {" ", "", 400, "malformed_json", "see byte 1"},
		"cut":               {`{"slug":"demo"`, "", 400, "malformed_json", "see byte 14"},
		"two values":        {`{"slug":"demo","title":"Demo"} {}`, "", 400, "malformed_json", "see byte 32"},
		"comment":           {`{"slug":"demo",/**/"title":"Demo"}`, "", 400, "malformed_json", "see byte 16"},
		"not UTF-8":         {"{\"slug\":\"demo\",\"title\":\"\xff\"}", "", 400, "not_utf8", "see byte 24"},
		"half a character":  {"{\"slug\":\"demo\",\"title\":\"\xc3\"}", "", 400, "not_utf8", "see byte 24"},
		"zero character":    {`{"slug":"demo","title":"a\u0000b"}`, "", 400, "zero_character", "see byte 33"},
		"zero in a name":    {`{"a\u0000b":1}`, "", 400, "zero_character", "see byte 11"},
		"raw zero":          {"{\"slug\":\"a\x00b\"}", "", 400, "malformed_json", "see byte 11"},
		"field twice":       {`{"slug":"demo","title":"Demo","slug":"evil"}`, "", 400, "duplicate_field", "see byte 36"},
		"twice by case":     {`{"slug":"demo","title":"Demo","SLUG":"evil"}`, "", 400, "duplicate_field", "see byte 36"},
		"twice further in":  {`{"slug":"demo","title":"Demo","more":{"links":[{"url":"a:b","url":"a:c"}]}}`, "", 400, "duplicate_field", "see byte 65"},
		"too deep":          {deep(32), "", 400, "json_too_deep", "see byte 55"},
		"much too deep":     {deep(100_000), "", 400, "malformed_json", "see byte 10023"},
		"deep enough":       {deep(31), "", 422, "unprocessable_entity", "expected string"},
		"not an object":     {`[]`, "", 422, "unprocessable_entity", "expected object"},
		"null":              {`null`, "", 422, "unprocessable_entity", "expected object"},
		"unknown field":     {`{"slug":"demo","title":"Demo","role":"admin"}`, "", 422, "unprocessable_entity", "unexpected property"},
		"other case":        {`{"Slug":"demo","title":"Demo"}`, "", 422, "unprocessable_entity", "expected required property slug to be present"},
		"unknown within":    {`{"slug":"demo","title":"Demo","more":{"x":1}}`, "", 422, "unprocessable_entity", "unexpected property"},
		"unknown in a list": {`{"slug":"demo","title":"Demo","more":{"links":[{"url":"a:b","x":1}]}}`, "", 422, "unprocessable_entity", "unexpected property"},
		"wrong type":        {`{"slug":1,"title":"Demo"}`, "", 422, "unprocessable_entity", "expected string"},
		"form":              {"slug=demo&title=Demo", "application/x-www-form-urlencoded", 415, "unsupported_media_type", ""},
		"other charset":     {`{"slug":"demo","title":"Demo"}`, "application/json; charset=utf-16", 415, "unsupported_media_type", ""},
		"broken type":       {`{"slug":"demo","title":"Demo"}`, "application/json; =", 415, "unsupported_media_type", ""},
		"yaml":              {"slug: demo", "application/yaml", 415, "unsupported_media_type", ""},
	} {
		t.Run(name, func(t *testing.T) {
			header := []string{}
			if test.contentType != "" {
				header = append(header, "Content-Type", test.contentType)
			}
			got := s.Do("POST", "/api/v1/channels", ada, test.body, header...)
			apitest.RequireProblem(t, got, test.status, test.code)
			require.NotContains(t, got.Text, "evil")
			if test.message != "" {
				first := got.JSON["errors"].([]any)[0].(map[string]any)
				require.Equal(t, test.message, first["message"])
			}
		})
	}
	require.Empty(t, n.titles(), "nothing was changed")
	for _, contentType := range []string{"application/json", "application/json; charset=UTF-8", "application/merge-patch+json"} {
		require.Equal(t, 201, s.Do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"Demo"}`, "Content-Type", contentType).Status)
	}
	require.Equal(t, 401, s.Do("POST", "/api/v1/channels", "", "\xff").Status, "who may not is told so first")
	apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels", ada, ""), 400, "bad_request")
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s, n := startNotes(t, dbtest.SQLite(t))
	ada := s.Person("ada", auth.RoleUser).Token
	long := strings.Repeat("x", 10<<20)
	apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"`+long+`"}`), 413, "request_entity_too_large")
	ofUnknownLength := func(method, path, contentType string, size int64) apitest.Reply {
		return s.Send(method, path, ada, io.LimitReader(neverEnding('x'), size), "Content-Type", contentType)
	}
	apitest.RequireProblem(t, ofUnknownLength("POST", "/api/v1/channels", "application/json", 2<<20), 413, "request_entity_too_large")
	require.Empty(t, n.titles())

	picture := s.Send("PUT", "/api/v1/me/avatar", ada, strings.NewReader(long[:3<<20]), "Content-Type", "image/png")
	require.Equal(t, 200, picture.Status, picture.Text)
	require.InDelta(t, 3<<20, picture.JSON["bytes"], 0)
	apitest.RequireProblem(t, s.Send("PUT", "/api/v1/me/avatar", ada, strings.NewReader(long[:5<<20]), "Content-Type", "image/png"), 413, "request_entity_too_large")
	apitest.RequireProblem(t, ofUnknownLength("PUT", "/api/v1/me/avatar", "image/png", 5<<20), 413, "request_entity_too_large")
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func TestAddressesThatAreNoTextAreRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := startNotes(t, d)
		for path, code := range map[string]string{
			"/api/v1/channels/a%00b":      "bad_text",
			"/api/v1/channels/a%ffb":      "bad_text",
			"/api/v1/channels/%C3%28":     "bad_text",
			"/api/v1/channels?q=%00":      "bad_text",
			"/api/v1/channels?q=%ff":      "bad_text",
			"/api/v1/channels?%ff=1":      "bad_text",
			"/api/v1/channels?q=%zz":      "bad_query",
			"/api/v1/channels?q=a;limit=": "bad_query",
		} {
			apitest.RequireProblem(t, s.Do("GET", path, "", ""), 400, code)
		}
		for _, slug := range []string{"..", "A", "a'--", "a%22", "%E2%80%AE", strings.Repeat("a", 41)} {
			apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels/"+slug, "", ""), 404, "channel_not_found")
		}
		require.Equal(t, 200, s.Do("GET", "/api/v1/channels?q=%F0%9F%8E%B8", "", "").Status)
	})
}

// TestSlowBodiesAreGivenUp opens connections on which the body of a request never comes.
func TestSlowBodiesAreGivenUp(t *testing.T) {
	t.Parallel()
	s, n := startNotes(t, dbtest.SQLite(t))
	ada := s.Person("ada", auth.RoleUser).Token
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://")) //nolint:noctx // the deadline below is enough
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	fmt.Fprintf(conn, "POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", ada)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestTimeout, resp.StatusCode, string(text))
	require.Contains(t, string(text), `"code":"request_timeout"`)
	require.Empty(t, n.titles())
}
