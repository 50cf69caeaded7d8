package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// world is what surrounds a Service: a clock, what is on air, and whoever is told.
type world struct {
	t  testing.TB
	db *db.DB

	mu     sync.Mutex
	now    time.Time       // guarded by mu
	onAir  []Sample        // guarded by mu
	events []string        // guarded by mu: event and id
	views  []BroadcastView // guarded by mu
	jobs   []river.JobArgs // guarded by mu
	mails  []mail.Message  // guarded by mu
	fail   func(int) error // guarded by mu: of queueing the nth mail
}

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, d *db.DB) *world {
	return &world{t: t, db: d, now: noon}
}

// service returns a Service as it is after a start of the program.
func (w *world) service() *Service {
	w.t.Helper()
	s, err := NewService(Config{
		DB: w.db, BaseURL: "https://live.example.org/", Live: w, Hooks: w, Jobs: w, Mailer: w, Secret: []byte(strings.Repeat("s", 32)),
		Now: w.clock, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(w.t, err)
	return s
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) OnAir() []Sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.onAir)
}

func (w *world) set(samples ...Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onAir = samples
}

func (w *world) Fire(_ context.Context, _ *db.Tx, _ uuid.UUID, event string, payload any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	view := payload.(BroadcastView)
	w.events = append(w.events, event+" "+view.ID)
	w.views = append(w.views, view)
	return nil
}

func (w *world) Insert(_ context.Context, _ *db.Tx, args river.JobArgs, _ *river.InsertOpts) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = append(w.jobs, args)
	return nil
}

func (w *world) Queue(_ context.Context, _ *db.Tx, m mail.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail(len(w.mails)); err != nil {
			return err
		}
	}
	w.mails = append(w.mails, m)
	return nil
}

func (w *world) happened() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func (w *world) person(name string) uuid.UUID {
	w.t.Helper()
	id := newID()
	require.NoError(w.t, w.db.Write().CreateUser(w.t.Context(), store.CreateUserParams{
		ID: id, Username: name, UsernameLower: name, Email: name + "@example.org", EmailLower: name + "@example.org",
		Role: "user", CreatedAt: column.At(w.clock()), EmailConfirmedAt: column.Maybe(w.clock()),
	}))
	return id
}

func (w *world) channel(slug string) uuid.UUID {
	w.t.Helper()
	id := newID()
	require.NoError(w.t, w.db.Write().CreateChannel(w.t.Context(), store.CreateChannelParams{
		ID: id, OwnerID: w.person("owner-" + slug), Slug: slug, Title: "Title of " + slug,
		CreatedAt: column.At(w.clock()), UpdatedAt: column.At(w.clock()),
	}))
	return id
}

// exec changes what no query of ours changes.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	_, err := w.db.Writer().ExecContext(w.t.Context(), statement, args...)
	require.NoError(w.t, err)
}

// session returns a publisher's session on a channel that begins now.
func (w *world) session(channel uuid.UUID) Sample {
	return Sample{Session: Session{ID: newID(), ChannelID: channel, Node: "", StartedAt: w.clock()}, Viewers: 1, TotalViewers: 1}
}

func (w *world) plan(s *Service, channel uuid.UUID, start, end time.Time) Broadcast {
	w.t.Helper()
	b, err := s.Create(auth.WithAccess(w.t.Context(), auth.Access{ChannelID: channel}), Plan{Title: "Planned", Start: start, End: end})
	require.NoError(w.t, err)
	return b
}

func (w *world) get(id uuid.UUID) Broadcast {
	w.t.Helper()
	b, err := read(w.t.Context(), w.db.Read(), id)
	require.NoError(w.t, err)
	return b
}

// all returns the broadcasts of a channel, the latest first.
func (w *world) all(channel uuid.UUID) []Broadcast {
	w.t.Helper()
	page, err := w.service().ListOf(
		auth.WithAccess(w.t.Context(), auth.Access{ChannelID: channel, Role: auth.Owner}), ChannelList{Limit: 100})
	require.NoError(w.t, err)
	return page.Items
}

// step is one tick, three seconds after the last.
func (w *world) step(watch *watch) {
	w.advance(3 * time.Second)
	watch.tick(w.t.Context())
}

