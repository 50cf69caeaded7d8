package social_test

import (
	"fmt"
	"net/url"
	"strconv"
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

func TestFriendRequests(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.person("ada"), s.person("Bob")
		r := s.ok("POST", "friend-requests", ada, `{"user":"bOB","note":"  from the   festival "}`)
		require.Equal(t, 201, r.Status)
		id := r.JSON["id"].(string)
		require.Equal(t, "/api/v1/me/friend-requests/"+id, r.Header.Get("Location"))
		require.Equal(t, "pending", r.JSON["state"])
		require.Equal(t, "out", r.JSON["direction"])
		require.Equal(t, []string{"ada friends.request_added", "Bob friends.request_added", "Bob inbox.new"}, s.told.take())
		require.Equal(t, []string{"from the festival"}, s.list("friend-requests", bob, "note"))
		require.Equal(t, []string{"ada"}, s.list("friend-requests?direction=in", bob, "username"))
		require.Equal(t, []string{"Bob"}, s.list("friend-requests?direction=out", ada, "username"))
		require.Empty(t, s.list("friend-requests?direction=out", bob, "username"))
		require.Equal(t, []string{"friend_request"}, s.list("notifications", bob, "kind"))

		for body, want := range map[string]struct {
			status int
			code   string
		}{
			`{"user":"bob"}`:                                   {409, "already_requested"},
			`{"user":"ada"}`:                                   {422, "yourself"},
			`{"user":"` + ada.ID.String() + `"}`:               {422, "yourself"},
			`{"user":"nobody"}`:                                {404, "user_not_found"},
			`{"user":"` + uuid.NewString() + `"}`:              {404, "user_not_found"},
			`{"user":"%00"}`:                                   {404, "user_not_found"},
			`{"user":"bob","note":"a\u202eb"}`:                 {422, "bad_note"},
			`{"user":"x"}`:                                     {422, "unprocessable_entity"},
			`{"user":"bob","from":"` + uuid.NewString() + `"}`: {422, "unprocessable_entity"},
		} {
			s.refused("POST", "friend-requests", ada, body, want.status, want.code)
		}
		for _, path := range []string{"/accept", "/decline"} {
			s.refused("POST", "friend-requests/"+id+path, ada, "", 404, "friend_request_not_found")
			s.refused("POST", "friend-requests/"+uuid.NewString()+path, bob, "", 404, "friend_request_not_found")
		}
		s.refused("DELETE", "friend-requests/"+id, bob, "", 404, "friend_request_not_found")
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/me/friends", "", ""), 401, "unauthorized")

		friend := s.ok("POST", "friend-requests/"+id+"/accept", bob, "")
		require.Equal(t, "ada", friend.JSON["username"])
		require.Equal(t, false, friend.JSON["online"])
		require.Equal(t, []string{
			"Bob inbox.removed", "Bob friends.request_removed", "ada friends.request_removed",
			"Bob friends.added", "ada friends.added", "ada inbox.new",
		}, s.told.take())
		require.Equal(t, []string{"Bob"}, s.friends(ada))
		require.Equal(t, []string{"ada"}, s.friends(bob))
		require.Empty(t, s.list("notifications", bob, "kind"))
		require.Equal(t, []string{"friend_accepted"}, s.list("notifications", ada, "kind"))
		s.refused("POST", "friend-requests", bob, `{"user":"ada"}`, 409, "already_friends")
		s.refused("POST", "friend-requests/"+id+"/accept", bob, "", 404, "friend_request_not_found")

		for range 2 {
			require.Equal(t, 204, s.ok("DELETE", "friends/"+ada.ID.String(), bob, "").Status)
		}
		require.Equal(t, []string{"Bob friends.removed", "ada friends.removed"}, s.told.take())
		require.Empty(t, s.friends(ada))
		s.refused("DELETE", "friends/nobody", bob, "", 404, "user_not_found")

		id = s.ask(bob, ada)
		s.told.take()
		require.Equal(t, 204, s.ok("DELETE", "friend-requests/"+id, bob, "").Status)
		require.ElementsMatch(t, []string{"Bob friends.request_removed", "ada friends.request_removed", "ada inbox.removed"}, s.told.take())
		require.Empty(t, s.list("friend-requests", ada, "username"))
	})
}

