package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestStreamKeysFromCreationToRevocation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada := s.user("ada", auth.RoleUser)
		first := s.channel(ada, "demo")

		made := s.do("POST", "/api/v1/channels/demo/keys", ada, `{"label":"  OBS "}`)
		require.Equal(t, http.StatusCreated, made.status, made.text)
		second := made.json["stream_key"].(string)
		require.NotEqual(t, first, second)
		require.Equal(t, "OBS", made.json["label"])
		require.Equal(t, second[len(second)-4:], made.json["hint"])
		delete(made.json, "stream_key")

		for _, key := range []string{first, second} {
			grant, err := s.channels.Authorize(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, "demo", grant.Slug)
			require.Equal(t, "Title of demo", grant.Title)
			require.Nil(t, grant.Ladder)
			if key == second {
				require.Equal(t, made.json["id"], grant.KeyID)
			}
		}

		listed := s.do("GET", "/api/v1/channels/demo/keys", ada, "")
		require.Equal(t, http.StatusOK, listed.status)
		items := listed.json["items"].([]any)
		require.Len(t, items, 2)
		require.Equal(t, "default", items[0].(map[string]any)["label"])
		used := items[1].(map[string]any)
		require.NotEmpty(t, used["last_used_at"])
		delete(used, "last_used_at")
		require.Equal(t, made.json, used)

		one := "/api/v1/channels/demo/keys/" + made.json["id"].(string)
		s.channel(ada, "other")
		requireProblem(t, s.do("DELETE", "/api/v1/channels/other/keys/"+made.json["id"].(string), ada, ""), 404, "key_not_found")
		require.Equal(t, http.StatusNoContent, s.do("DELETE", one, ada, "").status)
		requireProblem(t, s.do("DELETE", one, ada, ""), 404, "key_not_found")

		_, err := s.channels.Authorize(t.Context(), second)
		require.ErrorIs(t, err, channel.ErrUnknownKey)
		_, err = s.channels.Authorize(t.Context(), first)
		require.NoError(t, err)
		items = s.do("GET", "/api/v1/channels/demo/keys", ada, "").json["items"].([]any)
		require.NotEmpty(t, items[1].(map[string]any)["revoked_at"])

		require.Equal(t, http.StatusNoContent, s.do("DELETE", "/api/v1/channels/demo", ada, "").status)
		_, err = s.channels.Authorize(t.Context(), first)
		require.ErrorIs(t, err, channel.ErrUnknownKey)
	})
}

func TestStreamKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	ada, admin := s.user("ada", auth.RoleUser), s.user("boss", auth.RoleAdmin)
	secrets := []string{s.channel(ada, "demo")}
	made := s.do("POST", "/api/v1/channels/demo/keys", ada, `{"label":"second"}`)
	secrets = append(secrets, made.json["stream_key"].(string))
	service := s.service("ingest")
	for _, secret := range secrets {
		require.Equal(t, 200, s.do("POST", "/api/v1/ingest/authorize?key="+secret, service, `{"app":"live","key":"`+secret+`"}`).status)
		requireProblem(t, s.do("POST", "/api/v1/ingest/authorize", service, `{"app":"live","key":"`+secret+`","x":1}`), 422, "unprocessable_entity")
		requireProblem(t, s.do("POST", "/api/v1/ingest/authorize", service, `{"app":"live","key":"`+secret+`x"}`), 404, "unknown_key")
	}

	var shown string
	for _, token := range []string{"", ada, admin, service} {
		for _, path := range []string{"/api/v1/channels", "/api/v1/channels/demo", "/api/v1/channels/demo/keys"} {
			shown += s.do("GET", path, token, "").text
		}
		shown += s.do("PATCH", "/api/v1/channels/demo", token, `{"title":"New"}`).text
	}
	for _, secret := range secrets {
		require.NotContains(t, shown, secret)
		require.NotContains(t, s.log.String(), secret)
	}
	require.NotContains(t, shown, "stream_key")
	require.NotContains(t, shown, "hash")
}

func TestChannelHasSoManyStreamKeysAndNoMore(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	ada := s.user("ada", auth.RoleUser)
	s.channel(ada, "demo")
	for i := range 49 {
		require.Equal(t, 201, s.do("POST", "/api/v1/channels/demo/keys", ada, fmt.Sprintf(`{"label":"%d"}`, i)).status)
	}
	requireProblem(t, s.do("POST", "/api/v1/channels/demo/keys", ada, `{"label":"more"}`), 409, "too_many_keys")
}

func TestOwnLadderIsGranted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada := s.user("ada", auth.RoleUser)
		key := s.channel(ada, "demo")
		for body, want := range map[string][]channel.Rung{
			`{"ladder":[]}`: {},
			`{"ladder":[{"name":"360p","height":360,"bitrate_bps":800000,"max_frame_rate":29.97}]}`: {
				{Name: "360p", Height: 360, BitrateBPS: 800000, MaxFrameRate: 29.97},
			},
			`{"ladder":null}`: nil,
		} {
			require.Equal(t, 200, s.do("PATCH", "/api/v1/channels/demo", ada, body).status)
			grant, err := s.channels.Authorize(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, want, grant.Ladder, body)
		}
	})
}
