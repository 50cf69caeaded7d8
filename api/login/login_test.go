package login_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/login"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		ada := s.account("Ada", auth.RoleModerator)
		s.exec("UPDATE users SET display_name = 'Countess' WHERE id = $1", ada)
		for _, name := range []string{"Ada", "ada", "ADA@example.ORG"} {
			r := s.Do("POST", "/api/v1/auth/login", "", `{"login":"`+name+`","password":"`+password+`"}`)
			require.Equal(t, http.StatusOK, r.Status, r.Text)
			require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
			require.Empty(t, r.Header.Values("Set-Cookie"))
			user := r.JSON["user"].(map[string]any)
			require.Equal(t, map[string]any{
				"id": ada.String(), "username": "Ada", "display_name": "Countess", "email": "Ada@example.org",
				"email_confirmed": true, "role": "moderator", "created_at": user["created_at"],
			}, user)
			require.Equal(t, "Bearer", r.JSON["token_type"])
			require.InDelta(t, 900, r.JSON["expires_in"], 0)
			require.InDelta(t, 30*24*3600, r.JSON["refresh_expires_in"], 0)
			me := s.Do("GET", "/api/v1/probe/me", inOf(r).access, "")
			require.Equal(t, map[string]any{"name": "Ada", "role": "moderator"}, withoutSchema(me.JSON))
		}
		for name, body := range map[string]string{
			"wrong password": `{"login":"ada","password":"Correct horse battery"}`,
			"unknown name":   `{"login":"eve","password":"` + password + `"}`,
			"unknown email":  `{"login":"eve@example.org","password":"` + password + `"}`,
			"a line":         `{"login":"ada\n","password":"` + password + `"}`,
			"injection":      `{"login":"ada' OR '1'='1","password":"` + password + `"}`,
			"like":           `{"login":"a%","password":"` + password + `"}`,
		} {
			r := s.Do("POST", "/api/v1/auth/login", "", body)
			apitest.RequireProblem(t, r, http.StatusUnauthorized, "bad_credentials")
			require.NotContains(t, r.Text, password, name)
		}
		for name, body := range map[string]string{
			"no password": `{"login":"ada"}`, "empty": `{"login":"","password":""}`, "not text": `{"login":1,"password":"x"}`,
			"too long": `{"login":"` + strings.Repeat("a", 255) + `","password":"x"}`, "unknown field": `{"login":"a","password":"x","admin":true}`,
		} {
			require.Equal(t, http.StatusUnprocessableEntity, s.Do("POST", "/api/v1/auth/login", "", body).Status, name)
		}
		for _, name := range []string{"a\x00da", "ada\xff", "a\x00@example.org"} {
			_, err := s.service.Login(t.Context(), name, password)
			require.ErrorIs(t, err, login.ErrBadCredentials)
		}
		require.Len(t, s.logins(ada), 3)
		s.CheckDocument()
	})
}

// withoutSchema is a body without what huma adds to it.
func withoutSchema(body map[string]any) map[string]any {
	delete(body, "$schema")
	return body
}

func TestWhoIsGoneLearnsSoByTheRightPasswordOnly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d, func(cfg *login.Config) { cfg.ConfirmedOnly = true })
		id := s.account("ada", auth.RoleUser)
		for set, code := range map[string]string{
			"suspended_at = created_at":                          "account_suspended",
			"deleted_at = created_at":                            "account_deleted",
			"deleted_at = created_at, deleted_by = id":           "account_deleted_by_staff",
			"deleted_at = created_at, suspended_at = created_at": "account_deleted",
		} {
			s.exec("UPDATE users SET suspended_at = NULL, deleted_at = NULL, deleted_by = NULL, email_confirmed_at = created_at WHERE id = $1", id)
			s.exec("UPDATE users SET "+set+" WHERE id = $1", id)
			for _, name := range []string{"ada", "ada@example.org"} {
				r := s.Do("POST", "/api/v1/auth/login", "", `{"login":"`+name+`","password":"`+password+`"}`)
				apitest.RequireProblem(t, r, http.StatusForbidden, code)
			}
			s.exec("UPDATE users SET suspended_at = NULL, deleted_at = NULL, email_confirmed_at = NULL WHERE id = $1", id)
			unconfirmed := s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"`+password+`"}`)
			apitest.RequireProblem(t, unconfirmed, http.StatusForbidden, "email_unconfirmed")
			wrong := s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"wrong horse battery"}`)
			unknown := s.Do("POST", "/api/v1/auth/login", "", `{"login":"nobody","password":"wrong horse battery"}`)
			apitest.RequireProblem(t, wrong, http.StatusUnauthorized, "bad_credentials")
			for _, r := range []apitest.Reply{wrong, unknown} {
				delete(r.JSON, "instance")
			}
			require.Equal(t, unknown.JSON, wrong.JSON)
		}
		require.Empty(t, s.logins(id))
	})
}

func TestUnconfirmedPeopleMayLogInByDefault(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	id := s.account("ada", auth.RoleUser)
	s.exec("UPDATE users SET email_confirmed_at = NULL WHERE id = $1", id)
	r := s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada","password":"`+password+`"}`)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.Equal(t, false, r.JSON["user"].(map[string]any)["email_confirmed"])

	// By the address that they claim they would find out whether it is somebody's.
	r = s.Do("POST", "/api/v1/auth/login", "", `{"login":"ada@example.org","password":"`+password+`"}`)
	apitest.RequireProblem(t, r, http.StatusUnauthorized, "bad_credentials")
}

