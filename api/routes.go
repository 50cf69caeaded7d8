package api

import (
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

// operation is one of huma's, with what we see to ourselves.
type operation struct {
	*huma.Operation

	bodyWithin time.Duration // for the body to arrive
}

// routes finds the operation that a request is for. It is filled before the first
// request, and not changed from then on.
type routes struct {
	operations map[string]*operation // by method and echo's template of the path
}

// fill reads all operations of doc.
func (r *routes) fill(doc *huma.OpenAPI) {
	r.operations = map[string]*operation{}
	template := strings.NewReplacer("{", ":", "}", "") // as humaecho has it
	for path, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			r.operations[op.Method+" "+template.Replace(path)] = &operation{op, max(bodyWithin, op.BodyReadTimeout)}
			if takesJSON(op) && len(op.RequestBody.Content) == 1 {
				// The body is read before huma looks. Its deadline would end the request
				// while that is served.
				op.BodyReadTimeout = 0
			}
		}
	}
}

// of returns the operation that echo has found for a request; nil if it is none of
// huma's.
func (r *routes) of(c echo.Context) *operation {
	return r.operations[c.Request().Method+" "+c.Path()]
}

// idOf returns the id of the operation that echo has found; "" if it is none of huma's.
func (r *routes) idOf(c echo.Context) string {
	if op := r.of(c); op != nil {
		return op.OperationID
	}
	return ""
}
