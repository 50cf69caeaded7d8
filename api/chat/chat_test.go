package chat_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/chat"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

func TestSendAndHear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob, eve := s.Person("ada", auth.RoleUser), s.Person("Bob", auth.RoleUser), s.Person("eve", auth.RoleModerator)
		s.Channel(ada, "stage")
		viewer := realtimetest.Connect(t, s.sockets.URL, "")
		viewer.Subscribe("chat:stage", nil)
		require.JSONEq(t, `{"pinned":null,"settings":{"slow_mode_s":5}}`, string(viewer.Next("chat:stage", "chat.state").Data))

		// Over HTTP, normalised, with what it names; and again with the same key.
		body := `{"body":"  hi   @BOB :wave: :nope: e\u0301 ","key":"k1"}`
		got := s.ok("POST", "/channels/stage/messages", ada.Token, body)
		require.Equal(t, 201, got.Status)
		id := got.JSON["id"].(string)
		require.Equal(t, "/api/v1/channels/stage/messages/"+id, got.Header.Get("Location"))
		require.Equal(t, "hi @BOB :wave: :nope: \u00e9", got.JSON["body"])
		require.Equal(t, map[string]any{"wave": "/images/wave/64.webp"}, got.JSON["emotes"])
		require.Equal(t, []any{map[string]any{"id": bob.ID.String(), "name": "Bob"}}, got.JSON["mentions"])
		require.Equal(t, []any{"owner"}, got.JSON["user"].(map[string]any)["badges"])
		require.Equal(t, []string{"chat_mention " + bob.ID.String()}, s.inbox.take())
		again := s.ok("POST", "/channels/stage/messages", ada.Token, body)
		require.Equal(t, id, again.JSON["id"])
		require.Equal(t, 1, s.gate.asked, "what is known is not asked for")

		// Over the socket, as a reply; the sender is told like everybody.
		sender := realtimetest.Connect(t, s.sockets.URL, eve.Token)
		sender.Subscribe("chat:stage", nil)
		var sent chat.MessageView
		sender.Call("chat.send", map[string]any{"channel": "stage", "body": "welcome", "reply_to": id, "key": "k1"}, &sent)
		require.Equal(t, "k1", sent.Key)
		require.Equal(t, []string{"staff"}, sent.User.Badges)
		require.Equal(t, id, sent.ReplyTo.ID)
		require.Equal(t, "hi @BOB :wave: :nope: \u00e9", sent.ReplyTo.Body)
		require.Equal(t, "ada", sent.ReplyTo.User.Name)
		require.Equal(t, []string{"chat_reply " + ada.ID.String()}, s.inbox.take())
		require.Equal(t, id, message(t, viewer.Next("chat:stage", "chat.message")).ID)
		require.Equal(t, sent, message(t, viewer.Next("chat:stage", "chat.message")), "what was sent twice is told once")
		require.Equal(t, sent, message(t, sender.Next("chat:stage", "chat.message")))

		// What happened.
		require.NoError(t, s.chat.SystemMessage(t.Context(), uuid.MustParse(channelOf(t, d, "stage")), "stage", "On air", "channel.live", map[string]int{"n": 1}))
		happened := message(t, viewer.Next("chat:stage", "chat.message"))
		require.Nil(t, happened.User)
		require.Equal(t, "channel.live", happened.Event)
		require.Equal(t, map[string]any{"n": 1.0}, happened.Data)
		list := s.ok("GET", "/channels/stage/messages", "", "")
		require.Equal(t, []string{"On air", "welcome", "hi @BOB :wave: :nope: \u00e9"}, bodies(list))
		one := s.ok("GET", "/channels/stage/messages/"+id, bob.Token, "")
		require.Equal(t, false, one.JSON["liked"])
		require.NotContains(t, list.Text, `"key"`)

		s.refused(401, "unauthorized", "POST", "/channels/stage/messages", "", `{"body":"x"}`)
		s.refused(403, "chat_banned", "POST", "/channels/stage/messages", bob.Token, `{"body":"forbidden"}`)
		s.refused(422, "bad_reply", "POST", "/channels/stage/messages", bob.Token, `{"body":"x","reply_to":"`+uuid.NewString()+`"}`)
		s.Channel(ada, "other")
		s.refused(409, "message_key_used", "POST", "/channels/other/messages", ada.Token, body)
		s.refused(422, "bad_reply", "POST", "/channels/other/messages", bob.Token, `{"body":"x","reply_to":"`+id+`"}`)
		s.refused(404, "message_not_found", "GET", "/channels/other/messages/"+id, bob.Token, "")
	})
}