func TestGuessingIsDelayedWhoeverGuesses(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	s.account("ada", auth.RoleUser)
	try := func(name, secret string) apitest.Reply {
		return s.Do("POST", "/api/v1/auth/login", "", `{"login":"`+name+`","password":"`+secret+`"}`)
	}
	for _, name := range []string{"ada", "nobody"} {
		for range 10 {
			apitest.RequireProblem(t, try(name, "a guess"), http.StatusUnauthorized, "bad_credentials")
		}
		s.clock.pass(time.Minute)
		for _, secret := range []string{"a guess", password} {
			r := try(strings.ToUpper(name), secret)
			apitest.RequireProblem(t, r, http.StatusTooManyRequests, "too_many_attempts")
			require.Equal(t, strconv.Itoa(14*60), r.Header.Get("Retry-After"))
		}
	}
	require.Equal(t, http.StatusOK, try("ada@example.org", password).Status, "another name of the account")
	apitest.RequireProblem(t, try("other", "a guess"), http.StatusUnauthorized, "bad_credentials")
	s.clock.pass(15 * time.Minute)
	apitest.RequireProblem(t, try("nobody", "a guess"), http.StatusUnauthorized, "bad_credentials")
	for range 9 {
		apitest.RequireProblem(t, try("ada", "a guess"), http.StatusUnauthorized, "bad_credentials")
	}
	require.Equal(t, http.StatusOK, try("ada", password).Status)
	for range 9 {
		apitest.RequireProblem(t, try("ada", "a guess"), http.StatusUnauthorized, "bad_credentials")
	}
	require.Equal(t, http.StatusOK, try("ada", password).Status, "the right password forgives")
}

// TestOfManyWhoGuessAtOnceFewLearnAnything is for guesses that all begin before the
// first has failed.
func TestOfManyWhoGuessAtOnceFewLearnAnything(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	s.account("ada", auth.RoleUser)
	var mu sync.Mutex
	learnt := 0
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, err := s.service.Login(context.Background(), "ada", "a guess")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, login.ErrBadCredentials):
				learnt++
			case !errors.Is(err, login.ErrTooManyAttempts):
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 10, learnt)
	_, err := s.service.Login(t.Context(), "ada", password)
	require.ErrorIs(t, err, login.ErrTooManyAttempts)
}

// broken are Attempts whose store is gone.
type broken struct{}

func (broken) Wait(context.Context, string, int) (time.Duration, error) { return 0, errors.New("gone") }

func (broken) Failed(context.Context, string, int) (time.Duration, error) {
	return 0, errors.New("gone")
}
func (broken) Succeeded(context.Context, string) error { return errors.New("gone") }

func TestPeopleGetInWhenNobodyCounts(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t), func(cfg *login.Config) { cfg.Attempts = broken{} })
	s.account("ada", auth.RoleUser)
	require.NotEmpty(t, s.login("ada").access)
	_, err := s.service.Login(t.Context(), "ada", "wrong")
	require.ErrorIs(t, err, login.ErrBadCredentials)
}

func TestStrangersDoNotLockAnybodyOut(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.SQLite(t))
	s.account("ada", auth.RoleUser)
	from := func(addr string) context.Context {
		return auth.WithClient(t.Context(), auth.Client{Addr: netip.MustParseAddr(addr)})
	}
	for range 15 {
		_, err := s.service.Login(from("192.0.2.7"), "ada", "a guess")
		require.Error(t, err)
	}
	_, err := s.service.Login(from("192.0.2.7"), "ada", password)
	require.ErrorIs(t, err, login.ErrTooManyAttempts)
	_, err = s.service.Login(from("198.51.100.1"), "ada", password)
	require.NoError(t, err, "from elsewhere")

	for i := range 10 { // from many places together there is a limit too
		for range 10 {
			_, err := s.service.Login(from(fmt.Sprintf("203.0.113.%d", i)), "ada", "a guess")
			require.Error(t, err)
		}
	}
	_, err = s.service.Login(from("198.51.100.1"), "ada", password)
	require.ErrorIs(t, err, login.ErrTooManyAttempts)
}

func TestMemoryOfAttemptsIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	a := login.NewMemoryAttempts(c.now)
	for range 10 {
		wait, err := a.Failed(t.Context(), "ada", 10)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
	for i := range 1<<16 + 1000 {
		_, err := a.Failed(t.Context(), strconv.Itoa(i), 10)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, a.Names(), 1<<16)
	wait, err := a.Wait(t.Context(), "ada", 10)
	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, wait, "who guesses at many names does not make one forgotten that was guessed at")
	c.pass(15 * time.Minute)
	wait, err = a.Wait(t.Context(), "ada", 10)
	require.NoError(t, err)
	require.Zero(t, wait)
}

func TestOldLoginsMakeWay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d)
		ada, eve := s.account("ada", auth.RoleUser), s.account("eve", auth.RoleUser)
		s.login("eve")
		first := s.login("ada")
		for range 104 { // as a script would that does not keep its tokens
			id := uuid.Must(uuid.NewV7())
			s.exec(`INSERT INTO logins (id, user_id, user_agent, address, created_at, last_used_at, expires_at)
				SELECT $1, user_id, '', '', created_at, last_used_at, expires_at FROM logins WHERE user_id = $2 LIMIT 1`, id, ada)
		}
		s.clock.pass(time.Minute)
		r := s.refresh(first.refresh)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		s.clock.pass(time.Minute)
		s.login("ada")
		require.Len(t, s.logins(ada), 101, "100 and the new one")
		require.Len(t, s.logins(eve), 1)
		require.Equal(t, http.StatusOK, s.refresh(inOf(r).refresh).Status, "used lately, though the first")
	})
}

func TestServiceNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := login.NewService(login.Config{})
	require.ErrorContains(t, err, "required")
}
