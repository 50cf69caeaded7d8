package apitest

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// compare fails the test if a reply is not as the OpenAPI document has it: its status,
// its type of content, each field of its body.
func (s *Server) compare(method, path string, r Reply) {
	s.t.Helper()
	if method == http.MethodHead {
		method = http.MethodGet
	}
	op := operationAt(s.doc, method, path)
	if op == nil {
		return // there is nothing, or it is no operation
	}
	for _, wrong := range compare(s.doc, op, r) {
		s.t.Errorf("%s %s (%s) is not as documented: %s\n%s", method, path, op.OperationID, wrong, r.Text)
	}
}

// operationAt returns the operation that serves path; nil if there is none. A segment
// that is written out goes before one that is a parameter.
func operationAt(doc *huma.OpenAPI, method, path string) *huma.Operation {
	var found *huma.Operation
	best := -1
	for template, item := range doc.Paths {
		op := map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPut: item.Put, http.MethodPost: item.Post,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		}[method]
		if written, ok := matches(template, path); ok && op != nil && written > best {
			found, best = op, written
		}
	}
	return found
}

// matches reports whether path is one of template, and how many of its segments are
// written out there.
func matches(template, path string) (written int, ok bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return 0, false
	}
	for i := range want {
		switch {
		case want[i] == got[i]:
			written++
		case !strings.HasPrefix(want[i], "{") || got[i] == "":
			return 0, false
		}
	}
	return written, true
}

// compare returns what is wrong with a reply of op.
func compare(doc *huma.OpenAPI, op *huma.Operation, r Reply) (wrong []string) {
	response := op.Responses[strconv.Itoa(r.Status)]
	if response == nil {
		return []string{"no status " + strconv.Itoa(r.Status)}
	}
	if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
		response = doc.Components.Responses[name]
	}
	for _, name := range []string{"Location", "ETag", "Link", "Retry-After"} {
		if r.Header.Get(name) != "" && response.Headers[name] == nil {
			wrong = append(wrong, "no header "+name)
		}
	}
	if r.Text == "" {
		return wrong
	}
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return append(wrong, "no type of content")
	}
	media := response.Content[contentType]
	if media == nil {
		return append(wrong, "no content of type "+contentType)
	}
	if media.Schema == nil || !strings.HasSuffix(contentType, "json") {
		return wrong
	}
	var value any
	if err := json.Unmarshal([]byte(r.Text), &value); err != nil {
		return append(wrong, "the body is not JSON")
	}
	return append(wrong, invalid(doc, media.Schema, value, huma.ModeReadFromServer)...)
}

// invalid returns where value is not as schema has it.
func invalid(doc *huma.OpenAPI, schema *huma.Schema, value any, mode huma.ValidateMode) (wrong []string) {
	found := &huma.ValidateResult{}
	huma.Validate(doc.Components.Schemas, schema, huma.NewPathBuffer(nil, 0), mode, value, found)
	for _, err := range found.Errors {
		wrong = append(wrong, err.Error())
	}
	return wrong
}
