package broadcast

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Audience measures who watches. It answers from memory.
type Audience interface {
	// Count returns how many watch a channel now, and how many of these only listen.
	Count(slug string) (viewers, listeners int)
	// Take returns how many watch a session on a channel now, the most at one time since
	// it was last asked for, and how many different ones its broadcast has had as far as
	// this process knows. It calls each with the most at one time in the minutes since
	// then; the last one is not over, and comes again. A broadcast that is not known yet
	// is uuid.Nil.
	Take(slug string, session, broadcast uuid.UUID, each func(minute time.Time, viewers, listeners int)) (viewers, listeners, peak, total int)
}

const (
	// maxMinutes bounds the minutes of a session that could not be written down.
	maxMinutes = 24 * 60
	// curvePage is how many minutes are shown at a time.
	curvePage = 24 * 60
)

// turnout is how many watch a session, as it is to be written down.
type turnout struct {
	viewers, peak, total int
	minutes              []AudienceMinute
}

// AudienceMinute is how many watched within a minute.
type AudienceMinute struct {
	At        time.Time `json:"at" doc:"Beginning of the minute." example:"2027-03-01T19:00:00Z"`
	Viewers   int64     `json:"viewers" doc:"Most at one time." example:"120"`
	Listeners int64     `json:"listeners" doc:"How many of these heard audio only." example:"3"`
}

// measure notes how many watch k, whose latest sample is of now.
func (k *watched) measure(audience Audience, now time.Time) {
	if audience == nil { // what its node says is all that is known
		k.crowd.saw(k.sample.Viewers, k.sample.Viewers, k.sample.TotalViewers)
		k.crowd.minute(now.Truncate(time.Minute), k.sample.Viewers, 0)
		return
	}
	viewers, _, peak, total := audience.Take(k.sample.Slug, k.sample.ID, k.broadcast, k.crowd.minute)
	k.crowd.saw(viewers, max(viewers, peak), max(total, k.sample.TotalViewers))
}

func (t *turnout) saw(viewers, peak, total int) {
	t.viewers, t.peak, t.total = viewers, max(t.peak, peak), max(t.total, total)
}

// minute notes how many watched in a minute. It may come again with more.
func (t *turnout) minute(at time.Time, viewers, listeners int) {
	next := AudienceMinute{at.UTC(), int64(viewers), int64(listeners)}
	if n := len(t.minutes); n > 0 && t.minutes[n-1].At.Equal(next.At) {
		if last := &t.minutes[n-1]; next.Viewers > last.Viewers {
			*last = next
		}
		return
	}
	if len(t.minutes) >= maxMinutes {
		t.minutes = slices.Delete(t.minutes, 0, 1)
	}
	t.minutes = append(t.minutes, next)
}

// over returns the minutes that were before now.
func (t *turnout) over(now time.Time) []AudienceMinute {
	n := len(t.minutes)
	if n > 0 && t.minutes[n-1].At.Equal(now.UTC().Truncate(time.Minute)) {
		n--
	}
	return t.minutes[:n]
}

// saveMinutes writes minutes of a broadcast that is there. What is written of one
// already stays if it is more: other nodes may have seen more, or this one before it
// was started again.
func saveMinutes(ctx context.Context, tx *db.Tx, broadcast uuid.UUID, minutes []AudienceMinute) error {
	for _, m := range minutes {
		err := tx.SaveBroadcastMinute(ctx, store.SaveBroadcastMinuteParams{
			BroadcastID: broadcast, Minute: column.At(m.At), Viewers: m.Viewers, Listeners: m.Listeners,
		})
		if err != nil {
			return fmt.Errorf("save a minute: %w", err)
		}
	}
	return nil
}

// Curve is the audience of a broadcast over time.
type Curve struct {
	Broadcast
	Minutes []AudienceMinute
	Next    time.Time // where it goes on; zero at its end
}

// Curve returns the audience of the broadcast that an operation is about, by the minute
// from one on: a day at most at a time.
func (s *Service) Curve(ctx context.Context, from time.Time) (Curve, error) {
	b, err := s.Get(ctx)
	if err != nil {
		return Curve{}, err
	}
	rows, err := s.cfg.DB.Read().BroadcastMinutes(ctx, store.BroadcastMinutesParams{
		BroadcastID: b.ID, Since: column.At(from), Most: curvePage + 1,
	})
	if err != nil {
		return Curve{}, fmt.Errorf("broadcast: read its audience: %w", err)
	}
	c := Curve{Broadcast: b, Minutes: []AudienceMinute{}}
	for i, row := range rows {
		if i == curvePage {
			c.Next = row.Minute.Time
			break
		}
		c.Minutes = append(c.Minutes, AudienceMinute{row.Minute.Time, row.Viewers, row.Listeners})
	}
	return c, nil
}
