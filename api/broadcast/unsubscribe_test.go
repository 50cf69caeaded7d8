package broadcast_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/broadcast"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

// post keeps the links of the mails that are planned, by who gets them.
type post struct {
	mu    sync.Mutex
	links map[string]string // guarded by mu
}

func (*post) Insert(context.Context, *db.Tx, river.JobArgs, *river.InsertOpts) error { return nil }

func (p *post) Queue(_ context.Context, _ *db.Tx, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[m.To] = m.Data.Unsubscribe
	return nil
}

var (
	oldSecret = []byte(strings.Repeat("o", 32))
	newSecret = []byte(strings.Repeat("n", 32))
)

// reminded returns a site where bob and carol follow demo, of which both have got a
// mail, and the links in those.
func reminded(t *testing.T, d *db.DB, change ...func(*broadcast.Config)) (s *site, carol apitest.Person, bobs, carols string) {
	t.Helper()
	p := &post{links: map[string]string{}}
	s = newSite(t, d, append([]func(*broadcast.Config){func(cfg *broadcast.Config) {
		cfg.Jobs, cfg.Mailer, cfg.Secret = p, p, newSecret
	}}, change...)...)
	carol = s.Person("carol", auth.RoleUser)
	other := s.Channel(s.owner, "other")
	for _, person := range []apitest.Person{s.fan, carol} {
		for _, channel := range []uuid.UUID{s.id, other} {
			s.exec("INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, TRUE, $4)",
				uuid.Must(uuid.NewV7()), channel, person.ID, column.At(noon))
		}
	}
	id := uuid.MustParse(strings.TrimPrefix(s.begin(s.id), "/api/v1/broadcasts/"))
	for _, person := range []apitest.Person{s.fan, carol} {
		next := s.plan("For "+person.Name, time.Duration(5+len(person.Name))*time.Hour)
		require.Equal(t, http.StatusCreated, next.Status, next.Text)
		for _, who := range []apitest.Person{s.fan, carol} {
			require.Equal(t, http.StatusNoContent, s.Do(http.MethodPut, next.Header.Get("Location")+"/reminder", who.Token, "").Status)
		}
	}
	job := &river.Job[broadcast.RemindArgs]{Args: broadcast.RemindArgs{Broadcast: id}}
	require.NoError(t, s.svc.Reminders().Work(t.Context(), job))
	bobs, carols = p.links["bob@example.org"], p.links["carol@example.org"]
	require.True(t, strings.HasPrefix(bobs, "/api/v1/reminders/unsubscribe?token="), bobs)
	require.NotEqual(t, bobs, carols)
	return s, carol, bobs, carols
}

// wants returns how many channels and broadcasts one wants mails of.
func (s *site) wants(who apitest.Person) [2]int {
	s.t.Helper()
	var n [2]int
	for i, query := range []string{
		"SELECT count(*) FROM follows WHERE notify AND user_id = $1",
		"SELECT count(*) FROM broadcast_reminders WHERE user_id = $1",
	} {
		require.NoError(s.t, s.DB.Writer().QueryRowContext(s.t.Context(), query, who.ID).Scan(&n[i]))
	}
	return n
}

// oneClick does what mail programs do for their button.
func (s *site) oneClick(link string, header ...string) apitest.Reply {
	s.t.Helper()
	header = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)
	return s.Send(http.MethodPost, link, "", strings.NewReader("List-Unsubscribe=One-Click"), header...)
}

