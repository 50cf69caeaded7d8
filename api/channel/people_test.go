package channel_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, Bob, eve := s.Person("ada", auth.RoleUser), s.Person("Bob", auth.RoleUser), s.Person("eve", auth.RoleUser)
		s.make(ada, "demo", `"visibility":"private"`)
		members := "/api/v1/channels/demo/members"
		require.Empty(t, items(s.ok("GET", members, ada.Token, ""), "username"))
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels/demo", Bob.Token, ""), 404, "channel_not_found")

		put := s.ok("PUT", members+"/bob", ada.Token, `{"role":"viewer"}`)
		require.Equal(t, "Bob", put.JSON["username"])
		since := put.JSON["created_at"]
		seen := s.ok("GET", "/api/v1/channels/demo", Bob.Token, "")
		require.Equal(t, map[string]any{"role": "viewer", "following": false, "notify": false}, seen.JSON["me"])
		apitest.RequireProblem(t, s.Do("PATCH", "/api/v1/channels/demo", Bob.Token, `{"title":"X"}`), 403, "forbidden")
		put = s.ok("PUT", members+"/BOB", ada.Token, `{"role":"broadcaster"}`)
		require.Equal(t, since, put.JSON["created_at"])
		s.ok("PATCH", "/api/v1/channels/demo", Bob.Token, `{"title":"X"}`)
		list := s.ok("GET", members, Bob.Token, "")
		require.Equal(t, []string{"Bob"}, items(list, "username"))
		require.Equal(t, []string{"broadcaster"}, items(list, "role"))

		for path, test := range map[string]struct {
			status int
			code   string
		}{
			"/ada":        {409, "owner_is_no_member"},
			"/nobody":     {404, "user_not_found"},
			"/..%2fadmin": {404, "user_not_found"},
		} {
			apitest.RequireProblem(t, s.Do("PUT", members+path, ada.Token, `{"role":"viewer"}`), test.status, test.code)
			if path != "/ada" {
				apitest.RequireProblem(t, s.Do("DELETE", members+path, ada.Token, ""), 404, "member_not_found")
			}
		}
		apitest.RequireProblem(t, s.Do("PUT", members+"/eve", ada.Token, `{"role":"owner"}`), 422, "unprocessable_entity")
		apitest.RequireProblem(t, s.Do("PUT", members+"/eve", Bob.Token, `{"role":"viewer"}`), 403, "forbidden")

		s.ok("PUT", members+"/eve", ada.Token, `{"role":"moderator"}`)
		s.ok("POST", "/api/v1/channels/demo/leave", eve.Token, "")
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels/demo/leave", eve.Token, ""), 404, "channel_not_found")
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels/demo/leave", ada.Token, ""), 403, "forbidden")
		s.ok("DELETE", members+"/bob", ada.Token, "")
		apitest.RequireProblem(t, s.Do("DELETE", members+"/bob", ada.Token, ""), 404, "member_not_found")
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels/demo", Bob.Token, ""), 404, "channel_not_found")
		require.Equal(t, []string{
			"ada member.put demo", "ada member.put demo", "ada member.put demo", "eve member.leave demo", "ada member.delete demo",
		}, s.audited())
	})
}

func TestMembersAreNeverTooMany(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.make(ada, "demo", "")
		at := s.access(ada, "demo")
		people := make([]apitest.Person, 104)
		for i := range people {
			people[i] = s.Person(fmt.Sprintf("person%d", i), auth.RoleUser)
			if i < 97 {
				_, err := s.channels.PutMember(t.Context(), at, people[i].Name, "viewer")
				require.NoError(t, err)
			}
		}
		statuses := make([]int, 7)
		var racers sync.WaitGroup
		for i := range statuses {
			racers.Go(func() {
				path := "/api/v1/channels/demo/members/" + people[97+i].Name
				statuses[i] = s.Do("PUT", path, ada.Token, `{"role":"viewer"}`).Status
			})
		}
		racers.Wait()
		won := map[int]int{}
		for _, status := range statuses {
			won[status]++
		}
		require.Equal(t, map[int]int{200: 3, 409: 4}, won)
		s.ok("PUT", "/api/v1/channels/demo/members/person0", ada.Token, `{"role":"moderator"}`)
		require.Len(t, items(s.ok("GET", "/api/v1/channels/demo/members", ada.Token, ""), "role"), 100)
	})
}