func channelOf(t *testing.T, d *db.DB, slug string) string {
	t.Helper()
	var id string
	require.NoError(t, d.Writer().QueryRowContext(t.Context(), "SELECT CAST(id AS TEXT) FROM channels WHERE slug = $1", slug).Scan(&id))
	return id
}

func TestNobodyWritesTooFastOrTheSameAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.Channel(ada, "stage")
		c := realtimetest.Connect(t, s.sockets.URL, ada.Token)
		send := func(body string) map[string]any { return map[string]any{"channel": "stage", "body": body} }
		c.Call("chat.send", send("same"), nil)
		status, code := c.Refused("chat.send", send("same"))
		require.Equal(t, 409, status)
		require.Equal(t, "duplicate_message", code)
		for i := range 19 {
			c.Call("chat.send", send(strings.Repeat("x", i+1)), nil)
		}
		got := s.Do("POST", "/api/v1/channels/stage/messages", ada.Token, `{"body":"one more"}`)
		require.Equal(t, "too_many_messages", got.JSON["code"], got.Text)
		require.NotEmpty(t, got.Header.Get("Retry-After"))
		s.clock.pass(11 * time.Second)
		c.Call("chat.send", send("later"), nil)
		s.clock.pass(31 * time.Second)
		c.Call("chat.send", send("later"), nil)
	})
}

func TestEditAndDelete(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob, eve := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser), s.Person("eve", auth.RoleUser)
		s.member(s.Channel(ada, "stage"), eve, "moderator")
		c := realtimetest.Connect(t, s.sockets.URL, bob.Token)
		c.Subscribe("chat:stage", nil)
		first := s.say(bob, "stage", "frist")
		reply := s.ok("POST", "/channels/stage/messages", ada.Token, `{"body":"congratulations","reply_to":"`+first+`"}`).JSON["id"].(string)
		path := "/channels/stage/messages/" + first

		tag := s.ok("GET", path, "", "").Header.Get("ETag")
		s.refused(403, "forbidden", "PATCH", path, eve.Token, `{"body":"first"}`)
		s.refused(403, "chat_banned", "PATCH", path, bob.Token, `{"body":"forbidden"}`)
		edited := s.ok("PATCH", path, bob.Token, `{"body":"first @eve"}`, "If-Match", tag)
		require.NotEmpty(t, edited.JSON["edited_at"])
		require.NotEqual(t, tag, edited.Header.Get("ETag"))
		s.refused(412, "changed", "PATCH", path, bob.Token, `{"body":"1st"}`, "If-Match", tag)
		heard := message(t, c.Next("chat:stage", "chat.edited"))
		require.Equal(t, "first @eve", heard.Body)
		require.NotNil(t, heard.EditedAt)
		again := map[string]any{"channel": "stage", "message": first, "body": "first, @eve"}
		status, code := c.Refused("chat.edit", again)
		require.Equal(t, "too_many_messages", code, status)
		s.clock.pass(time.Second)
		c.Call("chat.edit", again, nil)
		require.Equal(t, 2, s.gate.asked, "what is edited does not count for slow mode")
		require.Equal(t, []string{"chat_reply " + bob.ID.String(), "chat_mention " + eve.ID.String()}, s.inbox.take(), "once for each message")
		s.clock.pass(16 * time.Minute)
		s.refused(409, "too_late_to_edit", "PATCH", path, bob.Token, `{"body":"1st"}`)

		// Deleted by a moderator: what it said is for moderators alone.
		s.refused(403, "forbidden", "DELETE", path, s.Person("joe", auth.RoleUser).Token, "")
		s.ok("DELETE", path, eve.Token, "")
		s.ok("DELETE", path, eve.Token, "")
		require.JSONEq(t, `{"id":"`+first+`","by":"moderator"}`, string(c.Next("chat:stage", "chat.deleted").Data))
		require.Equal(t, []string{"eve message.delete bob"}, s.gate.log())
		for token, want := range map[string][]string{bob.Token: {"congratulations", ""}, eve.Token: {"congratulations", "first, @eve"}} {
			got := s.ok("GET", "/channels/stage/messages", token, "")
			require.Equal(t, want, bodies(got))
			require.Equal(t, "moderator", got.JSON["items"].([]any)[1].(map[string]any)["deleted"])
			require.Equal(t, map[string]any{"id": first, "user": map[string]any{"id": bob.ID.String(), "name": "bob", "display_name": ""}, "body": "", "deleted": true},
				got.JSON["items"].([]any)[0].(map[string]any)["reply_to"])
		}
		s.refused(404, "message_not_found", "PUT", path+"/like", bob.Token, "")

		// By its author.
		c.Refused("chat.delete", map[string]any{"channel": "stage", "message": reply})
		s.ok("DELETE", "/channels/stage/messages/"+reply, ada.Token, "")
		require.JSONEq(t, `{"id":"`+reply+`","by":"author"}`, string(c.Next("chat:stage", "chat.deleted").Data))
		require.Len(t, s.gate.log(), 1)
	})
}

