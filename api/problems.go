package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"bandstand/api/rest"
)

// problemsPath is where the types of problems are explained: the type of a Problem is
// a page below it.
const problemsPath = "/api/problems"

// problemList is all codes of problems that there are. A test makes it out of the
// outcomes that the features define.
//
//go:embed problems.json
var problemList []byte

// problemKind is what all problems with a code have in common.
type problemKind struct {
	Code    string   `json:"code"`
	Status  int      `json:"status"`
	Title   string   `json:"title"`
	Details []string `json:"details"` // for people, each for another case
}

var errNoProblem = rest.NotFound("not_found", "there is no such problem")

var problemsPage = template.Must(template.New("problems").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Problems of the Bandstand API</title>
</head>
<body>
<h1>Problems of the Bandstand API</h1>
<p>Failures are <a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a> problem details. Programs tell them apart by <code>code</code>. <a href="` + docsPath + `">About the API</a>.</p>
<dl>
{{range .}}<dt id="{{.Code}}"><a href="` + problemsPath + `/{{.Code}}"><code>{{.Code}}</code></a> ({{.Status}} {{.Title}})</dt>
{{range .Details}}<dd>{{.}}</dd>
{{end}}{{end}}</dl>
</body>
</html>
`))

// serveProblems serves a page about each kind of problem, and one about all of them;
// as JSON for who asks for that.
func serveProblems(e *echo.Echo) error {
	var kinds []problemKind
	if err := json.Unmarshal(problemList, &kinds); err != nil {
		return fmt.Errorf("read the list of problems: %w", err)
	}
	byCode := map[string]problemKind{}
	for _, kind := range kinds {
		byCode[kind.Code] = kind
	}
	e.GET(problemsPath, func(c echo.Context) error { return showProblems(c, kinds, kinds) })
	e.GET(problemsPath+"/:code", func(c echo.Context) error {
		kind, ok := byCode[c.Param("code")]
		if !ok {
			return errNoProblem
		}
		return showProblems(c, kind, []problemKind{kind})
	})
	return nil
}

// showProblems replies with value as JSON, or with a page about kinds.
func showProblems(c echo.Context, value any, kinds []problemKind) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Vary", "Accept")
	if !strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
		return c.JSON(http.StatusOK, value)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	return problemsPage.Execute(c.Response(), kinds)
}