// TestMemberIsPutAndTakenAtTheSameTime ends with what was done last.
func TestMemberIsPutAndTakenAtTheSameTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		s.make(ada, "demo", "")
		var racers sync.WaitGroup
		for i := range 8 {
			racers.Go(func() {
				if i%2 == 0 {
					s.ok("PUT", "/api/v1/channels/demo/members/bob", ada.Token, `{"role":"viewer"}`)
					return
				}
				status := s.Do("DELETE", "/api/v1/channels/demo/members/bob", ada.Token, "").Status
				require.Contains(t, []int{204, 404}, status)
			})
		}
		racers.Wait()
		s.ok("PUT", "/api/v1/channels/demo/members/bob", ada.Token, `{"role":"moderator"}`)
		require.Equal(t, auth.ChanModerator, s.access(bob, "demo").Role)
	})
}

func TestFollowersAreCountedExactly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.make(ada, "demo", "")
		follow := "/api/v1/channels/demo/follow"
		count := func() float64 { return s.ok("GET", "/api/v1/channels/demo", "", "").JSON["followers"].(float64) }
		for range 2 {
			require.Equal(t, 204, s.Do("PUT", follow, ada.Token, `{"notify":true}`).Status)
			require.InDelta(t, 1, count(), 0)
		}
		me := func() any { return s.ok("GET", "/api/v1/channels/demo", ada.Token, "").JSON["me"] }
		require.Equal(t, map[string]any{"role": "owner", "following": true, "notify": true}, me())
		s.ok("PUT", follow, ada.Token, `{"notify":false}`)
		require.Equal(t, map[string]any{"role": "owner", "following": true, "notify": false}, me())
		for range 2 {
			require.Equal(t, 204, s.Do("DELETE", follow, ada.Token, "").Status)
			require.InDelta(t, 0, count(), 0)
		}
		require.Equal(t, 204, s.Do("DELETE", "/api/v1/channels/none/follow", ada.Token, "").Status)
		apitest.RequireProblem(t, s.Do("PUT", "/api/v1/channels/none/follow", ada.Token, `{"notify":true}`), 404, "channel_not_found")
		apitest.RequireProblem(t, s.Do("PUT", follow, "", `{"notify":true}`), 401, "unauthorized")

		people := make([]apitest.Person, 5)
		var racers sync.WaitGroup
		for i := range people {
			people[i] = s.Person(fmt.Sprintf("person%d", i), auth.RoleUser)
			for range 3 { // the same person several times at once
				racers.Go(func() { s.ok("PUT", follow, people[i].Token, `{"notify":true}`) })
			}
			racers.Go(func() {
				s.ok("DELETE", follow, people[i].Token, "")
				s.ok("PUT", follow, people[i].Token, `{"notify":true}`)
			})
		}
		racers.Wait()
		require.InDelta(t, 5, count(), 0)
		require.Len(t, s.pages("/api/v1/channels/demo/followers?limit=2", ada.Token, "username"), 5)
		for _, p := range people[:3] {
			for range 3 {
				racers.Go(func() { s.ok("DELETE", follow, p.Token, "") })
			}
		}
		racers.Wait()
		require.InDelta(t, 2, count(), 0)
		require.ElementsMatch(t, []string{"person3", "person4"}, s.pages("/api/v1/channels/demo/followers", ada.Token, "username"))
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels/demo/followers", people[0].Token, ""), 403, "forbidden")
	})
}

