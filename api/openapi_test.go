package api_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/storage/db/dbtest"
)

func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	s, n := startNotes(t, dbtest.SQLite(t), func(cfg *api.Config) { cfg.PublicURL = "https://live.example.org" })
	got := s.Do("GET", "/api/openapi.json", "", "")
	require.Equal(t, 200, got.Status)
	require.Equal(t, "application/openapi+json", got.Header.Get("Content-Type"))
	require.Equal(t, 304, s.Do("GET", "/api/openapi.json", "", "", "If-None-Match", got.Header.Get("ETag")).Status)
	require.Contains(t, got.Text, `"url":"https://live.example.org"`)
	s.CheckDocument()

	printed, err := api.Document("1.2.3", []api.Feature{(&notes{}).register})
	require.NoError(t, err)
	apitest.CheckDocument(t, printed)
	again, err := api.Document("1.2.3", []api.Feature{n.register})
	require.NoError(t, err)
	require.True(t, bytes.Equal(printed, again), "the document is the same every time")
	require.True(t, json.Valid(printed))
}

// TestTheDocumentTellsWhatIsCommon looks at what no feature says itself.
func TestTheDocumentTellsWhatIsCommon(t *testing.T) {
	t.Parallel()
	printed, err := api.Document("1.2.3", []api.Feature{(&notes{}).register})
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name string }
			RequestBody struct {
				Content map[string]struct{ Example any }
			}
			Responses map[string]struct {
				Ref     string `json:"$ref"`
				Headers map[string]any
				Content map[string]struct{ Example any }
			}
		}
	}
	require.NoError(t, json.Unmarshal(printed, &doc))
	create := doc.Paths["/api/v1/channels"]["post"]
	require.Equal(t, []struct{ Name string }{{"Idempotency-Key"}}, create.Parameters)
	require.Equal(t, map[string]any{
		"slug": "demo", "title": "Demo", "more": map[string]any{"links": []any{map[string]any{"url": "https://example.org/"}}},
	}, create.RequestBody.Content["application/json"].Example)
	for _, header := range []string{"Location", "ETag", "RateLimit", "RateLimit-Policy", "X-Request-Id", "Idempotency-Replayed"} {
		require.Contains(t, create.Responses["201"].Headers, header)
	}
	for status, name := range map[string]string{"401": "Unauthorized", "409": "Conflict", "413": "RequestTooLarge", "429": "TooManyRequests", "503": "Unavailable"} {
		require.Equal(t, "#/components/responses/"+name, create.Responses[status].Ref)
	}
	login := doc.Paths["/api/v1/auth/login"]["post"]
	require.Empty(t, login.Parameters, "nobody in particular has no keys")
	list := doc.Paths["/api/v1/channels"]["get"]
	require.Contains(t, list.Responses, "429", "searches are counted")
	require.NotContains(t, doc.Paths["/api/v1/auth/me"]["get"].Responses, "429")
}
