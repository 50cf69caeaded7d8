package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// password is that of everybody in these tests.
const password = "correct horse battery"

// as asks the API in the name of whom token belongs to, nobody if it is empty, and
// decodes a good answer into out. fields are more headers, names and values by turns.
func (s *server) as(t *testing.T, token, method, path string, in, out any, fields ...string) answer {
	t.Helper()
	body, err := json.Marshal(in)
	require.NoError(t, err)
	if in == nil {
		body = nil
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL(path), bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
		if fields[i] == "Host" {
			req.Host = fields[i+1]
		}
	}
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if out != nil && res.StatusCode < 300 {
		require.NoError(t, json.Unmarshal(text, out), "%s", text)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// does is as for requests that must succeed.
func (s *server) does(t *testing.T, token, method, path string, in, out any, fields ...string) answer {
	t.Helper()
	a := s.as(t, token, method, path, in, out, fields...)
	require.Less(t, a.code, 300, "%s %s: %s", method, path, a.body)
	return a
}

// session is what somebody gets who logs in.
type session struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (s *server) logsIn(t *testing.T, name, with string) (in session) {
	t.Helper()
	s.does(t, "", "POST", "/api/v1/auth/login", map[string]string{"login": name, "password": with}, &in)
	return in
}

// person makes an account and returns a token of it.
func (s *server) person(t *testing.T, name string) (token string) {
	t.Helper()
	s.does(t, "", "POST", "/api/v1/auth/signup",
		map[string]string{"username": name, "email": name + "@example.org", "password": password}, nil)
	return s.logsIn(t, name, password).Access
}

// runs executes a command with the settings of the server, as those would who run it.
func (s *server) runs(t *testing.T, input string, args ...string) (output string, err error) {
	t.Helper()
	var out strings.Builder
	err = run(t.Context(), args, s.env, strings.NewReader(input), &out, &out)
	return out.String(), err
}

// staff makes an account with a role on the whole instance and returns a token of it.
func (s *server) staff(t *testing.T, name, role string) (token string) {
	t.Helper()
	out, err := s.runs(t, password+"\n", "user", "create", name, "--email", name+"@example.org", "--role", role, "--password-stdin")
	require.NoError(t, err, out)
	return s.logsIn(t, name, password).Access
}