func TestRemindersAreTakenBackByALink(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, carol, bobs, carols := reminded(t, d)
		require.Equal(t, [2]int{2, 2}, s.wants(s.fan))

		page := s.Do(http.MethodGet, bobs, "", "")
		require.Equal(t, http.StatusOK, page.Status, page.Text)
		require.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
		require.Equal(t, "same-origin", page.Header.Get("Referrer-Policy"))
		require.Contains(t, page.Text, `<form method="post">`)
		require.Equal(t, [2]int{2, 2}, s.wants(s.fan), "to look changes nothing")

		for range 2 { // also once more
			require.Equal(t, http.StatusNoContent, s.oneClick(bobs).Status)
			require.Equal(t, [2]int{1, 0}, s.wants(s.fan), "of the other channel only")
		}
		require.Equal(t, [2]int{2, 2}, s.wants(carol), "nobody else's")
		var follows int
		require.NoError(t, s.DB.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM follows WHERE user_id = $1", s.fan.ID).Scan(&follows))
		require.Equal(t, 2, follows)

		done := s.oneClick(carols, "Accept", "text/html,*/*;q=0.8", "Origin", s.URL)
		require.Equal(t, http.StatusOK, done.Status, done.Text)
		require.Contains(t, done.Text, "No more reminders")
		require.Equal(t, [2]int{1, 0}, s.wants(carol))

		s.exec("DELETE FROM follows WHERE user_id = $1", s.fan.ID)
		require.Equal(t, http.StatusNoContent, s.Send(http.MethodPost, bobs, "", nil).Status, "without a body, with nothing left")
	})
}

func TestOnlyTheLinkOfTheMailTakesRemindersBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, carol, bobs, carols := reminded(t, d)
		path, mine, _ := strings.Cut(bobs, "token=")
		_, hers, _ := strings.Cut(carols, "token=")
		other := byte('A')
		if mine[3] == other {
			other = 'B'
		}
		const head = 43 // characters of the ids, and a bit
		for name, token := range map[string]string{
			"garbage":               "garbage",
			"not base64url":         strings.Repeat("*", len(mine)),
			"cut":                   mine[:len(mine)-1],
			"longer":                mine + "A",
			"of somebody else":      mine[:3] + string(other) + mine[4:],
			"her ids, his sum":      hers[:head] + mine[head:],
			"his ids, her sum":      mine[:head] + hers[head:],
			"without a sum":         mine[:head] + strings.Repeat("A", len(mine)-head),
			"an access token's sum": mine[:head] + carol.Token[len(carol.Token)-(len(mine)-head):],
		} {
			apitest.RequireProblem(t, s.oneClick(path+"token="+token), http.StatusBadRequest, "bad_unsubscribe_token")
			apitest.RequireProblem(t, s.Do(http.MethodGet, path+"token="+token, "", ""), http.StatusBadRequest, "bad_unsubscribe_token")
			require.Equal(t, [4]int{2, 2, 2, 2}, [4]int{s.wants(s.fan)[0], s.wants(s.fan)[1], s.wants(carol)[0], s.wants(carol)[1]}, name)
		}
		apitest.RequireProblem(t, s.oneClick(bobs, "Origin", "https://evil.example"), http.StatusForbidden, "cross_origin")
	})
}

func TestLinksOutliveTheSecret(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	_, _, bobs, _ := reminded(t, d, func(cfg *broadcast.Config) { cfg.Secret = oldSecret })
	_, token, _ := strings.Cut(bobs, "token=")
	for name, test := range map[string]struct {
		previous [][]byte
		want     error
	}{
		"kept":   {[][]byte{oldSecret}, nil},
		"gone":   {nil, broadcast.ErrBadUnsubscribe},
		"others": {[][]byte{[]byte(strings.Repeat("x", 32))}, broadcast.ErrBadUnsubscribe},
	} {
		svc, err := broadcast.NewService(broadcast.Config{
			DB: d, BaseURL: "https://live.example.org", Secret: newSecret, Previous: test.previous,
			Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		require.NoError(t, err)
		require.ErrorIs(t, svc.Unsubscribe(t.Context(), token), test.want, name)
	}
}

func TestRemindersNeedASecret(t *testing.T) {
	t.Parallel()
	_, err := broadcast.NewService(broadcast.Config{
		DB: dbtest.SQLite(t), BaseURL: "https://live.example.org", Mailer: &post{},
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.ErrorContains(t, err, "secret")
}