// TestCrossingRequests has two people ask each other at the same time.
func TestCrossingRequests(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		for i := range 5 {
			a, b := s.person(fmt.Sprint("a", i)), s.person(fmt.Sprint("b", i))
			var racers sync.WaitGroup
			var mu sync.Mutex
			states := map[string]int{}
			for j := range 4 {
				from, to := a, b
				if j%2 == 1 {
					from, to = b, a
				}
				racers.Go(func() {
					r := s.Do("POST", "/api/v1/me/friend-requests", from.Token, `{"user":"`+to.Name+`"}`)
					mu.Lock()
					defer mu.Unlock()
					if r.Status == 201 {
						states[r.JSON["state"].(string)]++
					} else {
						states[r.JSON["code"].(string)]++
					}
				})
			}
			racers.Wait()
			require.Equal(t, 1, states["pending"], "%v", states)
			require.Equal(t, 1, states["accepted"], "%v", states)
			require.Equal(t, []string{b.Name}, s.friends(a))
			require.Equal(t, []string{a.Name}, s.friends(b))
			require.Empty(t, s.list("friend-requests", a, "id"))
			require.Empty(t, s.list("friend-requests", b, "id"))
		}
	})
}

func TestDeclinedRequestsRest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.person("ada"), s.person("bob")
		id := s.ask(ada, bob)
		s.told.take()
		require.Equal(t, 204, s.ok("POST", "friend-requests/"+id+"/decline", bob, "").Status)
		require.ElementsMatch(t, []string{"bob friends.request_removed", "bob inbox.removed"}, s.told.take(), "ada is not told")
		require.Empty(t, s.list("friend-requests", bob, "id"))
		s.refused("POST", "friend-requests/"+id+"/accept", bob, "", 404, "friend_request_not_found")
		require.Equal(t, []string{id}, s.list("friend-requests?direction=out", ada, "id"), "for ada it waits")
		s.refused("POST", "friend-requests", ada, `{"user":"bob"}`, 409, "already_requested")

		s.ok("DELETE", "friend-requests/"+id, ada, "")
		require.Empty(t, s.list("friend-requests?direction=out", ada, "id"))
		s.refused("DELETE", "friend-requests/"+id, ada, "", 404, "friend_request_not_found")
		s.told.take()
		again := s.ask(ada, bob)
		require.Equal(t, []string{"ada friends.request_added"}, s.told.take(), "bob is left in peace")
		require.Equal(t, []string{again}, s.list("friend-requests?direction=out", ada, "id"))
		require.Empty(t, s.list("friend-requests", bob, "id"))

		s.clock.pass(7*24*time.Hour - time.Minute)
		s.refused("POST", "friend-requests", ada, `{"user":"bob"}`, 409, "already_requested")
		s.clock.pass(time.Minute)
		s.ask(ada, bob)
		require.Equal(t, []string{"ada"}, s.list("friend-requests", bob, "username"))
		s.ok("POST", "friend-requests/"+s.list("friend-requests", bob, "id")[0]+"/decline", bob, "")

		s.clock.pass(8 * 24 * time.Hour)
		require.NoError(t, s.purge())
		require.Empty(t, s.list("friend-requests?direction=out", ada, "id"))

		s.ok("POST", "friend-requests/"+s.ask(ada, bob)+"/decline", bob, "")
		r := s.ok("POST", "friend-requests", bob, `{"user":"ada"}`)
		require.Equal(t, "accepted", r.JSON["state"], "bob has thought better of it")
		require.Equal(t, []string{"bob"}, s.friends(ada))
	})
}