func TestNobodyFollowsTooMany(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	s := serve(t, d)
	ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
	now := column.At(time.Now())
	require.NoError(t, d.InTx(t.Context(), func(q *db.Tx) error {
		for i := range 1999 {
			id := uuid.Must(uuid.NewV7())
			err := q.CreateChannel(t.Context(), store.CreateChannelParams{
				ID: id, OwnerID: ada.ID, Slug: fmt.Sprintf("demo-%d", i), Title: "Demo", CreatedAt: now, UpdatedAt: now,
			})
			if err != nil {
				return err
			}
			_, err = q.CreateFollow(t.Context(), store.CreateFollowParams{ID: id, ChannelID: id, UserID: bob.ID, CreatedAt: now})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	s.Channel(ada, "last")
	s.Channel(ada, "more")
	s.ok("PUT", "/api/v1/channels/last/follow", bob.Token, `{"notify":true}`)
	apitest.RequireProblem(t, s.Do("PUT", "/api/v1/channels/more/follow", bob.Token, `{"notify":true}`), 409, "too_many_follows")
	s.ok("PUT", "/api/v1/channels/last/follow", bob.Token, `{"notify":false}`)
	require.InDelta(t, 0, s.ok("GET", "/api/v1/channels/more", "", "").JSON["followers"], 0)
	s.ok("DELETE", "/api/v1/channels/last/follow", bob.Token, "")
	s.ok("PUT", "/api/v1/channels/more/follow", bob.Token, `{"notify":true}`)
}

func TestLikesAreCountedAndRest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		id := uuid.MustParse(s.make(ada, "demo", "").JSON["id"].(string))
		s.make(ada, "other", "")
		broadcast := uuid.Must(uuid.NewV7())
		_, err := d.Writer().ExecContext(t.Context(), `INSERT INTO broadcasts (id, channel_id, state, title, description, category, created_at, updated_at)
			VALUES ($1, $2, 'live', '', '', '', $3, $3)`, broadcast, id, time.Now().UTC())
		require.NoError(t, err)
		like := func(token string, want float64) {
			t.Helper()
			require.InDelta(t, want, s.ok("POST", "/api/v1/channels/demo/like", token, "").JSON["likes"], 0)
			require.InDelta(t, want, s.ok("GET", "/api/v1/channels/demo", "", "").JSON["likes"], 0)
		}
		s.clock.advance(0) // stand still
		like(ada.Token, 1)
		like(bob.Token, 2)
		like("", 3)
		for _, token := range []string{ada.Token, ""} {
			refused := s.Do("POST", "/api/v1/channels/demo/like", token, "")
			apitest.RequireProblem(t, refused, 429, "liked_lately")
			require.Equal(t, "10", refused.Header.Get("Retry-After"))
		}
		s.ok("POST", "/api/v1/channels/other/like", ada.Token, "")
		s.clock.advance(10 * time.Second)
		like(ada.Token, 4)

		stored := func(query string, id uuid.UUID) (n int64) {
			require.NoError(t, d.Writer().QueryRowContext(t.Context(), query, id).Scan(&n))
			return n
		}
		stop := s.run()
		require.Eventually(t, func() bool { return stored("SELECT likes FROM channels WHERE id = $1", id) == 4 }, 20*time.Second, 10*time.Millisecond)
		like(bob.Token, 5)
		stop() // writes the last
		require.Equal(t, int64(5), stored("SELECT likes FROM channels WHERE id = $1", id))
		require.Equal(t, int64(5), stored("SELECT likes FROM broadcasts WHERE id = $1", broadcast))
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels/none/like", "", ""), 404, "channel_not_found")

		require.Empty(t, s.abuse.all())
		for range 40 {
			s.Do("POST", "/api/v1/channels/demo/like", bob.Token, "")
		}
		require.Equal(t, []string{"127.0.0.1 likes"}, s.abuse.all())
	})
}

// TestLikesOfADeletedChannelAreForgotten does not stand in the way of the others.
func TestLikesOfADeletedChannelAreForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.make(ada, "gone", "")
		s.make(ada, "demo", "")
		s.ok("POST", "/api/v1/channels/gone/like", "", "")
		s.ok("POST", "/api/v1/channels/demo/like", "", "")
		s.ok("DELETE", "/api/v1/channels/gone", ada.Token, "")
		s.run()()
		row, err := d.Read().ChannelBySlug(t.Context(), "demo")
		require.NoError(t, err)
		require.Equal(t, int64(1), row.Likes)
	})
}
