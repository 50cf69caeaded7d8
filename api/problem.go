package api

import (
	"context"
	"encoding/json"
	"errors"
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
	Title  string         `json:"title" doc:"The status in words."`
	Status int            `json:"status" doc:"HTTP status code."`
	Code   string         `json:"code" doc:"What went wrong, for programs." example:"slug_taken"`
	Detail string         `json:"detail,omitempty" doc:"What went wrong, for people."`
	Errors []InvalidField `json:"errors,omitempty" doc:"Which parts of the request are not valid."`
}

// InvalidField is a part of a request that is not valid. The value is left out:
// it may be a password.
type InvalidField struct {
	Location string `json:"location,omitempty" example:"body.slug"`
	Message  string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// outcomes is how outcomes are told to clients that are not of a feature: those tell
// themselves, see rest.Outcome. Any other error is an internal error.
var outcomes = []struct {
	err    error
	status int
	code   string
	detail string
}{
	{db.ErrNotFound, http.StatusNotFound, "not_found", "there is no such thing"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "busy", "the server is too busy, try again"},
	{context.Canceled, http.StatusServiceUnavailable, "canceled", "the request was canceled"},
}

// problemOf returns how err is told to the client, and whether it is one of the
// known outcomes. Of others nothing is told.
func problemOf(err error) (p *Problem, known bool) {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p, true
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return newProblem(http.StatusRequestEntityTooLarge, "", "the request body is too large"), true
	}
	if o, ok := errors.AsType[*rest.Outcome](err); ok {
		return newProblem(o.Status, o.Code, o.Detail), true
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return newProblem(o.status, o.code, o.detail), true
		}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && e.Code < http.StatusInternalServerError {
		return newProblem(e.Code, "", strings.ToLower(http.StatusText(e.Code))), true
	}
	return newProblem(http.StatusInternalServerError, "", "internal error"), false
}

// newProblem returns a Problem. Without a code it is the status in words.
func newProblem(status int, code, detail string) *Problem {
	title := http.StatusText(status)
	if code == "" {
		code = strings.ReplaceAll(strings.ToLower(title), " ", "_")
	}
	return &Problem{Title: title, Status: status, Code: code, Detail: detail}
}

// installProblems makes huma report its own failures and those of operations as
// Problems. Huma keeps that choice in package variables, so it is made once.
var installProblems = sync.OnceFunc(func() {
	huma.NewErrorWithContext = humaProblem
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(nil, status, detail, errs...)
	}
})

// humaProblem is called by huma with 500 for whatever an operation returned, and
// with another status for requests that it or the guard refused itself.
func humaProblem(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
	if status >= http.StatusInternalServerError {
		err := errors.Join(errs...)
		if err == nil {
			err = errors.New(detail)
		}
		p, known := problemOf(err)
		if ctx == nil {
			return p
		}
		if !known {
			exchangeOf(ctx.Context()).err = err
		}
		if after := rest.RetryAfter(err); after > 0 {
			ctx.SetHeader("Retry-After", strconv.Itoa(int(after/time.Second)))
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
	w.Header().Set("Content-Type", "application/problem+json")
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
	p, known := problemOf(err)
	if !known {
		exchangeOf(c.Request().Context()).err = err
	}
	writeProblem(c.Response(), p)
}
