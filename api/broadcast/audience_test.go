package broadcast

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

// crowd is an Audience of one channel that tests fill.
type crowd struct {
	viewers, listeners, peak, total int
	minutes                         []AudienceMinute
	asked                           []uuid.UUID // about which broadcasts
}

func (c *crowd) Count(string) (viewers, listeners int) { return c.viewers, c.listeners }

func (c *crowd) Take(_ string, _, broadcast uuid.UUID, each func(time.Time, int, int)) (viewers, listeners, peak, total int) {
	c.asked = append(c.asked, broadcast)
	for _, m := range c.minutes {
		each(m.At, int(m.Viewers), int(m.Listeners))
	}
	c.minutes = c.minutes[max(0, len(c.minutes)-1):]
	return c.viewers, c.listeners, c.peak, c.total
}

func TestAudienceIsKeptWithItsBroadcast(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		audience := &crowd{}
		start := func() (*Service, *watch) {
			s := w.service()
			s.cfg.Audience = audience
			return s, newWatch(s)
		}
		s, watch := start()
		channel := w.channel("demo")
		sample := w.session(channel)
		sample.Viewers, sample.TotalViewers = 3, 3 // what its node sees alone
		w.set(sample)
		*audience = crowd{viewers: 2, listeners: 1, peak: 5, total: 7, minutes: []AudienceMinute{{noon, 5, 2}}}
		w.step(watch)
		b := w.all(channel)[0]
		require.EqualValues(t, 2, b.Viewers)
		require.EqualValues(t, 5, b.PeakViewers, "higher than at any look")
		require.EqualValues(t, 7, b.TotalViewers)
		curve := func(from time.Time) ([]AudienceMinute, time.Time) {
			ctx := auth.WithAccess(t.Context(), auth.Access{BroadcastID: b.ID})
			c, err := s.Curve(ctx, from)
			require.NoError(t, err)
			return c.Minutes, c.Next
		}
		minutes, _ := curve(time.Time{})
		require.Empty(t, minutes, "it is not over")

		w.advance(time.Minute)
		audience.minutes = []AudienceMinute{{noon, 6, 2}, {noon.Add(time.Minute), 1, 1}}
		audience.peak, audience.total = 1, 8
		w.step(watch)
		minutes, _ = curve(time.Time{})
		require.Equal(t, []AudienceMinute{{noon, 6, 2}}, minutes)
		require.EqualValues(t, 5, w.get(b.ID).PeakViewers)
		require.Equal(t, []uuid.UUID{uuid.Nil, b.ID}, audience.asked)

		// The program ends and starts again within a minute, and knows nobody any more.
		watch.last(t.Context())
		minutes, _ = curve(noon.Add(time.Minute))
		require.Equal(t, []AudienceMinute{{noon.Add(time.Minute), 1, 1}}, minutes)
		*audience = crowd{viewers: 4, peak: 4, total: 4, minutes: []AudienceMinute{{noon.Add(time.Minute), 4, 0}}}
		s, watch = start()
		w.step(watch)
		w.set()
		w.step(watch)
		b = w.get(b.ID)
		require.Zero(t, b.Viewers)
		require.EqualValues(t, 8, b.TotalViewers, "rather too few than twice the same")
		minutes, _ = curve(time.Time{})
		require.Equal(t, []AudienceMinute{{noon, 6, 2}, {noon.Add(time.Minute), 4, 0}}, minutes, "its last minute too")

		// Another node saw less of a minute.
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			return saveMinutes(t.Context(), tx, b.ID, []AudienceMinute{{noon, 3, 3}})
		}))
		minutes, _ = curve(time.Time{})
		require.Equal(t, AudienceMinute{noon, 6, 2}, minutes[0])

		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			var many []AudienceMinute
			for n := range curvePage {
				many = append(many, AudienceMinute{noon.Add(time.Duration(n) * time.Minute), 1, 0})
			}
			return saveMinutes(t.Context(), tx, b.ID, append(many, AudienceMinute{noon.AddDate(0, 0, 2), 1, 1}))
		}))
		minutes, next := curve(time.Time{})
		require.Len(t, minutes, curvePage)
		require.Equal(t, noon.AddDate(0, 0, 2), next)
		minutes, next = curve(next)
		require.Equal(t, []AudienceMinute{{noon.AddDate(0, 0, 2), 1, 1}}, minutes)
		require.Zero(t, next)
	})
}

// TestMinutesThatCannotBeWrittenAreBounded keeps those of a day.
func TestMinutesThatCannotBeWrittenAreBounded(t *testing.T) {
	t.Parallel()
	var c turnout
	for n := range maxMinutes + 5 {
		at := noon.Add(time.Duration(n) * time.Minute)
		c.minute(at, n, 0)
		c.minute(at, 1, 1)
	}
	require.Len(t, c.minutes, maxMinutes)
	last := c.minutes[maxMinutes-1]
	require.EqualValues(t, maxMinutes+4, last.Viewers)
	require.Len(t, c.over(last.At.Add(30*time.Second)), maxMinutes-1)
	require.Len(t, c.over(last.At.Add(time.Minute)), maxMinutes)
}

func TestNumberOfViewersIsWhatIsCountedNow(t *testing.T) {
	t.Parallel()
	s := newWorld(t, nil)
	svc := &Service{cfg: Config{Now: s.clock, Audience: &crowd{viewers: 3, listeners: 1}}}
	b := &Broadcast{}
	b.State, b.Viewers, b.SeenAt = OnAir, 2, column.Maybe(noon)
	viewers, listeners := svc.watching(b)
	require.EqualValues(t, 3, viewers)
	require.EqualValues(t, 1, listeners)
	svc.cfg.Audience = &crowd{}
	viewers, _ = svc.watching(b)
	require.EqualValues(t, 2, viewers, "its node knows more")
	b.State = Ended
	viewers, _ = svc.watching(b)
	require.Zero(t, viewers)
}
