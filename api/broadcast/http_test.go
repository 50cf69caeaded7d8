package broadcast_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/broadcast"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// site is the operations of broadcasts on a server whose clock the test sets.
type site struct {
	*apitest.Server

	t     *testing.T
	svc   *broadcast.Service
	now   atomic.Int64
	owner apitest.Person
	fan   apitest.Person
	id    uuid.UUID // of the channel "demo"
}

func newSite(t *testing.T, d *db.DB, change ...func(*broadcast.Config)) *site {
	t.Helper()
	s := &site{t: t}
	s.now.Store(noon.UnixMicro())
	cfg := broadcast.Config{
		DB: d, BaseURL: "https://live.example.org", Now: s.clock,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	s.svc, err = broadcast.NewService(cfg)
	require.NoError(t, err)
	s.Server = apitest.New(t, d, []api.Feature{func(a huma.API) { broadcast.Register(a, s.svc) }})
	s.owner, s.fan = s.Person("alice", auth.RoleUser), s.Person("bob", auth.RoleUser)
	s.id = s.Channel(s.owner, "demo")
	return s
}

func (s *site) clock() time.Time { return time.UnixMicro(s.now.Load()).UTC() }

func (s *site) advance(d time.Duration) { s.now.Add(d.Microseconds()) }

func (s *site) exec(statement string, args ...any) {
	s.t.Helper()
	_, err := s.DB.Writer().ExecContext(s.t.Context(), statement, args...)
	require.NoError(s.t, err)
}

const demoPath = "/api/v1/channels/demo/broadcasts"

// plan schedules a broadcast on demo that begins so long after noon and lasts an hour.
func (s *site) plan(title string, begins time.Duration, more ...string) apitest.Reply {
	s.t.Helper()
	return s.Do(http.MethodPost, demoPath, s.owner.Token, planned(title, noon.Add(begins), noon.Add(begins+time.Hour), more...))
}

func planned(title string, start, end time.Time, more ...string) string {
	return fmt.Sprintf(`{"title":%q,"planned_start":%q,"planned_end":%q%s}`,
		title, start.Format(time.RFC3339), end.Format(time.RFC3339), strings.Join(append([]string{""}, more...), ","))
}

// air has a broadcast of a channel go on air for a while and end, and returns its path.
func (s *site) air(channel uuid.UUID) string {
	s.t.Helper()
	id := s.begin(channel)
	s.advance(time.Hour)
	require.NoError(s.t, s.svc.Sweep(s.t.Context()))
	return id
}

func (s *site) begin(channel uuid.UUID) string {
	s.t.Helper()
	id, err := s.svc.WentLive(s.t.Context(), broadcast.Session{
		ID: uuid.Must(uuid.NewV7()), ChannelID: channel, StartedAt: s.clock(),
	}, s.clock())
	require.NoError(s.t, err)
	return "/api/v1/broadcasts/" + id.String()
}

// titles returns what the list at path shows to whoever has token, turning its pages
// to the end and back again.
func (s *site) titles(path, token string) []string {
	s.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	var pages [][]string
	read := func(cursor string) (next, prev string) {
		r := s.Do(http.MethodGet, path+join+"limit=2&cursor="+url.QueryEscape(cursor), token, "")
		require.Equal(s.t, http.StatusOK, r.Status, r.Text)
		var page struct {
			Items []struct{ Title string }
			Next  string `json:"next_cursor"`
			Prev  string `json:"prev_cursor"`
		}
		require.NoError(s.t, json.Unmarshal([]byte(r.Text), &page))
		titles := []string{}
		for _, item := range page.Items {
			titles = append(titles, item.Title)
		}
		pages = append(pages, titles)
		return page.Next, page.Prev
	}
	next, prev := read("")
	require.Empty(s.t, prev)
	for next != "" {
		next, prev = read(next)
	}
	all := []string{}
	for _, page := range pages {
		all = append(all, page...)
	}
	forward := len(pages)
	for prev != "" {
		_, prev = read(prev)
	}
	for i, back := range pages[forward:] { // the same pages, from the last but one
		require.Equal(s.t, pages[forward-2-i], back)
	}
	return all
}

func TestPlanningABroadcast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		image := uuid.Must(uuid.NewV7())
		s.exec("UPDATE channels SET thumbnail_id = $1 WHERE id = $2", image, s.id)
		r := s.plan("  Evening\u00a0 session ", time.Hour, `"description":"One\n\n\n\nTwo"`, `"category":"Music"`,
			`"tags":["rock","jazz","rock"]`, `"links":[{"label":"Tickets","url":"https://example.org/a?b=c"}]`)
		require.Equal(t, http.StatusCreated, r.Status, r.Text)
		require.Equal(t, `"v1"`, r.Header.Get("ETag"))
		id := r.JSON["id"].(string)
		require.Equal(t, "/api/v1/broadcasts/"+id, r.Header.Get("Location"))
		require.Equal(t, "Evening session", r.JSON["title"])
		require.Equal(t, "One\n\nTwo", r.JSON["description"])
		require.Equal(t, []any{"jazz", "rock"}, r.JSON["tags"])
		require.Equal(t, "scheduled", r.JSON["state"])
		require.Equal(t, "demo", r.JSON["channel"])
		require.Equal(t, "https://live.example.org/c/demo", r.JSON["url"])
		require.Equal(t, "2027-03-01T13:00:00Z", r.JSON["planned_start"])
		require.Contains(t, r.Text, `"640":"/images/`+image.String()+`/640.jpg"`)

		got := s.Do(http.MethodGet, r.Header.Get("Location"), "", "")
		require.Equal(t, http.StatusOK, got.Status)
		require.Equal(t, r.Text, got.Text)

		apitest.RequireProblem(t, s.plan("Another", 90*time.Minute), http.StatusConflict, "broadcast_overlaps")
		require.Equal(t, http.StatusCreated, s.plan("Next", 2*time.Hour).Status, "one after the other is no overlap")
		before := s.Do(http.MethodPost, demoPath, s.owner.Token, planned("Before", noon.Add(time.Minute), noon.Add(time.Hour)))
		require.Equal(t, http.StatusCreated, before.Status)

		next := s.Do(http.MethodPost, demoPath, s.owner.Token, `{"title":"The next one"}`)
		require.Equal(t, "prepared", next.JSON["state"])
		apitest.RequireProblem(t, s.Do(http.MethodPost, demoPath, s.owner.Token, `{"title":"Two"}`), http.StatusConflict, "broadcast_prepared")
		prepared := next.Header.Get("Location")
		require.Equal(t, http.StatusOK, s.Do(http.MethodGet, prepared, s.owner.Token, "").Status)
		apitest.RequireProblem(t, s.Do(http.MethodGet, prepared, s.fan.Token, ""), http.StatusNotFound, "broadcast_not_found")
		apitest.RequireProblem(t, s.Do(http.MethodPut, prepared+"/reminder", s.fan.Token, ""), http.StatusNotFound, "broadcast_not_found")
	})
}

func TestPlansThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t))
	after := func(d time.Duration) string { return noon.Add(d).Format(time.RFC3339Nano) }
	for name, test := range map[string]struct{ body, code string }{
		"in the past":                         {planned("x", noon.Add(-time.Minute), noon.Add(time.Hour)), "bad_times"},
		"now":                                 {planned("x", noon, noon.Add(time.Hour)), "bad_times"},
		"in two years":                        {planned("x", noon.AddDate(2, 0, 0), noon.AddDate(2, 0, 1)), "bad_times"},
		"too short":                           {planned("x", noon.Add(time.Hour), noon.Add(time.Hour+59*time.Second)), "bad_times"},
		"backwards":                           {planned("x", noon.Add(2*time.Hour), noon.Add(time.Hour)), "bad_times"},
		"too long":                            {planned("x", noon.Add(time.Hour), noon.Add(169*time.Hour+time.Second)), "bad_times"},
		"without an end":                      {`{"title":"x","planned_start":"` + after(time.Hour) + `"}`, "bad_times"},
		"without a start":                     {`{"title":"x","planned_end":"` + after(time.Hour) + `"}`, "bad_times"},
		"in year 0":                           {`{"title":"x","planned_start":"0000-01-01T00:00:00Z","planned_end":"0000-01-01T01:00:00Z"}`, "bad_times"},
		"not a time":                          {`{"title":"x","planned_start":"tomorrow"}`, "unprocessable_entity"},
		"without a title":                     {`{"title":""}`, "unprocessable_entity"},
		"with a blank title":                  {`{"title":"   "}`, "bad_title"},
		"with a title that turns the writing": {`{"title":"a\u202eb"}`, "bad_title"},
		"with two lines":                      {`{"title":"a\nb"}`, "bad_title"},
		"with control characters":             {`{"title":"a","description":"\u0007"}`, "bad_description"},
		"with a bad category":                 {`{"title":"a","category":"a\u0007"}`, "bad_category"},
		"with a bad tag":                      {`{"title":"a","tags":["Jazz"]}`, "bad_tags"},
		"with too many tags":                  {`{"title":"a","tags":["a","b","c","d","e","f","g","h","i","j","k"]}`, "unprocessable_entity"},
		"with a script":                       {`{"title":"a","links":[{"label":"x","url":"javascript:alert(1)"}]}`, "bad_links"},
		"with a password":                     {`{"title":"a","links":[{"label":"x","url":"https://a:b@example.org"}]}`, "bad_links"},
		"with more":                           {`{"title":"a","state":"live"}`, "unprocessable_entity"},
	} {
		r := s.Do(http.MethodPost, demoPath, s.owner.Token, test.body)
		require.Equal(t, http.StatusUnprocessableEntity, r.Status, name+": "+r.Text)
		require.Equal(t, test.code, r.JSON["code"], name)
	}
	require.Empty(t, s.titles(demoPath, s.owner.Token))
}

