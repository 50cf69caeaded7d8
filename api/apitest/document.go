package apitest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// document is what CheckDocument looks at of an OpenAPI document.
type document struct {
	OpenAPI string
	Info    struct {
		Title, Version, Description string
		License, Contact            map[string]any
	}
	Servers    []struct{ URL string }
	Tags       []struct{ Name, Description string }
	Paths      map[string]map[string]operation
	Components struct {
		Schemas         map[string]any
		Responses       map[string]response
		Headers         map[string]any
		SecuritySchemes map[string]any
	}
}

type operation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Security                          []map[string][]string
	Parameters                        []parameter
	RequestBody                       struct{ Content map[string]media }
	Responses                         map[string]response
}

type parameter struct{ Name, In, Description string }

type response struct {
	Ref         string `json:"$ref"`
	Description string
	Headers     map[string]any
	Content     map[string]media
}

type media struct {
	Schema  map[string]any
	Example any
}

var (
	refForm   = regexp.MustCompile(`"\$ref":\s*"([^"]+)"`)
	paramForm = regexp.MustCompile(`\{(\w+)\}`)
	idForm    = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	fieldForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
)

// CheckDocument is the function CheckDocument for what s serves. Examples must be as
// their schemas have it too.
func (s *Server) CheckDocument() {
	s.t.Helper()
	got := s.Do(http.MethodGet, "/api/openapi.json", "", "")
	require.Equal(s.t, http.StatusOK, got.Status, got.Text)
	CheckDocument(s.t, []byte(got.Text))
	for path, item := range s.doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil {
				s.checkExamples(path, op, op.RequestBody.Content, huma.ModeWriteToServer)
			}
			for _, r := range op.Responses {
				s.checkExamples(path, op, r.Content, huma.ModeReadFromServer)
			}
		}
	}
}

func (s *Server) checkExamples(path string, op *huma.Operation, content map[string]*huma.MediaType, mode huma.ValidateMode) {
	s.t.Helper()
	for _, m := range content {
		if m.Example == nil || m.Schema == nil {
			continue
		}
		text, err := json.Marshal(m.Example)
		require.NoError(s.t, err)
		var value any
		require.NoError(s.t, json.Unmarshal(text, &value))
		for _, wrong := range invalid(s.doc, m.Schema, value, mode) {
			s.t.Errorf("%s %s (%s): the example is not valid, tag the field with one: %s\n%s", op.Method, path, op.OperationID, wrong, text)
		}
	}
}

// CheckDocument fails the test if an OpenAPI document leaves something untold: each
// operation needs an id, a summary, a tag that is explained, who may call it, its
// parameters with what they are, all ways to fail as problems, and examples.
func CheckDocument(t testing.TB, text []byte) {
	t.Helper()
	var doc document
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Regexp(t, `^3\.1\.`, doc.OpenAPI)
	for _, told := range []string{doc.Info.Title, doc.Info.Version, doc.Info.Description} {
		require.NotEmpty(t, told)
	}
	require.NotEmpty(t, doc.Info.License)
	require.NotEmpty(t, doc.Info.Contact)
	require.NotEmpty(t, doc.Servers)
	require.NotContains(t, string(text), `"$schema"`)
	for _, ref := range refForm.FindAllStringSubmatch(string(text), -1) {
		require.True(t, doc.has(ref[1]), "%s leads nowhere", ref[1])
	}
	ids := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			name := method + " " + path
			assert.Regexp(t, idForm, op.OperationID, name)
			assert.False(t, ids[op.OperationID], "%s: the id %s is used twice", name, op.OperationID)
			ids[op.OperationID] = true
			doc.checkOperation(t, name, method, path, op)
		}
	}
	for name, schema := range doc.Components.Schemas {
		checkNames(t, name, schema)
	}
}

