package social_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/social"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

func TestInbox(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.person("ada"), s.person("bob")
		unread := func() float64 { return s.ok("GET", "notifications", ada, "").JSON["unread"].(float64) }
		for i := range 3 {
			s.social.Notify(t.Context(), ada.ID, social.ChatReply, bob.ID, map[string]any{"channel": "demo", "n": i}, "")
		}
		var racers sync.WaitGroup
		for range 5 {
			racers.Go(func() { s.social.Notify(t.Context(), ada.ID, social.System, uuid.Nil, nil, "one of a kind") })
		}
		racers.Wait()
		for _, nothing := range []func(){
			func() { s.social.Notify(t.Context(), ada.ID, social.ChatMention, ada.ID, nil, "") },
			func() { s.social.Notify(t.Context(), uuid.New(), social.System, uuid.Nil, nil, "") },
			func() { s.social.Notify(t.Context(), ada.ID, "odd", uuid.Nil, nil, "") },
			func() { s.social.Notify(t.Context(), ada.ID, social.System, uuid.Nil, []int{1}, "") },
			func() { s.social.Notify(t.Context(), ada.ID, social.System, uuid.Nil, func() {}, "") },
			func() {
				s.social.Notify(t.Context(), ada.ID, social.System, uuid.Nil, map[string]string{"x": strings.Repeat("x", 5000)}, "")
			},
		} {
			nothing()
		}
		require.Equal(t, slices.Repeat([]string{"ada inbox.new"}, 4), s.told.take())
		require.Equal(t, []string{"system", "chat_reply", "chat_reply", "chat_reply"}, s.list("notifications", ada, "kind"))
		item := s.ok("GET", "notifications?limit=1&cursor="+url.QueryEscape(s.ok("GET", "notifications?limit=1", ada, "").JSON["next_cursor"].(string)), ada, "").JSON["items"].([]any)[0].(map[string]any)
		require.Equal(t, "bob", item["actor"].(map[string]any)["username"])
		require.Equal(t, map[string]any{"channel": "demo", "n": 2.0}, item["data"])
		require.InDelta(t, 4, unread(), 0)

		ids := s.list("notifications", ada, "id")
		for range 2 {
			require.InDelta(t, 3, s.ok("POST", "notifications/"+ids[1]+"/read", ada, "").JSON["unread"], 0)
		}
		s.refused("POST", "notifications/"+ids[1]+"/read", bob, "", 404, "notification_not_found")
		require.Equal(t, []string{ids[0], ids[2], ids[3]}, s.list("notifications?unread=true", ada, "id"))
		require.InDelta(t, 1, s.ok("POST", "notifications/read", ada, `{"up_to":"`+ids[2]+`"}`).JSON["unread"], 0)
		require.Equal(t, []string{"ada inbox.read", "ada inbox.read", "ada inbox.read"}, s.told.take())
		s.ok("POST", "notifications/read", bob, `{"up_to":"`+ids[0]+`"}`)
		require.Empty(t, s.told.take(), "nothing to read, nothing to tell")
		require.InDelta(t, 1, unread(), 0)

		require.Equal(t, 204, s.ok("DELETE", "notifications/"+ids[0], ada, "").Status)
		s.refused("DELETE", "notifications/"+ids[0], ada, "", 404, "notification_not_found")
		s.refused("DELETE", "notifications/"+ids[1], bob, "", 404, "notification_not_found")
		require.Equal(t, []string{"ada inbox.removed"}, s.told.take())
		require.InDelta(t, 0, unread(), 0)
		require.Equal(t, ids[1:], s.list("notifications", ada, "id"))
	})
}

func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.person("ada")
		values := make([]string, 520)
		for i := range values {
			values[i] = fmt.Sprintf("('%s', $1, 'system', '{}', $2)", uuid.Must(uuid.NewV7()))
		}
		s.exec("INSERT INTO notifications (id, user_id, kind, data, created_at) VALUES "+strings.Join(values, ", "), ada.ID, column.At(s.clock.now()))
		s.social.Notify(t.Context(), ada.ID, social.ChannelLive, uuid.Nil, nil, "")
		require.InDelta(t, 500, s.ok("GET", "notifications", ada, "").JSON["unread"], 0)
		require.Equal(t, []string{"channel_live"}, s.list("notifications?limit=1", ada, "kind"), "the oldest go")
		s.clock.pass(80 * 24 * time.Hour)
		s.social.Notify(t.Context(), ada.ID, social.MissedCall, uuid.Nil, nil, "")
		s.clock.pass(11 * 24 * time.Hour)
		require.NoError(t, s.purge())
		require.Equal(t, []string{"missed_call"}, s.list("notifications", ada, "kind"))
	})
}

