package api

import (
	"github.com/danielgtaylor/huma/v2"
)

// examples makes examples of bodies out of those of their fields.
type examples struct{ schemas huma.Registry }

func newExamples(schemas huma.Registry) *examples { return &examples{schemas} }

// addTo adds an example to each body of JSON that has none.
func (e *examples) addTo(content map[string]*huma.MediaType) {
	for contentType, media := range content {
		if contentType == jsonType && media.Schema != nil && media.Example == nil && media.Examples == nil {
			media.Example = e.of(media.Schema, 0)
		}
	}
}

// formats are examples of texts with a format.
var formats = map[string]any{
	"uuid":      "019a9c3e-5f10-7c3a-9d41-2f6b8a7c0e15",
	"date-time": "2026-11-20T19:30:00Z",
	"date":      "2026-11-20",
	"email":     "ada@example.org",
	"uri":       "https://example.org/",
	"ipv4":      "192.0.2.7",
	"ipv6":      "2001:db8::7",
	"password":  "correct horse battery staple",
}

// maxExampleDepth bounds examples of types that hold themselves.
const maxExampleDepth = 8

// of returns an example of a value that s describes; nil where none can be told.
func (e *examples) of(s *huma.Schema, depth int) any {
	for s.Ref != "" {
		s = e.schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case depth > maxExampleDepth:
		return nil
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.OneOf) > 0:
		return e.of(s.OneOf[0], depth+1)
	case len(s.AnyOf) > 0:
		return e.of(s.AnyOf[0], depth+1)
	}
	switch s.Type {
	case huma.TypeObject:
		return e.object(s, depth)
	case huma.TypeArray:
		if item := e.of(s.Items, depth+1); item != nil {
			return []any{item}
		}
		return []any{}
	case huma.TypeString:
		if example, ok := formats[s.Format]; ok {
			return example
		}
		return "text"
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return max(1, *s.Minimum)
		}
		return 1
	case huma.TypeBoolean:
		return true
	}
	return nil
}

func (e *examples) object(s *huma.Schema, depth int) any {
	object := map[string]any{}
	for name, property := range s.Properties {
		if value := e.of(property, depth+1); value != nil {
			object[name] = value
		}
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok && len(object) == 0 {
		if value := e.of(values, depth+1); value != nil {
			object["name"] = value
		}
	}
	return object
}
