package api

import (
	"bytes"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

const docsPath = "/api/docs"

// docsPolicy lets the pages of the documentation run what we serve and nothing
// else. Swagger UI sets style attributes and draws its icons from data: URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bandstand API</title>
<link rel="stylesheet" href="` + docsPath + `/swagger-ui.css">
<link rel="icon" type="image/png" href="` + docsPath + `/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The API is described in <a href="` + openAPIPath + `">openapi.json</a>.</noscript>
<script src="` + docsPath + `/swagger-ui-bundle.js"></script>
<script src="` + docsPath + `/start.js"></script>
</body>
</html>
`

const docsScript = `SwaggerUIBundle({
  url: "` + openAPIPath + `",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  validatorUrl: null
});
`

// serveDocs serves the documentation. Its page is ours, and not swgui's, because
// that has scripts inside which a strict policy forbids; the rest is swgui's.
func serveDocs(e *echo.Echo) {
	assets := v5emb.NewHandlerWithConfig(swgui.Config{BasePath: docsPath})
	page := func(contentType, text string) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("Content-Security-Policy", docsPolicy)
			c.Response().Header().Set("Cache-Control", "no-cache")
			return c.Stream(http.StatusOK, contentType, bytes.NewReader([]byte(text)))
		}
	}
	index := page("text/html; charset=utf-8", docsPage)
	e.GET(docsPath, index)
	e.GET(docsPath+"/", index)
	e.GET(docsPath+"/start.js", page("text/javascript; charset=utf-8", docsScript))
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		e.GET(docsPath+"/"+name, func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "public, max-age=86400")
			assets.ServeHTTP(c.Response(), c.Request())
			return nil
		})
	}
}