// TestNotificationInATransaction is there if that is committed, and told of then.
func TestNotificationInATransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.person("ada"), s.person("bob")
		for _, outcome := range []error{fmt.Errorf("no room"), nil} {
			var after func()
			err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
				after, err = s.social.NotifyTx(t.Context(), tx, ada.ID, social.PartyInvite, bob.ID, map[string]string{"party": "x"}, "party")
				require.NoError(t, err)
				return outcome
			})
			require.Equal(t, outcome, err)
			require.Empty(t, s.told.take())
			after()
		}
		require.Equal(t, []string{"ada inbox.new"}, s.told.take())
		require.Equal(t, []string{"party_invite"}, s.list("notifications", ada, "kind"))
	})
}

func TestFollowersAreTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		owner := s.person("owner")
		channel := s.Channel(owner, "demo")
		air := func() uuid.UUID {
			id, now := uuid.Must(uuid.NewV7()), column.At(s.clock.now())
			s.exec("UPDATE broadcasts SET state = 'ended'")
			s.exec(`INSERT INTO broadcasts (id, channel_id, state, title, description, category, started_at, created_at, updated_at)
				VALUES ($1, $2, 'live', 'Evening', '', '', $3, $3, $3)`, id, channel, now)
			return id
		}
		follow := func(p apitest.Person, notify bool) {
			s.exec("INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, $4, $5)",
				uuid.New(), channel, p.ID, notify, column.At(s.clock.now()))
		}
		fan, quiet, enemy, gone, member, reminded := s.person("fan"), s.person("quiet"), s.person("enemy"), s.person("gone"), s.person("member"), s.person("reminded")
		for _, p := range []apitest.Person{fan, enemy, gone, member, owner} {
			follow(p, true)
		}
		follow(quiet, false)
		s.ok("PUT", "blocks/owner", enemy, "")
		s.exec("UPDATE users SET suspended_at = created_at WHERE id = $1", gone.ID)
		s.fill(250)
		s.exec(`INSERT INTO follows (id, channel_id, user_id, notify, created_at)
			SELECT u.id, $1, u.id, TRUE, u.created_at FROM users u WHERE u.bio = 'filled'`, channel)

		first := air()
		s.exec("INSERT INTO broadcast_reminders (broadcast_id, user_id, created_at) VALUES ($1, $2, $3)", first, reminded.ID, column.At(s.clock.now()))
		var racers sync.WaitGroup
		for range 3 {
			racers.Go(func() {
				w := social.NewLiveWorker(s.social)
				require.NoError(t, w.Work(t.Context(), &river.Job[social.LiveArgs]{Args: social.LiveArgs{Channel: channel, Broadcast: first}}))
			})
		}
		racers.Wait()
		events := s.told.take()
		require.Len(t, events, 253, "each once")
		for _, name := range []string{"fan", "member", "reminded"} {
			require.Contains(t, events, name+" inbox.new")
		}
		item := s.ok("GET", "notifications", fan, "").JSON["items"].([]any)[0].(map[string]any)
		require.Equal(t, map[string]any{"channel": "demo", "channel_title": "Title of demo", "broadcast": first.String(), "title": "Evening"}, item["data"])
		require.Equal(t, "owner", item["actor"].(map[string]any)["username"])

		// Only members of a private channel; only of what is on air, and not for long.
		s.exec("DELETE FROM follows WHERE user_id IN (SELECT id FROM users WHERE bio = 'filled')")
		s.exec("UPDATE channels SET visibility = 'private'")
		s.exec("INSERT INTO channel_members (channel_id, user_id, role, created_at) VALUES ($1, $2, 'viewer', $3)", channel, member.ID, column.At(s.clock.now()))
		second := air()
		for _, id := range []uuid.UUID{second, first, uuid.New()} {
			require.NoError(t, s.social.NotifyFollowers(t.Context(), channel, id))
		}
		require.Equal(t, []string{"member inbox.new"}, s.told.take())
		s.exec("UPDATE channels SET visibility = 'public'")
		third := air()
		s.clock.pass(3 * time.Hour)
		require.NoError(t, s.social.NotifyFollowers(t.Context(), channel, third))
		require.Empty(t, s.told.take())
	})
}
