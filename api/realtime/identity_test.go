package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func testNobodyIsTakenForSomebodyElse(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk)
	forged, _, err := tokensOf(t, []byte(strings.Repeat("f", 32)), 0).Access(s.ada.ID, "ada", auth.RoleAdmin)
	require.NoError(t, err)
	expired, _, err := tokensOf(t, realtimetest.Secret, time.Hour).Access(s.ada.ID, "ada", auth.RoleUser)
	require.NoError(t, err)
	gone, _, err := s.people.Tokens.Access(s.channel, "ghost", auth.RoleUser)
	require.NoError(t, err)

	for name, token := range map[string]string{
		"forged": forged, "unsigned": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "no token": "x", "of nobody": gone,
		"unknown personal token": auth.NewSecret(auth.PersonalTokenPrefix),
	} {
		c := realtimetest.Dial(t, server.URL, nil)
		_, err := c.TryDo("connect", map[string]any{"token": token})
		require.Error(t, err, name)
		require.Equal(t, 3500, c.Closed().Code, name)
	}
	for name, want := range map[string]struct {
		token string
		code  int
	}{"expired": {expired, 109}, "a service": {s.people.Service("ingest"), 103}} {
		r := realtimetest.Dial(t, server.URL, nil).Do("connect", map[string]any{"token": want.token})
		require.NotNil(t, r.Error, name)
		require.Equal(t, want.code, r.Error.Code, name)
	}

	// What a client says about itself counts for nothing.
	c := realtimetest.Dial(t, server.URL, nil)
	r := c.Do("connect", map[string]any{
		"token": s.bob.Token, "data": map[string]string{"user": s.ada.ID.String()}, "name": "ada",
		"headers": map[string]string{"Authorization": "Bearer " + s.ada.Token, "X-Forwarded-For": "9.9.9.9"},
		"subs":    map[string]any{"user:" + s.ada.ID.String(): map[string]any{"recover": true}, "chat:stage": map[string]any{}},
	})
	require.Nil(t, r.Error)
	require.Contains(t, string(r.Connect.Data), s.bob.ID.String())
	require.Len(t, r.Connect.Subs, 1)
	require.Contains(t, r.Connect.Subs, "user:"+s.bob.ID.String())
	require.Equal(t, 404, c.TrySubscribe("user:"+s.ada.ID.String(), nil).Error.Code)
}

func testCookiesAreOfPagesOfThisSite(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) { c.Origins = []string{"https://bandstand.example"} })
	_, token := s.login(s.bob)
	for name, want := range map[string]struct {
		origin, token string
		refused       string // the handshake
		welcome       bool
	}{
		"its own page":        {server.URL, token, "", true},
		"an allowed page":     {"https://bandstand.example", token, "", true},
		"its page, no cookie": {server.URL, "", "", false},
		"another site":        {"https://evil.example", token, "403", false},
		"another, no cookie":  {"https://evil.example", "", "403", false},
		"a sandbox":           {"null", token, "403", false},
		"no browser":          {"", token, "403", false},
	} {
		header := http.Header{}
		if want.origin != "" {
			header.Set("Origin", want.origin)
		}
		if want.token != "" {
			header.Set("Cookie", auth.AccessCookie+"="+want.token)
		}
		c, err := realtimetest.TryDial(t, server.URL, header)
		if want.refused != "" {
			require.ErrorContains(t, err, want.refused, name)
			continue
		}
		require.NoError(t, err, name)
		r := c.Do("connect", map[string]any{})
		require.Nil(t, r.Error, name)
		require.False(t, r.Connect.Expires, name) // as long as the login is good
		var welcome realtime.Welcome
		require.NoError(t, json.Unmarshal(r.Connect.Data, &welcome))
		require.Equal(t, want.welcome, welcome.User != nil, name)
	}
	// A cookie that has expired has the page refresh it, and come again.
	c := realtimetest.Dial(t, server.URL, http.Header{"Origin": {server.URL}, "Cookie": {auth.AccessCookie + "=old"}})
	require.Equal(t, 109, c.Do("connect", map[string]any{}).Error.Code)
}

func testTokensAreRefreshedInPlace(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk)
	soon, _, err := tokensOf(t, realtimetest.Secret, 13*time.Minute).Access(s.bob.ID, "bob", auth.RoleUser)
	require.NoError(t, err)
	connect := func(token string) *realtimetest.Client { return realtimetest.Connect(t, server.URL, token) }

	c := connect(soon)
	r := c.Do("refresh", map[string]any{"token": s.bob.Token})
	require.Nil(t, r.Error)
	var refreshed struct {
		Expires bool
		TTL     int
	}
	require.NoError(t, json.Unmarshal(r.Refresh, &refreshed))
	require.True(t, refreshed.Expires)
	require.Greater(t, refreshed.TTL, 240, "it lasts as long as the old token")
	c.Call("chat.send", map[string]any{"channel": "stage", "text": "still here"}, nil)

	other := connect(s.bob.Token)
	_, err = other.TryDo("refresh", map[string]any{"token": s.ada.Token})
	require.Error(t, err)
	require.Equal(t, 4503, other.Closed().Code)
	bad := connect(s.bob.Token)
	_, err = bad.TryDo("refresh", map[string]any{"token": soon + "x"})
	require.Error(t, err)
	require.Equal(t, 3005, bad.Closed().Code)
	require.Equal(t, 107, connect(s.bob.Token).Do("refresh", map[string]any{"token": s.personal(s.bob, "read")}).Error.Code)
	require.Equal(t, 107, connect(s.personal(s.bob, "read")).Do("refresh", map[string]any{"token": s.bob.Token}).Error.Code)
	require.Equal(t, 107, connect("").Do("refresh", map[string]any{"token": s.bob.Token}).Error.Code)
}