func TestLikePinAndClear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		s.Channel(ada, "stage")
		c := realtimetest.Connect(t, s.sockets.URL, bob.Token)
		c.Subscribe("chat:stage", nil)
		id := s.say(bob, "stage", "like me")
		path := "/channels/stage/messages/" + id

		require.EqualValues(t, 1, s.ok("PUT", path+"/like", ada.Token, "").JSON["likes"])
		require.EqualValues(t, 1, s.ok("PUT", path+"/like", ada.Token, "").JSON["likes"])
		var liked chat.LikedView
		c.Call("chat.like", map[string]any{"channel": "stage", "message": id}, &liked)
		require.Equal(t, chat.LikedView{Likes: 2, Liked: true}, liked)
		for {
			var e chat.Liked
			require.NoError(t, json.Unmarshal(c.Next("chat:stage", "chat.liked").Data, &e))
			require.Equal(t, id, e.ID)
			if e.Likes == 2 {
				break
			}
		}
		require.Equal(t, true, s.ok("GET", path, ada.Token, "").JSON["liked"])
		c.Call("chat.unlike", map[string]any{"channel": "stage", "message": id}, &liked)
		c.Call("chat.unlike", map[string]any{"channel": "stage", "message": id}, &liked)
		require.Equal(t, chat.LikedView{Likes: 1}, liked)
		require.Contains(t, string(c.Next("chat:stage", "chat.liked").Data), `"likes":1`)

		s.refused(403, "forbidden", "PUT", path+"/pin", bob.Token, "")
		s.ok("PUT", path+"/pin", ada.Token, "")
		s.ok("PUT", path+"/pin", ada.Token, "")
		require.Equal(t, []string{"like me"}, bodies(s.ok("GET", "/channels/stage/pinned", "", "")))
		require.Contains(t, string(c.Next("chat:stage", "chat.pinned").Data), `"by":"ada"`)
		late := realtimetest.Connect(t, s.sockets.URL, "")
		late.Subscribe("chat:stage", nil)
		require.Contains(t, string(late.Next("chat:stage", "chat.state").Data), `"like me"`)
		s.ok("DELETE", path+"/pin", ada.Token, "")
		s.ok("DELETE", path+"/pin", ada.Token, "")
		require.JSONEq(t, `{"id":"`+id+`"}`, string(c.Next("chat:stage", "chat.unpinned").Data))
		s.ok("PUT", path+"/pin", ada.Token, "")

		s.refused(403, "forbidden", "DELETE", "/channels/stage/messages", bob.Token, "")
		s.ok("DELETE", "/channels/stage/messages", ada.Token, "")
		var cleared chat.Cleared
		require.NoError(t, json.Unmarshal(c.Next("chat:stage", "chat.cleared").Data, &cleared))
		require.Greater(t, cleared.Before, id)
		c.Next("chat:stage", "chat.unpinned")
		notice := message(t, c.Next("chat:stage", "chat.message"))
		require.Equal(t, []string{"chat.cleared", "The chat was cleared."}, []string{notice.Event, notice.Body})
		c.Call("chat.send", map[string]any{"channel": "stage", "body": "anew"}, nil)
		require.Greater(t, message(t, c.Next("chat:stage", "chat.message")).ID, cleared.Before)
		require.Equal(t, []string{"anew", notice.Body}, bodies(s.ok("GET", "/channels/stage/messages", bob.Token, "")))
		require.Equal(t, []string{"anew", notice.Body, "like me"}, bodies(s.ok("GET", "/channels/stage/messages", ada.Token, "")))
		require.Empty(t, bodies(s.ok("GET", "/channels/stage/pinned", "", "")))
		require.Equal(t, "moderator", s.ok("GET", path, bob.Token, "").JSON["deleted"])
		s.refused(422, "bad_reply", "POST", "/channels/stage/messages", bob.Token, `{"body":"x","reply_to":"`+id+`"}`)
		require.Equal(t, []string{"ada message.pin bob", "ada message.unpin ", "ada message.pin bob", "ada chat.clear "}, s.gate.log())
	})
}

