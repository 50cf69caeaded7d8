package api_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/idempotency"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const noteBody = `{"slug":"demo","title":"Demo"}`

func TestRequestsThatAreSentAgainAreServedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, n := startNotes(t, d)
		ada, eve := s.Person("ada", auth.RoleUser).Token, s.Person("eve", auth.RoleUser).Token
		send := func(token, key, body string) apitest.Reply {
			return s.Do("POST", "/api/v1/channels", token, body, "Idempotency-Key", key)
		}
		first := send(ada, "key-1", noteBody)
		require.Equal(t, 201, first.Status, first.Text)
		require.Empty(t, first.Header.Get("Idempotency-Replayed"))
		again := send(ada, "key-1", noteBody)
		require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
		require.Equal(t, first.Status, again.Status)
		require.Equal(t, first.Text, again.Text)
		for _, name := range []string{"Location", "ETag", "Content-Type"} {
			require.NotEmpty(t, first.Header.Get(name))
			require.Equal(t, first.Header.Values(name), again.Header.Values(name))
		}
		require.NotEqual(t, first.Header.Get("X-Request-Id"), again.Header.Get("X-Request-Id"))
		require.Len(t, n.titles(), 1)

		apitest.RequireProblem(t, send(ada, "key-1", `{"slug":"demo","title":"Other"}`), 422, "idempotency_key_reused")
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels?x=1", ada, noteBody, "Idempotency-Key", "key-1"), 422, "idempotency_key_reused")
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/me/password", ada, `{"login":"a","password":"12345678"}`, "Idempotency-Key", "key-1"), 422, "idempotency_key_reused")
		require.Len(t, n.titles(), 1)
		require.Equal(t, "secret-2", send(eve, "key-1", noteBody).JSON["secret"], "another person's key is another")
		require.Equal(t, "secret-3", send(ada, "key-2", noteBody).JSON["secret"], "another key")
		require.Equal(t, "secret-4", s.Do("POST", "/api/v1/channels", ada, noteBody).JSON["secret"], "no key")
		require.Equal(t, "secret-5", s.Do("POST", "/api/v1/channels", ada, noteBody).JSON["secret"])

		for _, key := range []string{"a b", "ä", strings.Repeat("k", 256), "a\tb"} {
			apitest.RequireProblem(t, send(ada, key, noteBody), 400, "bad_idempotency_key")
		}
		require.Equal(t, 201, send(ada, strings.Repeat("k", 255), noteBody).Status)
	})
}

