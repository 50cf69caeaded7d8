package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
)

// TestCommandsBesideARunningServer has those who run the machine make and change
// accounts, and copy the database, while the server runs. The copy is a server again.
func TestCommandsBesideARunningServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	ok := func(input string, args ...string) string {
		t.Helper()
		out, err := s.runs(t, input, args...)
		require.NoError(t, err, "%v: %s", args, out)
		return out
	}
	made := ok("", "user", "create", "ada", "--email", "ada@example.org")
	var first string
	for line := range strings.Lines(made) {
		if p, found := strings.CutPrefix(line, "password"); found {
			first = strings.TrimSpace(p)
		}
	}
	require.NotEmpty(t, first, made)
	ada := s.logsIn(t, "ada@example.org", first).Access
	require.Equal(t, http.StatusForbidden, s.as(t, ada, "GET", "/api/v1/admin/users", nil, nil).code)
	ok("", "user", "role", "ada", "admin")
	eventually(t, 10*time.Second, func() error { return s.allows(t, ada, http.StatusOK) })
	ok(password+"\n", "user", "passwd", "ada", "--password-stdin")
	eventually(t, 10*time.Second, func() error { return s.allows(t, ada, http.StatusUnauthorized) })
	require.Equal(t, http.StatusUnauthorized,
		s.as(t, "", "POST", "/api/v1/auth/login", map[string]string{"login": "ada", "password": first}, nil).code)
	ada = s.logsIn(t, "ada", password).Access

	for _, wrong := range [][]string{
		{"user", "create", "ada", "--email", "other@example.org"},
		{"user", "create", "a b", "--email", "other@example.org"},
		{"user", "passwd", "nobody"},
		{"user", "role", "nobody", "admin"},
		{"user", "role", "ada", "king"},
	} {
		_, err := s.runs(t, "", wrong...)
		require.Error(t, err, "%v", wrong)
	}
	_, err := s.runs(t, "short\n", "user", "passwd", "ada", "--password-stdin")
	require.Error(t, err)

	require.Contains(t, ok("", "migrate"), "tables  version")
	file := filepath.Join(t.TempDir(), "bandstand.db")
	ok("", "backup", file)
	_, err = s.runs(t, "", "backup", file)
	require.Error(t, err, "it exists")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	s.does(t, ada, "POST", "/api/v1/channels", map[string]string{"slug": "later", "title": "Later"}, nil)

	copied := startServerIn(t, filepath.Dir(file), "BANDSTAND_TRANSCODE_ENABLED=false")
	copied.token = copied.logsIn(t, "ada", password).Access
	require.Equal(t, http.StatusNotFound, copied.as(t, "", "GET", "/api/v1/channels/later", nil, nil).code)
	c, err := rtmptest.Publish(copied.RTMPURL(key), rtmptest.Options{})
	require.NoError(t, err)
	defer c.Close()
	for _, tag := range sized(t, "320x180", "2") {
		require.NoError(t, c.SendTag(tag))
	}
	eventually(t, 10*time.Second, func() error { return copied.liveIs("demo", true) })

	var document struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(ok("", "openapi")), &document))
	require.True(t, strings.HasPrefix(document.OpenAPI, "3.1"), document.OpenAPI)
	served := s.ask(t, "GET", "/api/openapi.json")
	require.JSONEq(t, ok("", "openapi"), served.body)
	require.NotEmpty(t, document.Paths["/api/v1/instance"])
}

// allows says whether the list of users answers a token as wanted.
func (s *server) allows(t *testing.T, token string, want int) error {
	t.Helper()
	if got := s.as(t, token, "GET", "/api/v1/admin/users", nil, nil); got.code != want {
		return fmt.Errorf("got %d, want %d: %s", got.code, want, got.body)
	}
	return nil
}