func TestABroadcastFromItsFirstPacketToItsEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		s := w.service()
		watch := newWatch(s)
		channel := w.channel("demo")
		image := newID()
		w.exec("UPDATE channels SET broadcast_title = $1, category = 'Music', thumbnail_id = $2 WHERE id = $3", "Every evening", image, channel)
		w.exec("INSERT INTO channel_tags (tag, channel_id) VALUES ('jazz', $1)", channel)

		sample := w.session(channel)
		w.set(sample)
		w.step(watch)
		all := w.all(channel)
		require.Len(t, all, 1)
		b := all[0]
		require.Equal(t, OnAir, b.State)
		require.Equal(t, "Every evening", b.Title)
		require.Equal(t, "Music", b.Category)
		require.Equal(t, []string{"jazz"}, b.Tags)
		require.Equal(t, image, b.ThumbnailID.UUID)
		require.Equal(t, noon, b.StartedAt.Time)
		require.Equal(t, []string{"broadcast.live " + b.ID.String()}, w.happened())
		version := b.Version

		sample.Viewers, sample.TotalViewers = 7, 9
		sample.Ingest = Ingest{Protocol: "rtmp", Bytes: 1000, FrameRate: 25}
		w.set(sample)
		w.step(watch)
		sample.Viewers, sample.TotalViewers = 3, 11
		w.set(sample)
		w.step(watch)
		b = w.get(b.ID)
		require.EqualValues(t, 3, b.Viewers)
		require.EqualValues(t, 7, b.PeakViewers)
		require.EqualValues(t, 11, b.TotalViewers)
		require.EqualValues(t, 9000, b.DurationMs)
		require.Equal(t, noon.Add(9*time.Second), b.SeenAt.Time)
		require.Equal(t, version, b.Version, "statistics are no edits")

		w.set()
		w.step(watch)
		b = w.get(b.ID)
		require.Equal(t, OnAir, b.State, "its publisher may return")
		require.Zero(t, b.Viewers)
		w.advance(2*time.Minute - 4*time.Second)
		w.step(watch)
		b = w.get(b.ID)
		require.Equal(t, Ended, b.State)
		require.Equal(t, noon.Add(9*time.Second), b.EndedAt.Time, "when it was seen last")
		require.Nil(t, b.PublishedAt)
		require.EqualValues(t, 9000, b.DurationMs)
		require.Equal(t, []string{"broadcast.live " + b.ID.String(), "broadcast.ended " + b.ID.String()}, w.happened())
		last := w.views[1]
		require.Equal(t, "ended", last.State)
		require.Equal(t, "https://live.example.org/c/demo", last.URL)
		require.Equal(t, "https://live.example.org/images/"+image.String()+"/320.webp", last.Thumbnail.WebP["320"])
		require.Empty(t, watch.known)

		sessions, err := s.Sessions(auth.WithAccess(t.Context(), auth.Access{BroadcastID: b.ID}), "", 10)
		require.NoError(t, err)
		require.Len(t, sessions.Items, 1)
		view := viewOfSession(sessions.Items[0])
		require.Equal(t, "rtmp", view.Ingest.Protocol)
		require.EqualValues(t, 1000, view.Ingest.Bytes)
		require.Equal(t, noon.Add(9*time.Second), *view.EndedAt)

		next := w.session(channel)
		w.set(next)
		w.step(watch)
		require.Len(t, w.all(channel), 2, "what comes later is another broadcast")
	})
}

func TestAPublisherThatReturnsGoesOnWithItsBroadcast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		watch := newWatch(w.service())
		channel := w.channel("demo")
		first := w.session(channel)
		first.TotalViewers = 5
		w.set(first)
		w.step(watch)
		w.set()
		w.step(watch)
		w.advance(100 * time.Second)
		second := w.session(channel)
		second.TotalViewers = 4
		w.set(second)
		w.step(watch)
		w.step(watch)
		all := w.all(channel)
		require.Len(t, all, 1)
		require.Equal(t, OnAir, all[0].State)
		require.EqualValues(t, 5, all[0].TotalViewers, "nobody knows who was there in both")
		require.EqualValues(t, 9000, all[0].DurationMs, "without the gap")
		require.Len(t, w.happened(), 1)
	})
}

