package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"bandstand/api/rest"
)

// maxDepth bounds how deep the JSON of a body may be nested.
const maxDepth = 32

// errBodyTooLate is the error of reading a body that did not arrive in time.
var errBodyTooLate = errors.New("api: the body came too slowly")

// Outcomes of bodies that are no good whatever the operation.
var (
	errMalformed    = rest.BadRequest("malformed_json", "the body is not well-formed JSON")
	errNotUTF8      = rest.BadRequest("not_utf8", "the body is not UTF-8")
	errTooDeep      = rest.BadRequest("json_too_deep", "the body is nested too deep")
	errDuplicateKey = rest.BadRequest("duplicate_field", "the body has a field twice")
	errZero         = rest.BadRequest("zero_character", "the body holds a zero character")
	errNotJSON      = rest.Unsupported("unsupported_media_type", "the body must be application/json in UTF-8")
)

// wellFormed lets a body of JSON through to its operation only if all readers of JSON
// take it for the same: well formed, in UTF-8, with each field once, not deep. It must
// come after those who decide whether to serve the request at all.
func wellFormed(api huma.API, known *routes) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		op := ctx.Operation()
		if !takesJSON(op) {
			next(ctx)
			return
		}
		refuse := func(err error) { _ = huma.WriteErr(api, ctx, http.StatusInternalServerError, "", err) }
		isJSON, err := kindOfBody(ctx.Header("Content-Type"), op)
		if err != nil {
			refuse(err)
			return
		}
		if !isJSON {
			next(ctx)
			return
		}
		c := humaecho.Unwrap(ctx)
		body, err := readBody(c, known.of(c).bodyWithin)
		if err != nil {
			refuse(err)
			return
		}
		if p := checkJSON(body); p != nil {
			refuse(p)
			return
		}
		again := *c.Request()
		again.Body = io.NopCloser(bytes.NewReader(body))
		c.SetRequest(&again)
		next(ctx)
	}
}

const jsonType = "application/json"

// takesJSON reports whether the body of op is JSON, or may be.
func takesJSON(op *huma.Operation) bool {
	return op.RequestBody != nil && op.RequestBody.Content[jsonType] != nil
}

// kindOfBody reports whether a body with this Content-Type is JSON; without one it is.
// Types that op does not take are errNotJSON.
func kindOfBody(contentType string, op *huma.Operation) (isJSON bool, err error) {
	if contentType == "" {
		return true, nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false, errNotJSON
	}
	switch {
	case media == jsonType, strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
		if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
			return false, errNotJSON
		}
		return true, nil
	case op.RequestBody.Content[media] != nil:
		return false, nil
	}
	return false, errNotJSON
}

// readBody reads all of a body, which must arrive within a time.
func readBody(c echo.Context, within time.Duration) ([]byte, error) {
	control := http.NewResponseController(c.Response())
	limited := control.SetReadDeadline(time.Now().Add(within)) == nil
	body, err := io.ReadAll(c.Request().Body)
	switch {
	case err == nil:
	case isTimeout(err):
		return nil, errBodyTooLate
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errCanceled // whoever sent it has left
	default:
		return nil, err
	}
	if limited {
		// Else the time would go on against whoever waits for the reply.
		_ = control.SetReadDeadline(time.Time{})
	}
	return body, nil
}

// checkJSON returns what is wrong with a body; nil if nothing is. No body at all is for
// others to judge.
func checkJSON(body []byte) *Problem {
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return atByte(errNotUTF8, firstInvalid(body))
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return atByte(errMalformed, syntax.Offset)
		}
		return atByte(errMalformed, int64(len(body)))
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if o := checkTokens(d); o != nil {
		return atByte(o, d.InputOffset())
	}
	return nil
}

// checkTokens reads the tokens of one value, which is well formed.
func checkTokens(d *json.Decoder) *rest.Outcome {
	var inside []*object // nil stands for an array
	for {
		token, err := d.Token()
		if err != nil {
			return nil // io.EOF: the value has been read
		}
		var around *object
		if len(inside) > 0 {
			around = inside[len(inside)-1]
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				if len(inside) == maxDepth {
					return errTooDeep
				}
				around.value()
				var opened *object
				if t == '{' {
					opened = &object{names: map[string]bool{}, nameNext: true}
				}
				inside = append(inside, opened)
			default:
				inside = inside[:len(inside)-1]
			}
			continue
		case string:
			if strings.IndexByte(t, 0) >= 0 {
				return errZero
			}
			if around != nil && around.nameNext {
				if !around.name(t) {
					return errDuplicateKey
				}
				continue
			}
		}
		around.value()
	}
}

// object is an object of which some fields have been read.
type object struct {
	names    map[string]bool
	nameNext bool // else a value
}

// name notes the name of a field; false if there was one before that only the case of
// letters tells apart.
func (o *object) name(name string) bool {
	o.nameNext = false
	folded := strings.ToLower(name)
	if o.names[folded] {
		return false
	}
	o.names[folded] = true
	return true
}

// value notes that a value is read. A nil object, an array or nothing, takes any.
func (o *object) value() {
	if o != nil {
		o.nameNext = true
	}
}

// firstInvalid returns where the first byte is that is not UTF-8.
func firstInvalid(body []byte) int64 {
	at := 0
	for at < len(body) {
		r, size := utf8.DecodeRune(body[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	return int64(at)
}

// atByte returns o as a Problem that says where in the body it is.
func atByte(o *rest.Outcome, offset int64) *Problem {
	p := newProblem(o.Status, o.Code, o.Detail)
	p.Errors = []InvalidField{{Location: "body", Message: "see byte " + strconv.FormatInt(offset, 10)}}
	return p
}
