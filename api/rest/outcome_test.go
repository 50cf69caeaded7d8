package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/rest"
)

func TestOutcomesHaveTheirStatus(t *testing.T) {
	t.Parallel()
	for status, make1 := range map[int]func(string, string) *rest.Outcome{
		http.StatusBadRequest: rest.BadRequest, http.StatusUnauthorized: rest.Unauthorized, http.StatusForbidden: rest.Forbidden,
		http.StatusNotFound: rest.NotFound, http.StatusRequestTimeout: rest.TooSlow, http.StatusConflict: rest.Conflict,
		http.StatusPreconditionFailed: rest.Precondition, http.StatusRequestEntityTooLarge: rest.TooLarge,
		http.StatusUnsupportedMediaType: rest.Unsupported, http.StatusUnprocessableEntity: rest.Invalid,
		http.StatusTooManyRequests: rest.TooMany, http.StatusServiceUnavailable: rest.Unavailable,
	} {
		o := make1("a_code", "some words")
		require.Equal(t, &rest.Outcome{Status: status, Code: "a_code", Detail: "some words"}, o)
		require.EqualError(t, o, "a_code: some words")
	}
}

func TestLaterSaysWhen(t *testing.T) {
	t.Parallel()
	busy := rest.Unavailable("busy", "busy")
	for after, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Second, 0: time.Second, 1: time.Second, time.Second: time.Second,
		time.Second + 1: 2 * time.Second, 90 * time.Minute: 90 * time.Minute,
	} {
		err := fmt.Errorf("channel: %w", rest.Later(busy, after))
		require.ErrorIs(t, err, busy)
		require.Equal(t, want, rest.RetryAfter(err), after)
	}
	require.Zero(t, rest.RetryAfter(busy))
	require.Zero(t, rest.RetryAfter(nil))
	o, ok := errors.AsType[*rest.Outcome](rest.Later(busy, time.Second))
	require.True(t, ok)
	require.Same(t, busy, o)
}