// has reports whether a reference leads somewhere.
func (doc *document) has(ref string) bool {
	kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
	switch kind {
	case "schemas":
		return doc.Components.Schemas[name] != nil
	case "responses":
		_, ok := doc.Components.Responses[name]
		return ok
	case "headers":
		return doc.Components.Headers[name] != nil
	}
	return false
}

// resolve follows the reference of a response.
func (doc *document) resolve(r response) response {
	if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
		return doc.Components.Responses[name]
	}
	return r
}

func (doc *document) checkOperation(t testing.TB, name, method, path string, op operation) {
	t.Helper()
	assert.NotEmpty(t, op.Summary, name)
	assert.NotContains(t, strings.TrimRight(op.Summary, "."), ". ", "%s: a summary is one sentence", name)
	assert.NotEmpty(t, op.Description, name)
	assert.NotEmpty(t, op.Tags, name)
	for _, tag := range op.Tags {
		assert.True(t, slices.ContainsFunc(doc.Tags, func(known struct{ Name, Description string }) bool {
			return known.Name == tag && known.Description != ""
		}), "%s: the tag %s is not explained", name, tag)
	}
	assert.NotEmpty(t, op.Security, "%s says who may call it", name)
	for _, schemes := range op.Security {
		for scheme := range schemes {
			assert.Contains(t, doc.Components.SecuritySchemes, scheme, name)
		}
	}
	for _, param := range paramForm.FindAllStringSubmatch(path, -1) {
		assert.True(t, slices.ContainsFunc(op.Parameters, func(p parameter) bool {
			return p.Name == param[1] && p.In == "path"
		}), "%s: %s is not described", name, param[1])
	}
	for _, p := range op.Parameters {
		assert.NotEmpty(t, p.Description, "%s: the parameter %s is not described", name, p.Name)
	}
	for contentType, body := range op.RequestBody.Content {
		assert.NotEmpty(t, body.Schema, "%s: body of %s", name, contentType)
		if contentType == "application/json" {
			assert.NotNil(t, body.Example, "%s: no example of the body", name)
		}
	}
	doc.checkResponses(t, name, method, op)
}

func (doc *document) checkResponses(t testing.TB, name, method string, op operation) {
	t.Helper()
	needed := []string{"400", "403", "500", "503"}
	if method != "get" {
		needed = append(needed, "429")
	}
	if len(op.Security[0]) > 0 { // not for everyone
		needed = append(needed, "401")
	}
	if len(op.RequestBody.Content) > 0 {
		needed = append(needed, "413", "415", "422")
	}
	for _, status := range needed {
		assert.Contains(t, op.Responses, status, name)
	}
	succeeds := false
	for status, ref := range op.Responses {
		r := doc.resolve(ref)
		assert.NotEmpty(t, r.Description, "%s: %s", name, status)
		assert.Contains(t, r.Headers, "X-Request-Id", "%s: %s", name, status)
		if status == "429" || status == "503" {
			assert.Contains(t, r.Headers, "Retry-After", "%s: %s", name, status)
		}
		if method != "get" && (status < "300" || status == "429") {
			assert.Contains(t, r.Headers, "RateLimit", "%s: %s", name, status)
		}
		if status >= "400" {
			assert.Contains(t, r.Content, "application/problem+json", "%s: %s", name, status)
			continue
		}
		succeeds = true
		if body, ok := r.Content["application/json"]; ok {
			assert.NotNil(t, body.Example, "%s: no example of %s", name, status)
		}
	}
	assert.True(t, succeeds, "%s: no reply of success", name)
	assert.NotContains(t, op.Responses, "default", name)
}

// checkNames fails the test if a field is not in snake_case, or of no type.
func checkNames(t testing.TB, name string, schema any) {
	t.Helper()
	s, ok := schema.(map[string]any)
	if !ok {
		return
	}
	properties, _ := s["properties"].(map[string]any)
	for field, property := range properties {
		assert.Regexp(t, fieldForm, field, name)
		checkNames(t, name+"."+field, property)
	}
	if items, ok := s["items"]; ok {
		checkNames(t, name+"[]", items)
	}
}
