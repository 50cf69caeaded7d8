package instance

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Setting is a field of a PATCH that can be absent, null or a value.
type Setting[T any] struct {
	Given bool
	Value *T
}

// To returns a Setting with a value.
func To[T any](value T) Setting[T] { return Setting[T]{Given: true, Value: &value} }

// UnmarshalJSON implements json.Unmarshaler; it is called only for a field that is there.
func (s *Setting[T]) UnmarshalJSON(doc []byte) error {
	s.Given = true
	if bytes.Equal(bytes.TrimSpace(doc), []byte("null")) {
		s.Value = nil
		return nil
	}
	s.Value = new(T)
	return json.Unmarshal(doc, s.Value)
}

// MarshalJSON implements json.Marshaler, for examples in the documentation.
func (s Setting[T]) MarshalJSON() ([]byte, error) { return json.Marshal(s.Value) }

// Schema implements huma.SchemaProvider.
func (Setting[T]) Schema(r huma.Registry) *huma.Schema {
	schema := huma.SchemaFromType(r, reflect.TypeFor[T]())
	schema.Nullable = true
	return schema
}
