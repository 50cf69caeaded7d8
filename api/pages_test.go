package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/channel"
	"bandstand/api/limit"
	"bandstand/storage/db/dbtest"
)

// What the rooms need of each other, which meet only where they are wired.
var _ channel.Rester = (*limit.Rests)(nil)

func TestTypesOfProblemsAreExplained(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	problem := s.Do("GET", "/api/v1/auth/me", "", "")
	apitest.RequireProblem(t, problem, 401, "unauthorized")
	require.Equal(t, problem.Header.Get("X-Request-Id"), problem.JSON["instance"])

	about := s.Do("GET", problem.JSON["type"].(string), "", "")
	require.Equal(t, 200, about.Status)
	require.Equal(t, "application/json", about.Header.Get("Content-Type"))
	require.Equal(t, "unauthorized", about.JSON["code"])
	require.InDelta(t, 401, about.JSON["status"], 0)
	require.Contains(t, about.JSON["details"], "a bearer token is required")

	var all []struct{ Code string }
	list := s.Do("GET", "/api/problems", "", "")
	require.NoError(t, json.Unmarshal([]byte(list.Text), &all))
	require.Greater(t, len(all), 30)
	for _, path := range []string{"/api/problems", "/api/problems/unauthorized"} {
		page := s.Do("GET", path, "", "", "Accept", "text/html,application/xhtml+xml;q=0.9")
		require.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
		require.Equal(t, "Accept", page.Header.Get("Vary"))
		require.Contains(t, page.Text, "a bearer token is required")
		require.Contains(t, page.Header.Get("Content-Security-Policy"), "default-src 'none'")
	}
	for _, code := range []string{"nothing", "%3Cscript%3E", "..", ""} {
		require.Equal(t, 404, s.Do("GET", "/api/problems/"+code, "", "", "Accept", "text/html").Status, code)
	}
}

// TestEveryProblemHasAPage asks for things that fail ahead of every feature.
func TestEveryProblemHasAPage(t *testing.T) {
	t.Parallel()
	s, _ := startNotes(t, dbtest.SQLite(t))
	for _, r := range []apitest.Reply{
		s.Do("GET", "/api/v1/nothing", "", ""), s.Do("BREW", "/api/v1/channels", "", ""), s.Do("POST", "/", "", ""), s.Do("GET", "/", "", ""),
		s.Do("GET", "/api/v1/channels?limit=0", "", ""), s.Do("GET", "/api/v1/channels?%zz", "", ""),
		s.Do("POST", "/api/v1/auth/login", "", "{"), s.Do("POST", "/api/v1/auth/login", "", ""),
		s.Do("POST", "/api/v1/auth/login", "", "{}", "Origin", "https://evil.example.org"),
	} {
		require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
		require.Equal(t, 200, s.Do("GET", r.JSON["type"].(string), "", "").Status, r.Text)
	}
}
