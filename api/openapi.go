package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"bandstand/api/auth"
)

const openAPIPath = "/api/openapi.json"

const about = `API of a self-hosted live-streaming server.

Names are in snake_case, times in RFC 3339 and UTC, ids are UUIDs in the order of time.

**Failures** are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details. Programs tell them
apart by ` + "`code`" + `; each ` + "`type`" + ` is the address of a page that explains it, see [all of them](` + problemsPath + `).

**Lists** come in pages: send ` + "`next_cursor`" + ` or ` + "`prev_cursor`" + ` of one as ` + "`cursor`" + ` to get another, or follow
` + "`Link`" + `. Items that come and go do not shift the others.

**Edits** leave alone what is absent. Send the ` + "`ETag`" + ` of what you read as ` + "`If-Match`" + `, and nobody's
change is lost.

**Sending again** what may have been lost is safe with an ` + "`Idempotency-Key`" + `.`

// humaConfig describes the API as a whole. Operations add themselves to it.
func humaConfig(cfg Config) huma.Config {
	server := cfg.PublicURL
	if server == "" {
		server = "/"
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Bandstand", Version: cfg.Version, Description: about,
				Contact: &huma.Contact{Name: "Whoever runs this server", URL: cfg.PublicURL},
				License: &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Servers: []*huma.Server{{URL: server, Description: "This server."}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: auth.Schemes(),
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// Document returns the OpenAPI document of an API with these features, which may be
// without their services: nothing is served.
func Document(version string, features []Feature) ([]byte, error) {
	installProblems()
	operations := humaecho.New(echo.New(), humaConfig(Config{Version: version}))
	for _, register := range features {
		register(operations)
	}
	if err := describe(operations.OpenAPI()); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	encoded, err := json.MarshalIndent(operations.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("api: encode the OpenAPI document: %w", err)
	}
	return append(encoded, '\n'), nil
}

// serveDocument serves doc, complete by now, in one piece made once.
func serveDocument(e *echo.Echo, doc *huma.OpenAPI) error {
	encoded, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode the OpenAPI document: %w", err)
	}
	sum := sha256.Sum256(encoded)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	e.GET(openAPIPath, func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Type", "application/openapi+json")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		if c.Request().Header.Get("If-None-Match") == etag {
			return c.NoContent(http.StatusNotModified)
		}
		_, err := c.Response().Write(encoded)
		return err
	})
	return nil
}
