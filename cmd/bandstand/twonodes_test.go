package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db/dbtest"
)

// redisURL names the environment variable with a Redis for tests. Without it they are
// left out, except where CI is "true".
const redisURL = "BANDSTAND_TEST_REDIS_URL"

// TestTwoAPINodesAreOne has two processes with one Postgres and one Redis: what one
// of them does the other knows.
func TestTwoAPINodesAreOne(t *testing.T) {
	t.Parallel()
	redis := os.Getenv(redisURL)
	if redis == "" && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not set: in CI this test must run", redisURL)
	}
	if redis == "" {
		t.Skipf("%s is not set", redisURL)
	}
	database, _ := dbtest.Postgres(t)
	const quota = 20
	settings := []string{
		"BANDSTAND_ROLES=api", "BANDSTAND_DB_URL=" + database, "BANDSTAND_REDIS_URL=" + redis,
		fmt.Sprintf("BANDSTAND_LIMITS_WRITES=%d", quota), `BANDSTAND_HTTP_TRUSTED_PROXIES=["127.0.0.0/8"]`,
	}
	a := startServer(t, settings...)
	b := startServer(t, settings...)
	boss := a.staff(t, "boss", "admin")
	streamer := a.staff(t, "streamer", "user")
	// Addresses that are in nobody else's counts.
	first, second := fromAnywhere(), fromAnywhere()
	a.does(t, streamer, "POST", "/api/v1/channels", map[string]string{"slug": "demo", "title": "Demo"}, nil, first...)

	in := a.logsIn(t, "streamer", password)
	require.Equal(t, http.StatusOK, b.as(t, in.Access, "GET", "/api/v1/me", nil, nil).code)
	a.does(t, in.Access, "POST", "/api/v1/auth/logout", map[string]string{"refresh_token": in.Refresh}, nil)
	require.Equal(t, http.StatusUnauthorized, a.as(t, in.Access, "GET", "/api/v1/me", nil, nil).code)
	eventually(t, 6*time.Second, func() error {
		if got := b.as(t, in.Access, "GET", "/api/v1/me", nil, nil); got.code != http.StatusUnauthorized {
			return fmt.Errorf("the other node has not heard that they logged out: %s", got.body)
		}
		return nil
	})
	require.Equal(t, http.StatusUnauthorized,
		b.as(t, "", "POST", "/api/v1/auth/refresh", map[string]string{"refresh_token": in.Refresh}, nil).code)

	// What b has in memory changes with what a writes.
	var ch struct{ Title string }
	b.does(t, "", "GET", "/api/v1/channels/demo", nil, &ch)
	require.Equal(t, "Demo", ch.Title)
	a.does(t, streamer, "PATCH", "/api/v1/channels/demo", map[string]string{"title": "Changed"}, nil, first...)
	began := time.Now()
	eventually(t, 6*time.Second, func() error {
		b.does(t, "", "GET", "/api/v1/channels/demo", nil, &ch)
		if ch.Title != "Changed" {
			return fmt.Errorf("got the title %s", ch.Title)
		}
		return nil
	})
	t.Logf("the other node knows the title after %v", time.Since(began))
	a.does(t, boss, "PATCH", "/api/v1/admin/settings", map[string]string{"name": "Two of us", "signup": "closed"}, nil, first...)
	eventually(t, 6*time.Second, func() error {
		if got := b.ask(t, "GET", "/api/v1/instance"); !strings.Contains(got.body, "Two of us") {
			return fmt.Errorf("settings: %s", got.body)
		}
		return nil
	})
	eve := map[string]string{"username": "eve", "email": "eve@example.org", "password": password}
	require.Equal(t, http.StatusForbidden, b.as(t, "", "POST", "/api/v1/auth/signup", eve, nil, first...).code)

	// A rest from liking, and how often an address may write at all, are counted once.
	nodes := []*server{a, b}
	a.does(t, "", "POST", "/api/v1/channels/demo/like", nil, nil, second...)
	for i := 1; ; i++ {
		got := nodes[i%2].as(t, "", "POST", "/api/v1/channels/demo/like", nil, nil, second...)
		require.Equal(t, http.StatusTooManyRequests, got.code, "like %d: %s", i, got.body)
		require.NotEmpty(t, got.header.Get("Retry-After"))
		if strings.Contains(got.body, "too_many_requests") {
			require.Equal(t, quota, i, "so many are let through")
			break
		}
	}
	require.Equal(t, http.StatusOK, b.as(t, "", "POST", "/api/v1/channels/demo/like", nil, nil, fromAnywhere()...).code)
}

// fromAnywhere returns headers of a request that a proxy has from an address that
// nobody else has.
func fromAnywhere() []string {
	var at [4]byte
	_, _ = rand.Read(at[:]) // it never fails
	return []string{"X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::1", at[:2], at[2:])}
}
