package rtmptest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Object is an AMF0 object whose order is kept.
type Object []Field

// Field is one property of an Object.
type Field struct {
	Name  string
	Value any
}

// Append encodes values: float64, int, bool, string, Object or nil. It panics on
// others.
func Append(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 5)
		case int:
			b = Append(b, float64(v))
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 0), math.Float64bits(v))
		case bool:
			b = append(b, 1, 0)
			if v {
				b[len(b)-1] = 1
			}
		case string:
			b = appendName(append(b, 2), v)
		case Object:
			b = append(b, 3)
			for _, f := range v {
				b = Append(appendName(b, f.Name), f.Value)
			}
			b = append(b, 0, 0, 9)
		default:
			panic(fmt.Sprintf("rtmptest: cannot encode %T", v))
		}
	}
	return b
}

func appendName(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

var errCut = errors.New("rtmptest: AMF0 is cut short")

// Decode returns the values of a message: float64, bool, string, map[string]any or
// nil.
func Decode(b []byte) ([]any, error) {
	var values []any
	for len(b) > 0 {
		v, rest, err := decode(b)
		if err != nil {
			return values, err
		}
		values, b = append(values, v), rest
	}
	return values, nil
}

func decode(b []byte) (v any, rest []byte, err error) {
	kind := b[0]
	b = b[1:]
	switch kind {
	case 0:
		if len(b) < 8 {
			return nil, nil, errCut
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:], nil
	case 1:
		if len(b) < 1 {
			return nil, nil, errCut
		}
		return b[0] != 0, b[1:], nil
	case 2:
		return asAny(decodeName(b))
	case 3, 8:
		if kind == 8 {
			if len(b) < 4 {
				return nil, nil, errCut
			}
			b = b[4:]
		}
		return decodeObject(b)
	case 5, 6:
		return nil, b, nil
	}
	return nil, nil, fmt.Errorf("rtmptest: AMF0 marker %d", kind)
}

func asAny(s string, rest []byte, err error) (any, []byte, error) { return s, rest, err }

func decodeObject(b []byte) (any, []byte, error) {
	object := map[string]any{}
	for {
		name, rest, err := decodeName(b)
		if err != nil || len(rest) == 0 {
			return nil, nil, errCut
		}
		if name == "" && rest[0] == 9 {
			return object, rest[1:], nil
		}
		if object[name], b, err = decode(rest); err != nil {
			return nil, nil, err
		}
	}
}

func decodeName(b []byte) (string, []byte, error) {
	if len(b) < 2 {
		return "", nil, errCut
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return "", nil, errCut
	}
	return string(b[2 : 2+n]), b[2+n:], nil
}
