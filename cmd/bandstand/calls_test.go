package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// befriend makes two people friends.
func (s *server) befriend(t *testing.T, a, nameOfB, b, nameOfA string) {
	t.Helper()
	s.does(t, a, "POST", "/api/v1/me/friend-requests", map[string]string{"user": nameOfB}, nil)
	s.does(t, b, "POST", "/api/v1/me/friend-requests", map[string]string{"user": nameOfA}, nil)
}

// sight is what one side of a call has got from the other.
type sight struct {
	Frames int
	Audio  int
	Via    []string
}

func TestBrowsersCallEachOther(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		settings, flags []string
		via             string
	}{
		"directly":      {nil, nil, ""},
		"through relay": {[]string{"BANDSTAND_CALLS_TURN_LISTEN=127.0.0.1:0", "BANDSTAND_CALLS_TURN_PUBLIC_IPS=127.0.0.1"}, []string{"--relay"}, "relay"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need(t, "/usr/bin/chromium", "../../web/node_modules/vite")
			s := startServer(t, tt.settings...)
			ada, bob := s.person(t, "ada"), s.person(t, "bob")
			s.befriend(t, ada, "bob", bob, "ada")
			args := append([]string{"e2e/call.mjs", "--url", s.URL(""), "--ada", ada, "--bob", bob}, tt.flags...)
			out, err := webScript(t.Context(), t, args...).Output()
			require.NoError(t, err, "%s", out)
			t.Logf("seen: %s", out)
			var seen struct {
				OK       bool
				Ada, Bob sight
				Again    struct {
					Ada, Bob sight
					Sockets  int
				}
				Over []string
			}
			require.NoError(t, json.Unmarshal(out, &seen), "%s", out)
			require.True(t, seen.OK, "%s", out)
			for _, side := range []sight{seen.Ada, seen.Bob, seen.Again.Ada, seen.Again.Bob} {
				require.Positive(t, side.Frames)
				require.Positive(t, side.Audio)
				if tt.via != "" {
					require.Equal(t, []string{tt.via, tt.via}, side.Via)
				}
			}
			require.Equal(t, 2, seen.Again.Sockets)
			require.Equal(t, []string{"left", "answered"}, seen.Over)
			var past struct{ Items []struct{ Outcome string } }
			s.does(t, bob, "GET", "/api/v1/me/calls", nil, &past)
			require.Equal(t, "answered", past.Items[0].Outcome)
		})
	}
}