// TestAProgramThatWasKilled stops a Service without a word, as kill -9 does.
func TestAProgramThatWasKilled(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, d *db.DB) (w *world, channel uuid.UUID) {
		w = newWorld(t, d)
		channel = w.channel("demo")
		sample := w.session(channel)
		sample.Viewers, sample.TotalViewers = 3, 5
		w.set(sample)
		watch := newWatch(w.service())
		w.step(watch)
		w.step(watch)
		w.set() // and here it is killed
		return w, channel
	}
	tests := map[string]func(*testing.T, *world, uuid.UUID, *watch){
		"ends what nobody goes on with": func(t *testing.T, w *world, channel uuid.UUID, again *watch) {
			w.step(again)
			require.Equal(t, OnAir, w.all(channel)[0].State)
			w.advance(2 * time.Minute)
			w.step(again)
			b := w.all(channel)[0]
			require.Equal(t, Ended, b.State)
			require.Equal(t, noon.Add(6*time.Second), b.EndedAt.Time)
			require.EqualValues(t, 3, b.PeakViewers)
			require.EqualValues(t, 5, b.TotalViewers)
			require.EqualValues(t, 6000, b.DurationMs)
			require.Len(t, w.happened(), 2)
		},
		"goes on with a publisher that returns": func(t *testing.T, w *world, channel uuid.UUID, again *watch) {
			w.advance(time.Minute)
			w.set(w.session(channel))
			for range 50 {
				w.step(again)
			}
			all := w.all(channel)
			require.Len(t, all, 1)
			require.Equal(t, OnAir, all[0].State)
			require.EqualValues(t, 5, all[0].TotalViewers)
			require.Len(t, w.happened(), 1)
		},
		"begins anew with one that comes late": func(t *testing.T, w *world, channel uuid.UUID, again *watch) {
			w.advance(2*time.Minute + time.Second)
			w.set(w.session(channel))
			w.step(again)
			all := w.all(channel)
			require.Len(t, all, 2)
			require.Equal(t, OnAir, all[0].State)
			require.Equal(t, Ended, all[1].State)
			require.Equal(t, noon.Add(6*time.Second), all[1].EndedAt.Time)
			require.Len(t, w.happened(), 3)
		},
		"gives other nodes the time to report before it ends anything": func(t *testing.T, w *world, channel uuid.UUID, _ *watch) {
			w.advance(time.Hour)
			again := newWatch(w.service())
			w.step(again)
			require.Equal(t, OnAir, w.all(channel)[0].State)
			w.step(again)
			w.step(again)
			require.Equal(t, Ended, w.all(channel)[0].State)
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w, channel := start(t, d)
				test(t, w, channel, newWatch(w.service()))
			})
		})
	}
}

// TestASessionThatOutlivedTheProgram comes back with the session that it has known:
// it was on another node all the time.
func TestASessionThatOutlivedTheProgram(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		channel := w.channel("demo")
		sample := w.session(channel)
		w.set(sample)
		w.step(newWatch(w.service()))
		w.advance(10 * time.Minute)

		other := newWatch(w.service()) // a node that does not know of it
		other.s.cfg.Live = nothing{}
		for range 4 {
			w.step(other)
		}
		require.Equal(t, Ended, w.all(channel)[0].State)

		again := newWatch(w.service())
		for range 10 {
			w.step(again)
		}
		all := w.all(channel)
		require.Len(t, all, 1)
		require.Equal(t, OnAir, all[0].State)
		require.Nil(t, all[0].EndedAt)
		require.EqualValues(t, w.clock().Sub(noon).Milliseconds(), all[0].DurationMs)

		w.advance(5 * time.Minute)
		other.tick(t.Context())
		w.step(other)
		require.Equal(t, Ended, w.all(channel)[0].State)
		w.step(again)
		w.step(again)
		require.Equal(t, OnAir, w.all(channel)[0].State, "also where the program never stopped")
	})
}