func TestAChannelPlansSoMany(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite(t))
	ctx := auth.WithAccess(t.Context(), auth.Access{ChannelID: s.id})
	for i := range 200 {
		start := noon.Add(time.Duration(i+1) * time.Hour)
		_, err := s.svc.Create(ctx, broadcast.Plan{Title: "x", Start: start, End: start.Add(time.Hour)})
		require.NoError(t, err)
	}
	apitest.RequireProblem(t, s.plan("x", 201*time.Hour), http.StatusConflict, "too_many_broadcasts")
	s.advance(3 * time.Hour) // the first is over
	require.Equal(t, http.StatusCreated, s.plan("x", 201*time.Hour).Status)
}

// TestConcurrentPlansDoNotOverlap posts the same time from all sides: one wins.
func TestConcurrentPlansDoNotOverlap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		first := s.plan("first", 10*time.Hour)
		require.Equal(t, http.StatusCreated, first.Status)
		var created, refused, prepared atomic.Int32
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				method, path, body := http.MethodPost, demoPath, planned("x", noon.Add(time.Hour+time.Duration(i)*time.Minute), noon.Add(3*time.Hour))
				switch i % 4 {
				case 0: // moves there instead
					method, path = http.MethodPatch, first.Header.Get("Location")
				case 1:
					body = `{"title":"next"}`
				}
				r := s.Do(method, path, s.owner.Token, body)
				switch {
				case i%4 == 1 && r.Status == http.StatusCreated:
					prepared.Add(1)
				case i%4 == 1:
					require.Equal(t, "broadcast_prepared", r.JSON["code"], r.Text)
				case r.Status == http.StatusConflict:
					require.Equal(t, "broadcast_overlaps", r.JSON["code"], r.Text)
					refused.Add(1)
				case r.Status == http.StatusOK: // the one that moves does not overlap itself
				default:
					require.Equal(t, http.StatusCreated, r.Status, r.Text)
					created.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, prepared.Load())
		rows, err := d.Read().BroadcastsOfInAfter(t.Context(), scheduledOf(s.id))
		require.NoError(t, err)
		for i := 1; i < len(rows); i++ {
			require.False(t, rows[i].Broadcast.PlannedStart.Before(rows[i-1].Broadcast.PlannedEnd.Time), "they overlap")
		}
		require.LessOrEqual(t, created.Load(), int32(1))
		require.Positive(t, refused.Load())
	})
}