func TestOnlyRepliesThatAreFinalAreGivenAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, n := startNotes(t, d)
		ada := s.Person("ada", auth.RoleUser).Token
		send := func(key, title string) apitest.Reply {
			return s.Do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"`+title+`"}`, "Idempotency-Key", key)
		}
		apitest.RequireProblem(t, send("taken", "taken"), 409, "slug_taken")
		taken := send("taken", "taken")
		apitest.RequireProblem(t, taken, 409, "slug_taken")
		require.Equal(t, "true", taken.Header.Get("Idempotency-Replayed"))
		apitest.RequireProblem(t, send("long", strings.Repeat("x", 101)), 422, "unprocessable_entity")
		require.Equal(t, "true", send("long", strings.Repeat("x", 101)).Header.Get("Idempotency-Replayed"))

		for code, err := range map[string]error{
			"internal_server_error": errors.New("a failure"),
			"busy_here":             rest.Later(rest.Unavailable("busy_here", "busy"), time.Second),
			"slow_down":             rest.Later(rest.TooMany("slow_down", "slow down"), time.Second),
			"not_you":               rest.Forbidden("not_you", "not you"),
			"who_are_you":           rest.Unauthorized("who_are_you", "who are you?"),
		} {
			n.failWith(err)
			require.Equal(t, code, send(code, "Demo").JSON["code"])
			n.failWith(nil)
			got := send(code, "Demo")
			require.Equal(t, 201, got.Status, "%s: %s", code, got.Text)
			require.Empty(t, got.Header.Get("Idempotency-Replayed"), code)
			require.Equal(t, "true", send(code, "Demo").Header.Get("Idempotency-Replayed"), code)
		}
		require.Equal(t, 500, send("panic", "panic").Status)
		require.Equal(t, 500, send("panic", "panic").Status)
		require.Len(t, n.titles(), 5)
	})
}

func TestDoubleSubmitsMakeOneThing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, n := startNotes(t, d)
		ada := s.Person("ada", auth.RoleUser).Token
		var together sync.WaitGroup
		replies := make([]apitest.Reply, 8)
		for i := range replies {
			together.Go(func() {
				replies[i] = s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "once")
			})
		}
		together.Wait()
		require.Len(t, n.titles(), 1)
		replayed := 0
		for _, r := range replies {
			require.Equal(t, 201, r.Status, r.Text)
			require.Equal(t, replies[0].Text, r.Text)
			if r.Header.Get("Idempotency-Replayed") != "" {
				replayed++
			}
		}
		require.Equal(t, 7, replayed)
	})
}

func TestWhoComesTooEarlyIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	s, n := startNotes(t, dbtest.SQLite(t))
	n.enter, n.leave = make(chan struct{}), make(chan struct{})
	ada := s.Person("ada", auth.RoleUser).Token
	first := make(chan apitest.Reply)
	go func() { first <- s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "slow") }()
	<-n.enter
	early := s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "slow")
	apitest.RequireProblem(t, early, 409, "idempotency_in_progress")
	require.Equal(t, "1", early.Header.Get("Retry-After"))
	close(n.leave)
	require.Equal(t, 201, (<-first).Status)
	again := s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "slow")
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	require.Len(t, n.titles(), 1)
}

// TestKeysEnd moves the clock: past the minute in which a request is served that left
// no reply, and past the day for which replies are kept.
func TestKeysEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		now := time.Now()
		pass := func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
		}
		replies, err := idempotency.NewStore(idempotency.Config{
			DB: d, Secret: []byte("12345678"), Logger: slog.New(slog.DiscardHandler),
			Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return now
			},
		})
		require.NoError(t, err)
		s, n := startNotes(t, d, func(cfg *api.Config) { cfg.Idempotency = replies })
		ada := s.Person("ada", auth.RoleUser).Token
		send := func() apitest.Reply {
			return s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "k")
		}
		n.enter, n.leave = make(chan struct{}, 1), make(chan struct{})
		lost := make(chan apitest.Reply)
		go func() { lost <- send() }()
		<-n.enter
		pass(time.Minute)
		second := make(chan apitest.Reply)
		go func() { second <- send() }()
		<-n.enter // the first is taken for lost, and the second is served
		close(n.leave)
		require.Equal(t, 201, (<-lost).Status)
		require.Equal(t, 201, (<-second).Status)
		require.Len(t, n.titles(), 2)
		n.enter = nil
		require.Equal(t, "true", send().Header.Get("Idempotency-Replayed"))

		pass(24*time.Hour - time.Second)
		purged, err := replies.Purge(t.Context())
		require.NoError(t, err)
		require.Zero(t, purged)
		require.Equal(t, "true", send().Header.Get("Idempotency-Replayed"))
		pass(2 * time.Second)
		require.Empty(t, send().Header.Get("Idempotency-Replayed"))
		require.Len(t, n.titles(), 3)
		pass(25 * time.Hour)
		purged, err = replies.Purge(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(1), purged)
	})
}

// TestSecretsAreNotKeptInTheOpen looks at what the database holds of a reply.
func TestSecretsAreNotKeptInTheOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := startNotes(t, d)
		ada := s.Person("ada", auth.RoleUser).Token
		require.Equal(t, 201, s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "the-key").Status)
		var kept string
		row := d.Writer().QueryRowContext(t.Context(), "SELECT key_hash || ' ' || request_hash || ' ' || reply FROM idempotency_keys")
		require.NoError(t, row.Scan(&kept))
		for _, secret := range []string{"secret-1", "the-key", "demo", "ada"} {
			require.NotContains(t, kept, secret)
		}
		other, err := idempotency.NewStore(idempotency.Config{DB: d, Secret: []byte("another secret"), Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		elsewhere, n := startNotes(t, d, func(cfg *api.Config) { cfg.Idempotency = other })
		require.Equal(t, 201, elsewhere.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "the-key").Status)
		require.Len(t, n.titles(), 1, "with another secret nothing is known")
	})
}
