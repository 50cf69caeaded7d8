package api_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db/dbtest"
)

func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	got := s.do("GET", "/api/openapi.json", "", "")
	require.Equal(t, 200, got.status)
	require.Equal(t, "application/openapi+json", got.header.Get("Content-Type"))
	require.Equal(t, 304, s.do("GET", "/api/openapi.json", "", "", "If-None-Match", got.header.Get("ETag")).status)

	var doc struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Tags        []string
			Security    []map[string][]string
			Parameters  []struct{ Name, In string }
			Responses   map[string]struct {
				Content map[string]json.RawMessage
			}
		}
		Components struct {
			Schemas         map[string]json.RawMessage
			SecuritySchemes map[string]json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.text), &doc))
	require.Regexp(t, `^3\.1\.`, doc.OpenAPI)
	require.Equal(t, "Bandstand", doc.Info.Title)
	require.Equal(t, "1.2.3", doc.Info.Version)
	require.Contains(t, doc.Components.Schemas, "Problem")

	ids := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			name := method + " " + path
			require.NotEmpty(t, op.OperationID, name)
			require.False(t, ids[op.OperationID], "%s: id %s is used twice", name, op.OperationID)
			ids[op.OperationID] = true
			require.NotEmpty(t, op.Summary, name)
			require.NotEmpty(t, op.Tags, name)
			require.NotEmpty(t, op.Security, "%s says who may call it", name)
			for _, schemes := range op.Security {
				for scheme := range schemes {
					require.Contains(t, doc.Components.SecuritySchemes, scheme, name)
				}
			}
			if len(op.Security[0]) > 0 { // not for everyone
				require.Contains(t, op.Responses, "401", name)
				require.Contains(t, op.Responses, "403", name)
			}
			for _, param := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				require.True(t, slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool {
					return p.Name == param[1] && p.In == "path"
				}), "%s: %s is not described", name, param[1])
			}
			for status, response := range op.Responses {
				if status >= "400" {
					require.Contains(t, response.Content, "application/problem+json", "%s: %s", name, status)
				}
			}
		}
	}
	require.Len(t, ids, 13)

	for _, ref := range regexp.MustCompile(`"\$ref":"([^"]+)"`).FindAllStringSubmatch(got.text, -1) {
		name, ok := strings.CutPrefix(ref[1], "#/components/schemas/")
		require.True(t, ok, ref[1])
		require.Contains(t, doc.Components.Schemas, name)
	}
}

// TestRepliesAreAsDocumented guards against fields that the document does not show.
func TestRepliesAreAsDocumented(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(s.do("GET", "/api/openapi.json", "", "").text), &doc))
	ada := s.user("ada", "user")
	for schema, reply := range map[string]reply{
		"CreateChannelOutputBody":   s.do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"Demo"}`),
		"ChannelView":               s.do("GET", "/api/v1/channels/demo", "", ""),
		"CreateStreamKeyOutputBody": s.do("POST", "/api/v1/channels/demo/keys", ada, `{"label":"x"}`),
		"ListStreamKeysOutputBody":  s.do("GET", "/api/v1/channels/demo/keys", ada, ""),
		"UserView":                  s.do("GET", "/api/v1/auth/me", ada, ""),
		"Problem":                   s.do("GET", "/api/v1/auth/me", "", ""),
	} {
		described, ok := doc.Components.Schemas[schema]
		require.True(t, ok, schema)
		for field := range reply.json {
			require.Contains(t, described.Properties, field, schema)
		}
		for _, field := range described.Required {
			require.Contains(t, reply.json, field, schema)
		}
	}
}