func TestHistoryIsReadBothWays(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.Channel(ada, "stage")
		ids := []string{}
		for _, body := range strings.Split("abcdefg", "") {
			ids = append(ids, s.say(ada, "stage", body))
		}
		get := func(query string) (string, string, string) {
			t.Helper()
			r := s.ok("GET", "/channels/stage/messages?limit=3"+query, "", "")
			next, _ := r.JSON["next_cursor"].(string)
			prev, _ := r.JSON["prev_cursor"].(string)
			return strings.Join(bodies(r), ""), next, prev
		}
		page, next, newest := get("")
		require.Equal(t, "gfe", page)
		page, next, prev := get("&cursor=" + next)
		require.Equal(t, "dcb", page)
		page, next, _ = get("&cursor=" + next)
		require.Equal(t, "a", page)
		require.Empty(t, next)
		page, _, _ = get("&cursor=" + prev)
		require.Equal(t, "gfe", page)
		page, _, _ = get("&cursor=" + newest)
		require.Empty(t, page)
		s.say(ada, "stage", "h")
		page, _, _ = get("&cursor=" + newest)
		require.Equal(t, "h", page, "what comes later is behind the newest page")

		page, next, prev = get("&around=" + ids[3])
		require.Equal(t, "edc", page)
		page, _, _ = get("&cursor=" + next)
		require.Equal(t, "ba", page)
		page, _, _ = get("&cursor=" + prev)
		require.Equal(t, "hgf", page)
		s.refused(404, "message_not_found", "GET", "/channels/stage/messages?around="+uuid.NewString(), "", "")
		s.refused(400, "bad_cursor", "GET", "/channels/stage/messages?cursor=x", "", "")
	})
}

func TestReplayFollowsThePosition(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		channel := s.Channel(ada, "stage")
		began := column.At(time.Now().Add(-time.Hour))
		broadcast := uuid.Must(uuid.NewV7())
		_, err := d.Writer().ExecContext(t.Context(), `
			INSERT INTO broadcasts (id, channel_id, state, title, description, category, started_at, created_at, updated_at)
			VALUES ($1, $2, 'live', 't', '', '', $3, $3, $3)`, broadcast, channel, began)
		require.NoError(t, err)
		at := func(minutes int) string {
			return began.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339Nano)
		}
		send := func(body, position string) map[string]any {
			t.Helper()
			s.clock.pass(time.Second)
			return s.ok("POST", "/channels/stage/messages", bob.Token, `{"body":"`+body+`","position":"`+position+`"}`).JSON
		}
		require.Equal(t, broadcast.String(), send("c", at(30))["broadcast_id"])
		send("b", at(20))
		require.Equal(t, at(0), send("a", at(-30))["position"], "not before it began")
		d1 := send("d", at(300)) // of the future
		require.Equal(t, d1["created_at"], d1["position"])
		gone := send("deleted", at(25))
		s.ok("DELETE", "/channels/stage/messages/"+gone["id"].(string), bob.Token, "")

		path := "/broadcasts/" + broadcast.String() + "/messages"
		require.Equal(t, []string{"a", "b", "c", "d"}, bodies(s.ok("GET", path, ada.Token, "")))
		require.Equal(t, []string{"b"}, bodies(s.ok("GET", path+"?from="+at(20)+"&to="+at(30), "", "")))
		first := s.ok("GET", path+"?limit=2&from="+at(-1), "", "")
		require.Equal(t, []string{"a", "b"}, bodies(first))
		second := s.ok("GET", path+"?limit=2&cursor="+first.JSON["next_cursor"].(string), "", "")
		require.Equal(t, []string{"c", "d"}, bodies(second))
		require.Nil(t, second.JSON["next_cursor"])
		require.Equal(t, []string{"a", "b"}, bodies(s.ok("GET", path+"?limit=2&cursor="+second.JSON["prev_cursor"].(string), "", "")))
		s.refused(422, "bad_span", "GET", path+"?from="+at(2)+"&to="+at(1), "", "")
		s.ok("DELETE", "/channels/stage/messages", ada.Token, "")
		require.Equal(t, []string{"The chat was cleared."}, bodies(s.ok("GET", path, ada.Token, "")))
	})
}

func TestHostileTextsAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, dbtest.SQLite(t))
	ada := s.Person("ada", auth.RoleUser)
	s.Channel(ada, "stage")
	for name, body := range map[string]string{
		"empty": " ", "bidi override": "a\u202eb", "isolate": "a\u2066b", "control": "a\x07b", "zero": "a\x00b", "line break": "a\nb",
		"nothing to see": "\u200b\u2060", "filler": "\u3164", "zalgo": "a" + strings.Repeat("\u0301\u0316", 8), "marks alone": "\u0301\u0301",
		"too long": strings.Repeat("x", 501), "far too long": strings.Repeat("e\u0301", 999), "private": "\ue000", "tag": "a\U000e0061", "line separator": "a\u2028b",
	} {
		text, err := json.Marshal(map[string]string{"body": body})
		require.NoError(t, err)
		got := s.Do("POST", "/api/v1/channels/stage/messages", ada.Token, string(text))
		require.Contains(t, []int{400, 422}, got.Status, "%s: %s", name, got.Text)
	}
	c := realtimetest.Connect(t, s.sockets.URL, ada.Token)
	for name, params := range map[string]string{
		"unknown field": `{"channel":"stage","body":"x","user":"eve"}`, "number": `{"channel":"stage","body":1}`,
		"no time": `{"channel":"stage","body":"x","position":"soon"}`, "no id": `{"channel":"stage","body":"x","reply_to":"x"}`,
		"key": `{"channel":"stage","body":"x","key":"a b"}`, "long key": `{"channel":"stage","body":"x","key":"` + strings.Repeat("k", 65) + `"}`,
	} {
		status, _ := c.Refused("chat.send", json.RawMessage(params))
		require.Equal(t, 422, status, name)
	}
	// 500 characters stay 500, however they are written.
	long := strings.Repeat("e\u0301", 500)
	var sent chat.MessageView
	c.Call("chat.send", map[string]any{"channel": "stage", "body": long}, &sent)
	require.Equal(t, strings.Repeat("\u00e9", 500), sent.Body)
	c.Call("chat.send", map[string]any{"channel": "stage", "body": `<script>alert("👩‍👩‍👧")</script>`}, &sent)
	require.Equal(t, `<script>alert("👩‍👩‍👧")</script>`, sent.Body, "it is text, for clients to show as such")
}

func TestOnlyWhoMaySeeTheChannelIsTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob, eve := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser), s.Person("eve", auth.RoleUser)
		joe := s.Person("joe", auth.RoleUser)
		channel := s.Channel(ada, "stage")
		s.member(channel, bob, "viewer")
		s.member(channel, joe, "viewer")
		exec := func(statement string, args ...any) {
			t.Helper()
			_, err := d.Writer().ExecContext(t.Context(), statement, args...)
			require.NoError(t, err)
		}
		exec("UPDATE channels SET visibility = 'private' WHERE id = $1", channel)
		exec("INSERT INTO blocks (id, user_id, blocked_id, created_at) VALUES ($1, $2, $3, $4)", uuid.Must(uuid.NewV7()), joe.ID, bob.ID, column.At(time.Now()))
		s.say(bob, "stage", "@ada, @eve @joe @bob mail@ada @nobody-here")
		require.Equal(t, []string{"chat_mention " + ada.ID.String()}, s.inbox.take())
		s.refused(404, "channel_not_found", "GET", "/channels/stage/messages", eve.Token, "")

		// What somebody wrote stays without a name.
		require.NoError(t, d.Write().PurgeUserChat(t.Context(), uuid.NullUUID{UUID: bob.ID, Valid: true}))
		exec("DELETE FROM users WHERE id = $1", bob.ID)
		got := s.ok("GET", "/channels/stage/messages", ada.Token, "").JSON["items"].([]any)[0].(map[string]any)
		require.NotContains(t, got, "user")
		require.Contains(t, got["body"], "@eve")
		var left int
		require.NoError(t, d.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM chat_messages WHERE address <> ''").Scan(&left))
		require.Zero(t, left)
	})
}

func TestDocument(t *testing.T) {
	t.Parallel()
	serve(t, dbtest.SQLite(t)).CheckDocument()
}