// purge does the job that clears up.
func (s *server) purge() error {
	return s.social.NewPurge().Work(s.t.Context(), &river.Job[social.PurgeArgs]{})
}

func TestLimitsOfFriends(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.person("ada")
		people := make([]apitest.Person, 33)
		for i := range people {
			people[i] = s.person(fmt.Sprint("person", i))
		}
		for _, p := range people[:29] {
			s.ask(ada, p)
		}
		var racers sync.WaitGroup
		var mu sync.Mutex
		won := map[int]int{}
		for _, p := range people[29:] {
			racers.Go(func() {
				r := s.Do("POST", "/api/v1/me/friend-requests", ada.Token, `{"user":"`+p.Name+`"}`)
				mu.Lock()
				defer mu.Unlock()
				won[r.Status]++
			})
		}
		racers.Wait()
		require.Equal(t, map[int]int{201: 1, 429: 3}, won)
		s.ok("DELETE", "friend-requests/"+s.list("friend-requests?direction=out", ada, "id")[0], ada, "")
		s.clock.pass(time.Hour)
		for _, p := range people[29:] {
			if r := s.Do("POST", "/api/v1/me/friend-requests", ada.Token, `{"user":"`+p.Name+`"}`); r.Status == 429 {
				apitest.RequireProblem(t, r, 429, "too_many_friend_requests")
				require.Equal(t, strconv.Itoa(23*60*60), r.Header.Get("Retry-After"))
			}
		}
		s.clock.pass(24 * time.Hour)
		s.fill(1000)
		s.exec(`INSERT INTO friend_requests (id, from_id, to_id, note, created_at)
			SELECT u.id, $1, u.id, '', u.created_at FROM users u WHERE u.bio = 'filled' ORDER BY u.id LIMIT 71`, ada.ID)
		s.refused("POST", "friend-requests", ada, `{"user":"person32"}`, 409, "too_many_requests_pending") // 29 wait

		// Friends of both count.
		eve := s.person("eve")
		s.exec("DELETE FROM friend_requests")
		s.exec(`INSERT INTO friends (id, user_id, friend_id, created_at)
			SELECT u.id, $1, u.id, u.created_at FROM users u WHERE u.bio = 'filled' ORDER BY u.id LIMIT 999`, ada.ID)
		id := s.ask(ada, eve)
		s.befriend(people[0], ada)
		s.refused("POST", "friend-requests/"+id+"/accept", eve, "", 409, "too_many_friends")
		s.refused("POST", "friend-requests", eve, `{"user":"ada"}`, 409, "too_many_friends")
		require.Empty(t, s.friends(eve))
	})
}

// fill makes accounts that nobody uses.
func (s *server) fill(many int) {
	s.t.Helper()
	values := make([]string, many)
	for i := range values {
		values[i] = fmt.Sprintf("('%s', 'f%d', 'f%d', 'f%d', '', 'filled', 'f%d', 'f%d', '', 'user', $1)", uuid.Must(uuid.NewV7()), i, i, i, i, i)
	}
	s.exec(`INSERT INTO users (id, username, username_lower, username_skeleton, display_name, bio, email, email_lower, password_hash, role, created_at)
		VALUES `+strings.Join(values, ", "), column.At(s.clock.now()))
}