func testAPersonalTokenDoesWhatItsScopesSay(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk)
	reads, writes := realtimetest.Connect(t, server.URL, s.personal(s.bob, "read")), realtimetest.Connect(t, server.URL, s.personal(s.bob, "chat"))
	reads.Subscribe("chat:stage", nil)
	status, code := reads.Refused("chat.send", map[string]any{"channel": "stage", "text": "x"})
	require.Equal(t, 403, status)
	require.Equal(t, "forbidden", code)
	writes.Call("chat.send", map[string]any{"channel": "stage", "text": "x"}, nil)
	require.Equal(t, 403, writes.TrySubscribe("chat:stage", nil).Error.Code)
}

// Whoever may not be somewhere any more is out at once, and nobody else is.
func TestWhoMayNoMoreIsOut(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStage(t, d)
		server := realtimetest.New(t, d, talk)
		login, token := s.login(s.bob)
		nobody, bob, ada := realtimetest.Connect(t, server.URL, ""), realtimetest.Connect(t, server.URL, token), realtimetest.Connect(t, server.URL, s.ada.Token)
		for _, c := range []*realtimetest.Client{nobody, bob, ada} {
			c.Subscribe("chat:stage", nil)
		}

		s.hide()
		require.Equal(t, 2000, nobody.Ended("chat:stage"))
		require.Equal(t, 2000, bob.Ended("chat:stage"))
		require.Equal(t, 404, bob.TrySubscribe("chat:stage", nil).Error.Code)
		status, code := bob.Refused("chat.send", map[string]any{"channel": "stage", "text": "x"})
		require.Equal(t, 404, status)
		require.Equal(t, "channel_not_found", code)
		ada.Call("chat.send", map[string]any{"channel": "stage", "text": "among ourselves"}, nil)
		ada.Next("chat:stage", "chat.message")
		require.Empty(t, nobody.Events("chat:stage"))

		s.change(auth.TopicChannel, "stage", func(q *store.Queries) error {
			_, err := q.PutMember(t.Context(), store.PutMemberParams{ChannelID: s.channel, UserID: s.bob.ID, Role: "viewer", CreatedAt: column.At(time.Now())})
			return err
		})
		bob.Subscribe("chat:stage", nil)

		s.change(auth.TopicUser, s.bob.ID.String(), func(q *store.Queries) error {
			_, err := q.RevokeLogin(t.Context(), store.RevokeLoginParams{ID: login, UserID: s.bob.ID, RevokedAt: column.Maybe(time.Now())})
			return err
		})
		require.Equal(t, 4500, bob.Closed().Code)
		s.change(auth.TopicChannel, "stage", func(q *store.Queries) error {
			_, err := q.DeleteChannel(t.Context(), s.channel)
			return err
		})
		require.Equal(t, 2000, ada.Ended("chat:stage"))
		s.change(auth.TopicUser, s.ada.ID.String(), func(q *store.Queries) error {
			_, err := q.SuspendUser(t.Context(), store.SuspendUserParams{ID: s.ada.ID, SuspendedAt: column.Maybe(time.Now())})
			return err
		})
		require.Equal(t, 4500, ada.Closed().Code)
		nobody.Call("clock", nil, nil)
	})
}

func testAnAddressIsBannedWhileItIsConnected(t *testing.T, s *stage) {
	var banned atomic.Bool
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) {
		c.Banned = func(addr netip.Addr) bool { return banned.Load() && addr.IsLoopback() }
	})
	c := realtimetest.Connect(t, server.URL, "")
	banned.Store(true)
	server.Node.RecheckAddresses()
	require.Equal(t, 4501, c.Closed().Code)
}

// unsure is an Identity whose database cannot be asked for a while.
type unsure struct {
	realtime.Identity

	isAway atomic.Bool
}

func (u *unsure) Verify(ctx context.Context, token string) (auth.Principal, error) {
	p, err := u.Identity.Verify(ctx, token)
	p.Unchecked = u.isAway.Load()
	return p, err
}

func (u *unsure) Renew(ctx context.Context, p auth.Principal) (auth.Principal, error) {
	if u.isAway.Load() {
		return auth.Principal{}, errors.New("nobody answers")
	}
	return u.Identity.Renew(ctx, p)
}

// While nobody can be asked who somebody is, they are believed as far as reading goes.
func testWhoCannotBeCheckedReadsOnly(t *testing.T, s *stage) {
	u := &unsure{}
	u.isAway.Store(true)
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) { u.Identity, c.Identity = c.Identity, u })
	c := realtimetest.Connect(t, server.URL, s.bob.Token)
	c.Subscribe("chat:stage", nil)
	r := c.Do("rpc", map[string]any{"method": "chat.send", "data": map[string]any{"channel": "stage", "text": "x"}})
	require.Equal(t, 503, r.Error.Code)
	require.Equal(t, "unavailable retry_after=2", r.Error.Message)
	c.Call("clock", nil, nil)
	u.isAway.Store(false)
	c.Call("chat.send", map[string]any{"channel": "stage", "text": "x"}, nil)
	c.Next("chat:stage", "chat.message")
}