func TestWhichBroadcastAPublisherTakes(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	tests := map[string]struct {
		plans [][2]time.Duration // from noon; none for one that is prepared
		comes time.Duration
		want  int // index of a plan; -1 for a new one
	}{
		"none":                         {nil, hour, -1},
		"at its time":                  {[][2]time.Duration{{hour, 2 * hour}}, hour + time.Minute, 0},
		"half an hour early":           {[][2]time.Duration{{hour, 2 * hour}}, hour / 2, 0},
		"earlier":                      {[][2]time.Duration{{hour, 2 * hour}}, hour/2 - time.Second, -1},
		"just before its end":          {[][2]time.Duration{{hour, 2 * hour}}, 2*hour - time.Second, 0},
		"at its end":                   {[][2]time.Duration{{hour, 2 * hour}}, 2 * hour, -1},
		"the one before it comes late": {[][2]time.Duration{{hour, 2 * hour}, {2 * hour, 3 * hour}}, 2*hour - time.Minute, 0},
		"the second":                   {[][2]time.Duration{{hour, 2 * hour}, {2 * hour, 3 * hour}}, 2*hour + time.Minute, 1},
		"prepared":                     {[][2]time.Duration{{}}, hour, 0},
		"scheduled before prepared":    {[][2]time.Duration{{}, {hour, 2 * hour}}, hour, 1},
		"prepared, as it is too early": {[][2]time.Duration{{}, {5 * hour, 6 * hour}}, hour, 0},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for name, test := range tests {
			w := newWorld(t, d)
			channel := w.channel("c" + uuid.NewString()[:8])
			s := w.service()
			plans := map[uuid.UUID]int{}
			for i, p := range test.plans {
				start, end := noon.Add(p[0]), noon.Add(p[1])
				if p[1] == 0 {
					start, end = time.Time{}, time.Time{}
				}
				plans[w.plan(s, channel, start, end).ID] = i
			}
			w.advance(test.comes)
			w.set(w.session(channel))
			newWatch(s).tick(t.Context())
			for _, b := range w.all(channel) {
				if b.State != OnAir {
					continue
				}
				got, planned := plans[b.ID]
				if !planned {
					got = -1
				}
				require.Equal(t, test.want, got, name)
				test.want = math.MaxInt
			}
			require.Equal(t, math.MaxInt, test.want, name)
		}
	})
}

func TestTwoNodesPutOneBroadcastOnAir(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		channel := w.channel("demo")
		const nodes = 8
		var wg sync.WaitGroup
		ids := make([]uuid.UUID, nodes)
		errs := make([]error, nodes)
		shared := w.session(channel).Session
		for i := range nodes {
			s := w.service()
			session := shared // half of them report the same session
			if i%2 == 1 {
				session.ID = newID()
			}
			wg.Go(func() { ids[i], errs[i] = s.WentLive(t.Context(), session, noon) })
		}
		wg.Wait()
		for i := range nodes {
			require.NoError(t, errs[i])
			require.Equal(t, ids[0], ids[i])
		}
		require.Len(t, w.all(channel), 1)
		require.Len(t, w.happened(), 1)
		require.Len(t, w.jobs, 1)
	})
}

// TestNodesSweepOnce has many end what is over: it is told once.
func TestNodesSweepOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i := range 5 {
			_, err := w.service().WentLive(t.Context(), w.session(w.channel(fmt.Sprint("demo-", i))).Session, noon)
			require.NoError(t, err)
		}
		w.advance(time.Hour)
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			s := w.service()
			wg.Go(func() { errs[i] = s.Sweep(t.Context()) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Len(t, w.happened(), 10)
	})
}