// TestBlocks goes through what a block ends and keeps from beginning, both ways.
func TestBlocks(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.person("ada"), s.person("bob")
		for name, before := range map[string]func(){
			"friends":   func() { s.befriend(ada, bob) },
			"she asked": func() { s.ask(ada, bob) },
			"he asked":  func() { s.ask(bob, ada) },
			"he told":   func() { s.social.Notify(t.Context(), ada.ID, social.ChatMention, bob.ID, nil, "") },
			"strangers": func() {},
			"she waits": func() { s.ok("POST", "friend-requests/"+s.ask(ada, bob)+"/decline", bob, "") },
		} {
			before()
			s.told.take()
			for range 2 {
				require.Equal(t, 204, s.ok("PUT", "blocks/bob", ada, "").Status, name)
			}
			for _, event := range s.told.take() {
				require.NotContains(t, event, "inbox.new", name)
			}
			require.Equal(t, []string{"bob"}, s.list("blocks", ada, "username"))
			require.Empty(t, s.list("blocks", bob, "username"))
			for _, p := range []apitest.Person{ada, bob} {
				require.Empty(t, s.friends(p), name)
				require.Empty(t, s.list("friend-requests", p, "id"), name)
				require.Empty(t, s.list("friend-requests?direction=out", p, "id"), name)
			}
			require.Empty(t, s.list("notifications", ada, "kind"), name)
			s.refused("POST", "friend-requests", ada, `{"user":"bob"}`, 409, "blocked_by_you")
			s.refused("POST", "friend-requests", bob, `{"user":"ada"}`, 403, "requests_not_taken")
			for _, pair := range [][2]uuid.UUID{{ada.ID, bob.ID}, {bob.ID, ada.ID}} {
				blocked, err := s.social.Blocked(t.Context(), pair[0], pair[1])
				require.NoError(t, err)
				require.True(t, blocked)
				friends, err := s.social.AreFriends(t.Context(), pair[0], pair[1])
				require.NoError(t, err)
				require.False(t, friends)
				s.social.Notify(t.Context(), pair[0], social.ChatMention, pair[1], nil, "")
			}
			require.Empty(t, s.told.take(), "nothing reaches an inbox")
			for range 2 {
				require.Equal(t, 204, s.ok("DELETE", "blocks/"+bob.ID.String(), ada, "").Status)
			}
			blocked, err := s.social.Blocked(t.Context(), ada.ID, bob.ID)
			require.NoError(t, err)
			require.False(t, blocked)
			s.exec("DELETE FROM notifications")
		}
		s.refused("PUT", "blocks/ada", ada, "", 422, "yourself")
		s.refused("PUT", "blocks/nobody", ada, "", 404, "user_not_found")

		// Both have blocked each other: one unblocks, and still they are apart.
		s.ok("PUT", "blocks/bob", ada, "")
		s.ok("PUT", "blocks/ada", bob, "")
		s.ok("DELETE", "blocks/bob", ada, "")
		s.refused("POST", "friend-requests", ada, `{"user":"bob"}`, 403, "requests_not_taken")
	})
}

func TestWhoIsGoneIsInNoList(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.person("ada")
		var gone []apitest.Person
		for _, change := range []string{"deleted_at", "suspended_at"} {
			for _, what := range []string{"friend", "in", "out", "block"} {
				p := s.person(what + "-" + change[:3])
				switch what {
				case "friend":
					s.befriend(p, ada)
				case "in":
					s.ask(p, ada)
				case "out":
					s.ask(ada, p)
				case "block":
					s.ok("PUT", "blocks/"+p.Name, ada, "")
				}
				s.exec("UPDATE users SET "+change+" = created_at WHERE id = $1", p.ID)
				gone = append(gone, p)
			}
		}
		for _, list := range []string{"friends", "friend-requests", "friend-requests?direction=out", "blocks"} {
			require.Empty(t, s.list(list, ada, "username"), list)
		}
		require.Empty(t, s.list("notifications", ada, "kind"))
		require.InDelta(t, 0, s.ok("GET", "notifications", ada, "").JSON["unread"], 0)
		s.refused("POST", "friend-requests", ada, `{"user":"`+gone[0].Name+`"}`, 404, "user_not_found")
		s.refused("PUT", "blocks/"+gone[0].Name, ada, "", 404, "user_not_found")
		s.ok("DELETE", "blocks/"+gone[3].Name, ada, "")
		s.ok("DELETE", "friends/"+gone[0].Name, ada, "")
		for _, p := range gone { // erased: what was theirs goes with them
			s.exec("DELETE FROM users WHERE id = $1", p.ID)
		}
		for _, table := range []string{"friends", "friend_requests", "blocks", "notifications"} {
			var n int
			require.NoError(t, s.DB.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
			require.Zero(t, n, table)
		}
	})
}

func TestListsTurnPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.person("ada")
		names := []string{}
		for i := range 5 {
			p := s.person(fmt.Sprint("friend", i))
			s.befriend(p, ada)
			q := s.person(fmt.Sprint("asking", i))
			s.ask(q, ada)
			s.ask(ada, s.person(fmt.Sprint("asked", i)))
			s.ok("PUT", "blocks/"+s.person(fmt.Sprint("blocked", i)).Name, ada, "")
			names = append([]string{fmt.Sprint(i)}, names...)
		}
		for path, prefix := range map[string]string{
			"friends": "friend", "friend-requests?direction=in": "asking", "friend-requests?direction=out": "asked", "blocks": "blocked",
		} {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			first := path + sep + "limit=2"
			require.Equal(t, []string{prefix + names[0], prefix + names[1]}, s.list(first, ada, "username"))
			next := s.ok("GET", first, ada, "")
			require.Contains(t, next.Header.Get("Link"), `rel="next"`)
			second := first + "&cursor=" + url.QueryEscape(next.JSON["next_cursor"].(string))
			require.Equal(t, []string{prefix + names[2], prefix + names[3]}, s.list(second, ada, "username"))
			back := first + "&cursor=" + url.QueryEscape(s.ok("GET", second, ada, "").JSON["prev_cursor"].(string))
			require.Equal(t, s.list(first, ada, "username"), s.list(back, ada, "username"))
			s.refused("GET", first+"&cursor=x", ada, "", 400, "bad_cursor")
		}
	})
}

func TestSocialSettings(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.person("ada"), s.person("bob")
		r := s.ok("GET", "social-settings", ada, "")
		require.Equal(t, map[string]any{"show_online": true, "show_watching": false, "allow_requests": "everyone"}, strip(r.JSON))
		require.Equal(t, `"v0"`, r.Header.Get("ETag"))
		r = s.ok("PATCH", "social-settings", ada, `{"allow_requests":"nobody"}`)
		require.Equal(t, `"v1"`, r.Header.Get("ETag"))
		require.Equal(t, map[string]any{"show_online": true, "show_watching": false, "allow_requests": "nobody"}, strip(r.JSON))
		apitest.RequireProblem(t, s.Do("PATCH", "/api/v1/me/social-settings", ada.Token, `{"show_online":false}`, "If-Match", `"v0"`), 412, "changed")
		require.Equal(t, 200, s.Do("PATCH", "/api/v1/me/social-settings", ada.Token, `{"show_watching":true}`, "If-Match", `"v1"`).Status)
		require.Equal(t, map[string]any{"show_online": true, "show_watching": true, "allow_requests": "nobody"}, strip(s.ok("GET", "social-settings", ada, "").JSON))
		s.refused("PATCH", "social-settings", ada, `{"allow_requests":"some"}`, 422, "unprocessable_entity")

		s.refused("POST", "friend-requests", bob, `{"user":"ada"}`, 403, "requests_not_taken")
		s.ask(ada, bob)
		require.Equal(t, "accepted", s.ok("POST", "friend-requests", bob, `{"user":"ada"}`).JSON["state"], "she has asked him")

		var racers sync.WaitGroup
		for range 6 {
			racers.Go(func() { s.Do("PATCH", "/api/v1/me/social-settings", bob.Token, `{"show_watching":true}`) })
		}
		racers.Wait()
		require.Equal(t, true, s.ok("GET", "social-settings", bob, "").JSON["show_watching"])
	})
}

// strip leaves out what describes the document.
func strip(doc map[string]any) map[string]any {
	delete(doc, "$schema")
	return doc
}
