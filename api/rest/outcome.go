package rest

import (
	"errors"
	"time"
)

// Outcome is a way for an operation to fail that its caller is told about. Outcomes
// are package variables of the features, compared with errors.Is. Every other error
// is an internal error, of which the caller is told nothing.
type Outcome struct {
	Status int    // HTTP status code
	Code   string // for programs, in snake_case: it never changes
	Detail string // for people; no submitted value is in it
}

// Error implements error.
func (o *Outcome) Error() string { return o.Code + ": " + o.Detail }

// BadRequest returns an Outcome with status 400: the request makes no sense.
func BadRequest(code, detail string) *Outcome { return &Outcome{400, code, detail} }

// Unauthorized returns an Outcome with status 401: who is asking is not proved.
func Unauthorized(code, detail string) *Outcome { return &Outcome{401, code, detail} }

// Forbidden returns an Outcome with status 403: this one may not.
func Forbidden(code, detail string) *Outcome { return &Outcome{403, code, detail} }

// NotFound returns an Outcome with status 404.
func NotFound(code, detail string) *Outcome { return &Outcome{404, code, detail} }

// TooSlow returns an Outcome with status 408.
func TooSlow(code, detail string) *Outcome { return &Outcome{408, code, detail} }

// Conflict returns an Outcome with status 409: not as things stand.
func Conflict(code, detail string) *Outcome { return &Outcome{409, code, detail} }

// Precondition returns an Outcome with status 412: the thing has changed.
func Precondition(code, detail string) *Outcome { return &Outcome{412, code, detail} }

// TooLarge returns an Outcome with status 413.
func TooLarge(code, detail string) *Outcome { return &Outcome{413, code, detail} }

// Unsupported returns an Outcome with status 415: content of another kind is wanted.
func Unsupported(code, detail string) *Outcome { return &Outcome{415, code, detail} }

// Invalid returns an Outcome with status 422: well formed, but against the rules.
func Invalid(code, detail string) *Outcome { return &Outcome{422, code, detail} }

// TooMany returns an Outcome with status 429. Wrap it in Later.
func TooMany(code, detail string) *Outcome { return &Outcome{429, code, detail} }

// Unavailable returns an Outcome with status 503. Wrap it in Later.
func Unavailable(code, detail string) *Outcome { return &Outcome{503, code, detail} }

// later is an error with the time after which it may have passed.
type later struct {
	error
	after time.Duration
}

// Unwrap makes errors.Is see what is inside.
func (l later) Unwrap() error { return l.error }

// Later returns err with the time after which asking again makes sense; the reply
// says so in Retry-After.
func Later(err error, after time.Duration) error { return later{err, after} }

// RetryAfter returns what Later said of err, in whole seconds and at least one;
// zero if it said nothing.
func RetryAfter(err error) time.Duration {
	l, ok := errors.AsType[later](err)
	if !ok {
		return 0
	}
	return max(time.Second, (l.after + time.Second - 1).Truncate(time.Second))
}