func TestChangingABroadcast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		path := s.plan("Session", time.Hour, `"tags":["jazz"]`, `"links":[{"label":"x","url":"https://example.org"}]`).Header.Get("Location")
		require.Equal(t, http.StatusCreated, s.plan("Other", 5*time.Hour).Status)
		r := s.Do(http.MethodPatch, path, s.owner.Token, `{"title":"Quartet"}`, "If-Match", `"v1"`)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Equal(t, `"v2"`, r.Header.Get("ETag"))
		require.Equal(t, "Quartet", r.JSON["title"])
		require.Equal(t, []any{"jazz"}, r.JSON["tags"])
		require.Len(t, r.JSON["links"], 1)
		apitest.RequireProblem(t, s.Do(http.MethodPatch, path, s.owner.Token, `{"title":"x"}`, "If-Match", `"v1"`), http.StatusPreconditionFailed, "changed")
		require.Empty(t, s.titles("/api/v1/broadcasts?state=upcoming&q=session", ""))
		require.Equal(t, []string{"Quartet"}, s.titles("/api/v1/broadcasts?state=upcoming&q=quart", ""))

		edit := func(body string) apitest.Reply { return s.Do(http.MethodPatch, path, s.owner.Token, body) }
		r = edit(`{"tags":[],"links":[],"planned_end":"2027-03-01T16:00:00Z"}`)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Empty(t, r.JSON["tags"])
		require.Empty(t, r.JSON["links"])
		require.Equal(t, "2027-03-01T16:00:00Z", r.JSON["planned_end"])
		apitest.RequireProblem(t, edit(`{"planned_end":"2027-03-01T17:00:01Z"}`), http.StatusConflict, "broadcast_overlaps")
		apitest.RequireProblem(t, edit(`{"planned_start":"2027-03-01T11:00:00Z"}`), http.StatusUnprocessableEntity, "bad_times")
		apitest.RequireProblem(t, edit(`{"title":"\u0007"}`), http.StatusUnprocessableEntity, "bad_title")

		s.advance(90 * time.Minute) // its time has begun, without it
		require.Equal(t, http.StatusOK, edit(`{"planned_end":"2027-03-01T17:00:00Z"}`).Status)
		require.Equal(t, http.StatusOK, edit(`{"planned_start":"2027-03-01T14:00:00Z"}`).Status, "it may be put off")

		require.Equal(t, path, s.begin(s.id))
		r = edit(`{"title":"On air"}`)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Equal(t, "live", r.JSON["state"])
		require.Equal(t, "On air", r.JSON["title"])
		apitest.RequireProblem(t, edit(`{"planned_end":"2027-03-01T17:00:00Z"}`), http.StatusConflict, "broadcast_not_scheduled")

		require.Empty(t, s.audited())
		staff := s.Person("root", auth.RoleAdmin)
		require.Equal(t, http.StatusOK, s.Do(http.MethodPatch, path, staff.Token, `{"title":"Moderated"}`).Status)
		require.Equal(t, []string{"broadcast.update root On air"}, s.audited())
	})
}

func (s *site) audited() []string {
	s.t.Helper()
	rows, err := s.DB.Writer().QueryContext(s.t.Context(), "SELECT action, actor, target FROM audit_log ORDER BY id")
	require.NoError(s.t, err)
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var action, actor, target string
		require.NoError(s.t, rows.Scan(&action, &actor, &target))
		all = append(all, action+" "+actor+" "+target)
	}
	require.NoError(s.t, rows.Err())
	return all
}

// TestConcurrentChangesAreAllMade edits without If-Match from all sides.
func TestConcurrentChangesAreAllMade(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		path := s.plan("Session", time.Hour).Header.Get("Location")
		var wg sync.WaitGroup
		var won atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				if i%2 == 0 {
					r := s.Do(http.MethodPatch, path, s.owner.Token, fmt.Sprintf(`{"title":"Title %d"}`, i))
					require.Equal(t, http.StatusOK, r.Status, r.Text)
					return
				}
				if s.Do(http.MethodPatch, path, s.owner.Token, `{"category":"x"}`, "If-Match", `"v1"`).Status == http.StatusOK {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, won.Load(), int32(1))
		r := s.Do(http.MethodGet, path, "", "")
		require.Equal(t, fmt.Sprintf(`"v%d"`, 1+4+won.Load()), r.Header.Get("ETag"))
	})
}

