package guard

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
)

// AMF0 markers. AMF0 2.1.
const (
	amfNumber      = 0
	amfBoolean     = 1
	amfString      = 2
	amfObject      = 3
	amfNull        = 5
	amfUndefined   = 6
	amfReference   = 7
	amfArray       = 8
	amfObjectEnd   = 9
	amfStrictArray = 10
	amfDate        = 11
	amfLongString  = 12
	amfUnsupported = 13
	amfXML         = 15
	amfTypedObject = 16
)

const (
	maxAMFDepth  = 8
	maxAMFValues = 1024 // in one message, of all depths
)

var errAMF = errors.New("malformed AMF0")

// amfReader decodes AMF0 to float64, bool, string, nil, map[string]any and []any.
type amfReader struct {
	b    []byte
	left int // values that may still come
}

// decodeAMF returns the values of a message. With an error, those before it.
func decodeAMF(b []byte) ([]any, error) {
	r := amfReader{b: b, left: maxAMFValues}
	var values []any
	for len(r.b) > 0 {
		v, err := r.value(maxAMFDepth)
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

// commandName returns the string that a command message begins with, and the rest.
func commandName(b []byte) (string, []byte, error) {
	r := amfReader{b: b, left: 1}
	v, err := r.value(1)
	name, ok := v.(string)
	if err != nil || !ok {
		return "", nil, errAMF
	}
	return name, r.b, nil
}

func (r *amfReader) value(depth int) (any, error) {
	r.left--
	marker, err := r.take(1)
	if err != nil || depth == 0 || r.left < 0 {
		return nil, errAMF
	}
	switch marker[0] {
	case amfNumber:
		return r.number()
	case amfBoolean:
		b, err := r.take(1)
		return err == nil && b[0] != 0, err
	case amfString:
		return r.text(2)
	case amfLongString, amfXML:
		return r.text(4)
	case amfNull, amfUndefined, amfUnsupported:
		return nil, nil
	case amfReference:
		_, err := r.take(2)
		return nil, err
	case amfObject:
		return r.object(depth - 1)
	case amfArray:
		if _, err := r.take(4); err != nil {
			return nil, err
		}
		return r.object(depth - 1)
	case amfTypedObject:
		if _, err := r.text(2); err != nil {
			return nil, err
		}
		return r.object(depth - 1)
	case amfStrictArray:
		return r.array(depth - 1)
	case amfDate:
		v, err := r.number()
		if err == nil {
			_, err = r.take(2)
		}
		return v, err
	}
	return nil, errAMF
}

func (r *amfReader) take(n int) ([]byte, error) {
	if n > len(r.b) {
		return nil, errAMF
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b, nil
}

func (r *amfReader) number() (any, error) {
	b, err := r.take(8)
	if err != nil {
		return nil, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// text reads a string behind a length of size bytes.
func (r *amfReader) text(size int) (any, error) {
	b, err := r.take(size)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	b, err = r.take(n)
	return string(b), err
}

func (r *amfReader) object(depth int) (any, error) {
	values := map[string]any{}
	for {
		name, err := r.text(2)
		if err != nil {
			return nil, err
		}
		if name == "" {
			if end, err := r.take(1); err != nil || end[0] != amfObjectEnd {
				return nil, errAMF
			}
			return values, nil
		}
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		values[name.(string)] = v
	}
}

func (r *amfReader) array(depth int) (any, error) {
	b, err := r.take(4)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(b)
	if n > maxAMFValues {
		return nil, errAMF
	}
	var values []any
	for range n {
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func appendNumber(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, amfNumber), math.Float64bits(v))
}

func appendString(b []byte, s string) []byte { return appendKey(append(b, amfString), s) }

func appendKey(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "") }
