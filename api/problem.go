package api

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"bandstand/api/rest"
	"bandstand/storage/db"
)

// Problem is the body of every failure. RFC 9457.
type Problem struct {
	Type     string         `json:"type" format:"uri-reference" doc:"Address of a page about this kind of problem." example:"/api/problems/slug_taken"`
	Title    string         `json:"title" doc:"The status in words." example:"Conflict"`
	Status   int            `json:"status" doc:"HTTP status code." example:"409"`
	Code     string         `json:"code" pattern:"^[a-z][a-z0-9_]*$" doc:"What went wrong, for programs. It never changes its meaning." example:"slug_taken"`
	Detail   string         `json:"detail,omitempty" doc:"What went wrong, for people." example:"this address is taken"`
	Instance string         `json:"instance,omitempty" format:"uri-reference" doc:"Id of the request, as in X-Request-Id and in the log of the server." example:"RW3GS7GUK4SMNQZJFYBHH2GXPC"`
	Errors   []InvalidField `json:"errors,omitempty" doc:"Which parts of the request are not valid."`
}

// InvalidField is a part of a request that is not valid. The value is left out:
// it may be a password.
type InvalidField struct {
	Location string `json:"location,omitempty" doc:"Where it is in the request." example:"body.slug"`
	Message  string `json:"message" doc:"What is expected there." example:"expected length >= 2"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// problemType is the content type of a Problem.
const problemType = "application/problem+json"

// Outcomes that are not of a feature.
var (
	errNotFound    = rest.NotFound("not_found", "there is no such thing")
	errBusy        = rest.Unavailable("busy", "the server is too busy, try again")
	errCanceled    = rest.Unavailable("canceled", "the request was canceled")
	errUnavailable = rest.Unavailable("unavailable", "the server cannot reach its database, try again")
	errTooLarge    = rest.TooLarge("request_entity_too_large", "the request body is too large")
	errTooSlow     = rest.TooSlow("request_timeout", "the request body came too slowly")
)

// retryAfter is when to ask again after a failure that knows no better.
const retryAfter = 2 * time.Second

// problemOf returns how err is told to the client, and whether it is one of the
// known outcomes. Of others nothing is told.
func problemOf(err error) (p *Problem, known bool) {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p, true
	}
	if o := outcomeOf(err); o != nil {
		return newProblem(o.Status, o.Code, o.Detail), true
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && e.Code < http.StatusInternalServerError {
		return newProblem(e.Code, "", strings.ToLower(http.StatusText(e.Code))), true
	}
	return newProblem(http.StatusInternalServerError, "", "internal error"), false
}

// outcomeOf returns what err is to the client; nil if it is an internal error.
func outcomeOf(err error) *rest.Outcome {
	if o, ok := errors.AsType[*rest.Outcome](err); ok {
		return o
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	switch {
	case errors.Is(err, db.ErrNotFound):
		return errNotFound
	case errors.Is(err, errBodyTooLate):
		return errTooSlow
	case errors.Is(err, context.DeadlineExceeded):
		return errBusy
	case errors.Is(err, context.Canceled):
		return errCanceled
	case db.IsUnavailable(err):
		return errUnavailable
	}
	return nil
}

// isTimeout reports whether reading from a connection took too long.
func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// newProblem returns a Problem. Without a code it is the status in words.
func newProblem(status int, code, detail string) *Problem {
	title := http.StatusText(status)
	if code == "" {
		code = codeOf(status)
	}
	return &Problem{Type: problemsPath + "/" + code, Title: title, Status: status, Code: code, Detail: detail}
}

// codeOf returns the code of a failure of which nothing but the status is known.
func codeOf(status int) string {
	return strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(strings.ToLower(http.StatusText(status)))
}

// installProblems makes huma report its own failures and those of operations as
// Problems, and take names of fields as they are written. Huma keeps these choices in
// package variables, so they are made once.
var installProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = humaProblem
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(nil, status, detail, errs...)
	}
})

// humaProblem is called by huma with 500 for whatever an operation returned, and
// with another status for requests that it or the guard refused itself.
func humaProblem(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
	p := problemFrom(ctx, status, detail, errs)
	if ctx != nil {
		p.Instance = exchangeOf(ctx.Context()).id
	}
	return p
}

func problemFrom(ctx huma.Context, status int, detail string, errs []error) *Problem {
	if status >= http.StatusInternalServerError {
		err := errors.Join(errs...)
		if err == nil {
			err = errors.New(detail)
		}
		p, known := problemOf(err)
		if ctx == nil {
			return p
		}
		if !known || p.Status >= http.StatusInternalServerError {
			exchangeOf(ctx.Context()).err = err
		}
		if after := retryAfterOf(p, err); after != "" {
			ctx.SetHeader("Retry-After", after)
		}
		return p
	}
	if status == http.StatusUnsupportedMediaType {
		return newProblem(status, "", "the body must be application/json")
	}
	p := newProblem(status, "", detail)
	for _, err := range errs {
		if field, ok := invalidField(err); ok {
			p.Errors = append(p.Errors, field)
		}
	}
	return p
}

// retryAfterOf returns the value of Retry-After for a failure; "" for none.
func retryAfterOf(p *Problem, err error) string {
	after := rest.RetryAfter(err)
	if after == 0 && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests) {
		after = retryAfter
	}
	if after == 0 {
		return ""
	}
	return strconv.Itoa(int(after / time.Second))
}

// tellRetry sets Retry-After in the header of a failure that may pass.
func tellRetry(h http.Header, p *Problem, err error) {
	if after := retryAfterOf(p, err); after != "" {
		h.Set("Retry-After", after)
	}
}

// invalidField keeps of err where the fault is and what was expected.
func invalidField(err error) (InvalidField, bool) {
	if err == nil {
		return InvalidField{}, false
	}
	detailer, ok := err.(huma.ErrorDetailer)
	if !ok {
		return InvalidField{Message: "not valid"}, true
	}
	d := detailer.ErrorDetail()
	if _, isText := d.Value.(string); isText && d.Location == "body" {
		// What the JSON decoder says can quote the body.
		return InvalidField{Location: "body", Message: "not valid JSON of the expected form"}, true
	}
	return InvalidField{Location: d.Location, Message: d.Message}, true
}

// writeProblem replies with p, outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", problemType)
	w.Header().Del("Content-Length")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that has left
}

// handleEchoError is echo's HTTPErrorHandler: no route, wrong method, or what
// our own middleware returned.
func handleEchoError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	x := exchangeOf(c.Request().Context())
	p, known := problemOf(err)
	if !known || p.Status >= http.StatusInternalServerError {
		x.err = err
	}
	p.Instance = x.id
	tellRetry(c.Response().Header(), p, err)
	writeProblem(c.Response(), p)
}