func TestHiddenUntilPublished(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		path := s.begin(s.id)
		require.Equal(t, http.StatusOK, s.Do(http.MethodGet, path, "", "").Status)
		apitest.RequireProblem(t, s.Do(http.MethodPost, path+"/publish", s.owner.Token, ""), http.StatusConflict, "broadcast_not_ended")
		apitest.RequireProblem(t, s.Do(http.MethodDelete, path, s.owner.Token, ""), http.StatusConflict, "broadcast_live")
		s.advance(time.Hour)
		require.NoError(t, s.svc.Sweep(t.Context()))

		seen := func(want int) {
			t.Helper()
			require.Len(t, s.titles("/api/v1/broadcasts?state=ended", s.owner.Token), want)
			require.Len(t, s.titles(demoPath, s.fan.Token), want)
			require.Len(t, s.titles(demoPath, s.owner.Token), 1)
			status := map[int]int{0: http.StatusNotFound, 1: http.StatusOK}[want]
			require.Equal(t, status, s.Do(http.MethodGet, path, s.fan.Token, "").Status)
			require.Equal(t, status, s.Do(http.MethodGet, path, "", "").Status)
			require.Equal(t, http.StatusOK, s.Do(http.MethodGet, path, s.owner.Token, "").Status)
		}
		seen(0)
		r := s.Do(http.MethodPost, path+"/publish", s.owner.Token, "")
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Equal(t, "2027-03-01T13:00:00Z", r.JSON["published_at"])
		tag := r.Header.Get("ETag")
		seen(1)
		s.advance(time.Minute)
		r = s.Do(http.MethodPost, path+"/publish", s.owner.Token, "")
		require.Equal(t, "2027-03-01T13:00:00Z", r.JSON["published_at"], "twice is as once")
		require.Equal(t, tag, r.Header.Get("ETag"))
		r = s.Do(http.MethodPost, path+"/unpublish", s.owner.Token, "")
		require.Equal(t, http.StatusOK, r.Status)
		require.NotContains(t, r.JSON, "published_at")
		seen(0)
		require.Equal(t, http.StatusNoContent, s.Do(http.MethodDelete, path, s.owner.Token, "").Status)
		apitest.RequireProblem(t, s.Do(http.MethodGet, path, s.owner.Token, ""), http.StatusNotFound, "broadcast_not_found")
		require.Equal(t, []string{
			"broadcast.publish alice Title of demo", "broadcast.unpublish alice Title of demo", "broadcast.delete alice Title of demo",
		}, s.audited())
	})
}