func TestAnOutageOfTheDatabaseLosesNothing(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		d, err := db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		w := newWorld(t, d)
		channel, brief, gone := w.channel("demo"), w.channel("brief"), w.channel("gone")
		watch := newWatch(w.service())
		sample := w.session(channel)
		w.set(sample)
		w.step(watch)

		require.NoError(t, d.Close())
		short := w.session(brief)
		short.TotalViewers = 3
		w.set(sample, short, w.session(gone))
		w.step(watch)
		sample.Viewers, sample.TotalViewers = 20, 30
		w.set(sample) // the others have ended meanwhile
		w.step(watch)
		w.advance(10 * time.Minute)
		w.step(watch)
		require.Len(t, watch.known, 3)
		require.True(t, watch.failing)

		w.db, err = db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, w.db.Close()) })
		watch.s.cfg.DB = w.db
		w.exec("DELETE FROM channels WHERE id = $1", gone)
		w.advance(time.Minute)
		w.step(watch)
		require.False(t, watch.failing)
		b := w.all(channel)[0]
		require.Equal(t, OnAir, b.State)
		require.EqualValues(t, 20, b.PeakViewers)
		require.EqualValues(t, 30, b.TotalViewers)
		for range 4 {
			w.step(watch)
		}
		require.Equal(t, OnAir, w.all(channel)[0].State)
		b = w.all(brief)[0]
		require.Equal(t, Ended, b.State)
		require.EqualValues(t, 3, b.TotalViewers)
		require.Equal(t, noon.Add(6*time.Second), b.EndedAt.Time)
		require.Len(t, watch.known, 1)
		require.Len(t, w.happened(), 3)
	})
}

func TestWhatNodesReportIsBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		channel := w.channel("demo")
		watch := newWatch(w.service())
		bad := w.session(channel)
		bad.Node, bad.Ingest.Protocol = "node\x00", "rtmp\xff\x00"
		bad.Viewers, bad.TotalViewers = -5, math.MaxInt
		bad.Ingest.FrameRate, bad.StartedAt = math.NaN(), noon.AddDate(100, 0, 0)
		w.set(bad, Sample{}, w.session(newID()))
		w.step(watch)
		w.step(watch)
		require.False(t, watch.failing)
		b := w.all(channel)[0]
		require.Zero(t, b.PeakViewers)
		require.EqualValues(t, math.MaxInt32, b.TotalViewers)
		require.LessOrEqual(t, b.DurationMs, int64(6000))
		w.exec("DELETE FROM channels WHERE id = $1", channel)
		w.step(watch)
		w.step(watch)
		require.False(t, watch.failing)
		w.set()
		w.step(watch)
		require.Empty(t, watch.known)

		many := make([]Sample, 2*maxWatched)
		for i := range many {
			many[i] = w.session(channel)
		}
		w.set(many...)
		watch.look()
		require.Len(t, watch.known, maxWatched)
		w.set(w.session(channel))
		watch.look()
		watch.look()
		require.Len(t, watch.known, 1, "room is made for those who are on air")
	})
}

// TestASessionThatCannotBeWrittenDownHoldsNobodyUp has a webhook that cannot be told.
func TestASessionThatCannotBeWrittenDownHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		bad, good := w.channel("bad"), w.channel("good")
		watch := newWatch(w.service())
		watch.s.cfg.Hooks = failingHooks{w, bad}
		stolen := w.session(bad)
		w.set(w.session(bad), w.session(good))
		w.step(watch)
		stolen.ID = w.onAir[1].ID // that of the good one
		require.Empty(t, w.all(bad))
		require.Equal(t, OnAir, w.all(good)[0].State)
		watch.s.cfg.Hooks = w
		for range 25 {
			w.step(watch)
		}
		require.Equal(t, OnAir, w.all(bad)[0].State, "it is tried again")
		_, err := watch.s.WentLive(t.Context(), stolen.Session, noon)
		require.ErrorIs(t, err, errReplaced)
	})
}

type failingHooks struct {
	Hooks

	channel uuid.UUID
}

func (f failingHooks) Fire(ctx context.Context, tx *db.Tx, channel uuid.UUID, event string, payload any) error {
	if channel == f.channel {
		return errors.New("no")
	}
	return f.Hooks.Fire(ctx, tx, channel, event, payload)
}

func TestRunWritesDownWhatItKnowsWhenItIsToldToStop(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		channel := w.channel("demo")
		s := w.service()
		s.cfg.FlushEvery = time.Millisecond
		w.set(w.session(channel))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		require.Eventually(t, func() bool { return len(w.all(channel)) == 1 }, 10*time.Second, 5*time.Millisecond)
		w.set()
		stop()
		require.NoError(t, <-done)
		sessions, err := s.Sessions(auth.WithAccess(t.Context(), auth.Access{BroadcastID: w.all(channel)[0].ID}), "", 1)
		require.NoError(t, err)
		require.NotNil(t, sessions.Items[0].EndedAt)
	})
}