func TestListsOfBroadcasts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		s.air(s.id) // stays hidden
		for i := range 5 {
			path := s.air(s.id)
			r := s.Do(http.MethodPatch, path, s.owner.Token, fmt.Sprintf(`{"title":"Past %d","tags":["t%d","all"],"description":"Über Äpfel"}`, i, i%2))
			require.Equal(t, http.StatusOK, r.Status, r.Text)
			require.Equal(t, http.StatusOK, s.Do(http.MethodPost, path+"/publish", s.owner.Token, "").Status)
		}
		for i := range 5 { // planned in another order than that of their times
			at := s.clock().Add(time.Duration((i*3)%5+1) * 24 * time.Hour)
			r := s.Do(http.MethodPost, demoPath, s.owner.Token, planned(fmt.Sprintf("Plan %d", (i*3)%5), at, at.Add(time.Hour), `"tags":["all"]`))
			require.Equal(t, http.StatusCreated, r.Status, r.Text)
		}
		private, unlisted := s.Channel(s.owner, "private"), s.Channel(s.owner, "unlisted")
		s.exec("UPDATE channels SET visibility = 'private' WHERE id = $1", private)
		s.exec("UPDATE channels SET visibility = 'unlisted' WHERE id = $1", unlisted)
		banned := s.Person("mallory", auth.RoleUser)
		s.exec("UPDATE users SET suspended_at = created_at WHERE id = $1", banned.ID)
		live := s.Channel(s.fan, "other")
		for _, channel := range []uuid.UUID{private, unlisted, s.Channel(banned, "banned"), live} {
			s.begin(channel)
		}

		past := []string{"Past 4", "Past 3", "Past 2", "Past 1", "Past 0"}
		plans := []string{"Plan 0", "Plan 1", "Plan 2", "Plan 3", "Plan 4"}
		require.Equal(t, []string{"Title of other"}, s.titles("/api/v1/broadcasts", ""))
		require.Equal(t, past, s.titles("/api/v1/broadcasts?state=ended", ""))
		require.Equal(t, plans, s.titles("/api/v1/broadcasts?state=upcoming", ""))
		require.Equal(t, past, s.titles("/api/v1/broadcasts?state=ended&tag=all", ""))
		require.Equal(t, []string{"Past 3", "Past 1"}, s.titles("/api/v1/broadcasts?state=ended&tag=t1", ""))
		require.Equal(t, past, s.titles("/api/v1/broadcasts?state=ended&q=APFEL+uber", ""))
		require.Equal(t, past, s.titles("/api/v1/broadcasts?state=ended&q=pa+apf&tag=all", ""))
		require.Equal(t, []string{"Past 4", "Past 2", "Past 0"}, s.titles("/api/v1/broadcasts?state=ended&q=past&tag=t0", ""))
		require.Equal(t, []string{"Past 2"}, s.titles("/api/v1/broadcasts?state=ended&q=2+past", ""))
		require.Equal(t, plans, s.titles("/api/v1/broadcasts?state=upcoming&q=pl", ""))
		require.Len(t, s.titles("/api/v1/broadcasts?state=ended&q=past'", ""), 5)
		for _, none := range []string{"q=future", "q=past+plan", "q=%25", "q=%01", "q=_", "tag=none", "tag=%01", "tag=%27%20OR%201=1"} {
			require.Empty(t, s.titles("/api/v1/broadcasts?state=ended&"+none, ""), none)
		}

		require.Equal(t, append([]string{"Plan 4", "Plan 3", "Plan 2", "Plan 1", "Plan 0"}, past...), s.titles(demoPath, s.fan.Token))
		require.Equal(t, append([]string{"Plan 4", "Plan 3", "Plan 2", "Plan 1", "Plan 0"}, append(past, "Title of demo")...), s.titles(demoPath, s.owner.Token))
		require.Equal(t, plans, s.titles(demoPath+"?state=scheduled&order=earliest", ""))
		require.Equal(t, past, s.titles(demoPath+"?state=ended", ""))
		require.Equal(t, []string{"Title of private"}, s.titles("/api/v1/channels/private/broadcasts", s.owner.Token))
		apitest.RequireProblem(t, s.Do(http.MethodGet, "/api/v1/channels/private/broadcasts", s.fan.Token, ""), http.StatusNotFound, "channel_not_found")

		s.advance(25*time.Hour + 30*time.Minute) // the first plan was missed
		require.Equal(t, plans[1:], s.titles("/api/v1/broadcasts?state=upcoming", ""))
		require.Equal(t, plans[1:], s.titles(demoPath+"?state=scheduled&order=earliest", s.fan.Token))
		require.Equal(t, plans, s.titles(demoPath+"?state=scheduled&order=earliest", s.owner.Token))

		r := s.Do(http.MethodGet, "/api/v1/broadcasts?state=ended&limit=2&tag=all&q=past", "", "")
		require.Regexp(t, `^</api/v1/broadcasts\?cursor=[^&>]+&limit=2&q=past&state=ended&tag=all>; rel="next"$`, r.Header.Get("Link"))
		bad := s.Do(http.MethodGet, "/api/v1/broadcasts?state=upcoming&cursor="+r.JSON["next_cursor"].(string), "", "")
		apitest.RequireProblem(t, bad, http.StatusBadRequest, "bad_cursor")
	})
}

func TestReminders(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		path := s.plan("Session", time.Hour).Header.Get("Location")
		reminder := func() any { return s.Do(http.MethodGet, path, s.fan.Token, "").JSON["reminder"] }
		require.Equal(t, false, reminder())
		require.NotContains(t, s.Do(http.MethodGet, path, "", "").JSON, "reminder")
		for range 2 {
			require.Equal(t, http.StatusNoContent, s.Do(http.MethodPut, path+"/reminder", s.fan.Token, "").Status)
		}
		require.Equal(t, true, reminder())
		for range 2 {
			require.Equal(t, http.StatusNoContent, s.Do(http.MethodDelete, path+"/reminder", s.fan.Token, "").Status)
		}
		require.Equal(t, false, reminder())
		require.Equal(t, http.StatusNoContent, s.Do(http.MethodDelete, "/api/v1/broadcasts/no-such/reminder", s.fan.Token, "").Status)
		apitest.RequireProblem(t, s.Do(http.MethodPut, path+"/reminder", "", ""), http.StatusUnauthorized, "unauthorized")
		s.advance(time.Hour)
		s.begin(s.id)
		apitest.RequireProblem(t, s.Do(http.MethodPut, path+"/reminder", s.fan.Token, ""), http.StatusConflict, "broadcast_not_upcoming")
	})
}

func TestSessionsOfABroadcast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		path := ""
		for range 5 {
			path = s.begin(s.id)
			s.advance(10 * time.Second)
		}
		apitest.RequireProblem(t, s.Do(http.MethodGet, path+"/sessions", s.fan.Token, ""), http.StatusForbidden, "forbidden")
		seen := []string{}
		next, pages := "", 0
		for {
			r := s.Do(http.MethodGet, path+"/sessions?limit=2&cursor="+next, s.owner.Token, "")
			require.Equal(t, http.StatusOK, r.Status, r.Text)
			for _, item := range r.JSON["items"].([]any) {
				seen = append(seen, item.(map[string]any)["started_at"].(string))
			}
			pages++
			if next, _ = r.JSON["next_cursor"].(string); next == "" {
				break
			}
		}
		require.Equal(t, 3, pages)
		require.Equal(t, []string{
			"2027-03-01T12:00:40Z", "2027-03-01T12:00:30Z", "2027-03-01T12:00:20Z", "2027-03-01T12:00:10Z", "2027-03-01T12:00:00Z",
		}, seen)
	})
}

func TestAudienceOfABroadcast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newSite(t, d)
		path := s.begin(s.id)
		s.exec("UPDATE broadcasts SET viewers = 2, peak_viewers = 5, total_viewers = 9")
		for n := range 3 {
			s.exec("INSERT INTO broadcast_audience (broadcast_id, minute, viewers, listeners) VALUES ($1, $2, $3, 1)",
				strings.TrimPrefix(path, "/api/v1/broadcasts/"), noon.Add(time.Duration(n)*time.Minute), n+1)
		}
		path += "/audience"
		r := s.Do(http.MethodGet, path+"?from=2027-03-01T12:01:00Z", "", "")
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.JSONEq(t, `{"viewers":2,"listeners":0,"peak_viewers":5,"total_viewers":9,"minutes":[
			{"at":"2027-03-01T12:01:00Z","viewers":2,"listeners":1},{"at":"2027-03-01T12:02:00Z","viewers":3,"listeners":1}]}`, r.Text)
		require.Equal(t, http.StatusUnprocessableEntity, s.Do(http.MethodGet, path+"?from=yesterday", "", "").Status)
		s.advance(time.Hour)
		require.NoError(t, s.svc.Sweep(t.Context()))
		require.Equal(t, http.StatusNotFound, s.Do(http.MethodGet, path, s.fan.Token, "").Status, "hidden")
		r = s.Do(http.MethodGet, path, s.owner.Token, "")
		require.Len(t, r.JSON["minutes"], 3)
		require.Zero(t, r.JSON["viewers"])
	})
}
