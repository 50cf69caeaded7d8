package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestWorkGoesOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*dbtest.Proxy){
		"cut": (*dbtest.Proxy).Cut, "hanging": (*dbtest.Proxy).Hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, proxy := dbtest.Postgres(t)
			log := &syncBuffer{}
			ran := make(chan string, 10)
			j, d := openOutage(t, url, log, ran)
			run(t, j)
			insert(t, d, j, noteArgs{Text: "before"}, nil)
			require.Equal(t, "before", next(t, ran))
			breakIt(proxy)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := d.InTx(ctx, func(tx *db.Tx) error { return j.Insert(ctx, tx, noteArgs{Text: "during"}, nil) })
			require.True(t, db.IsUnavailable(err), "%v", err)
			if name == "cut" {
				eventually(t, func() bool { return strings.Contains(log.String(), `level=WARN msg="job queue"`) })
			}
			proxy.Restore()
			insert(t, d, j, noteArgs{Text: "after"}, nil)
			require.Equal(t, "after", next(t, ran))
			require.NotContains(t, log.String(), "level=ERROR")
		})
	}
}

func TestWorkBeginsOnceTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	log := &syncBuffer{}
	ran := make(chan string, 10)
	j, d := openOutage(t, url, log, ran)
	insert(t, d, j, noteArgs{Text: "before"}, nil)
	proxy.Cut()
	run(t, j)
	eventually(t, func() bool { return strings.Contains(log.String(), "jobs wait for the database") })
	require.Empty(t, ran)
	proxy.Restore()
	require.Equal(t, "before", next(t, ran))
}

func TestRunStopsDuringAnOutage(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	ran := make(chan string, 10)
	j, d := openOutage(t, url, &syncBuffer{}, ran)
	stop := run(t, j)
	insert(t, d, j, noteArgs{Text: "before"}, nil)
	next(t, ran)
	proxy.Cut()
	stop()
}

// TestLogOfTheQueueIsQuiet while the database is away for long.
func TestLogOfTheQueueIsQuiet(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
	h := &riverLog{to: slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}), repeats: newRepeats()}
	at := time.Unix(1_700_000_000, 0)
	say := func(level slog.Level, message string, after time.Duration) {
		r := slog.NewRecord(at.Add(after), level, message, 0)
		r.AddAttrs(slog.String("error", "refused"))
		require.NoError(t, h.Handle(t.Context(), r))
	}
	for second := range 25 {
		say(slog.LevelError, "producer.producer: Error fetching jobs", time.Duration(second)*time.Second)
	}
	say(slog.LevelInfo, "River client started", 0)
	say(slog.LevelError, "jobexecutor.JobExecutor: panic recovery; possible bug with Worker", 0)
	require.Equal(t, 3, strings.Count(log.String(), `level=WARN msg="job queue" event="producer.producer: Error fetching jobs" err=refused`))
	require.Equal(t, 1, strings.Count(log.String(), `level=DEBUG msg="job queue" event="River client started"`))
	require.NotContains(t, log.String(), "panic")
	for i := range 1000 {
		h.repeats.isNew(strings.Repeat("x", i), at)
	}
	require.Less(t, len(h.repeats.last), 200)
}

func TestErrorsThatAreNoFailures(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		log := &syncBuffer{}
		ran := make(chan string, 10)
		j := open(t, d, Config{
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
				ran <- job.Args.Text
				switch {
				case job.Args.Text == "cancel":
					return river.JobCancel(errors.New("nobody wants it"))
				case job.Metadata == nil || !strings.Contains(string(job.Metadata), "snoozes"):
					return river.JobSnooze(time.Millisecond)
				}
				return nil
			})},
		})
		stop := run(t, j)
		insert(t, d, j, noteArgs{Text: "cancel"}, nil)
		require.Equal(t, "cancel", next(t, ran))
		insert(t, d, j, noteArgs{Text: "snooze"}, nil)
		require.Equal(t, []string{"snooze", "snooze"}, []string{next(t, ran), next(t, ran)})
		stop()
		for outcome, want := range map[string]float64{
			outcomeCancelled: 1, outcomeSnoozed: 1, outcomeCompleted: 1, outcomeFailed: 0,
		} {
			require.InDelta(t, want, valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcome)), 0, outcome)
		}
		require.NotContains(t, log.String(), "job failed")
	})
}

func openOutage(t *testing.T, url string, log *syncBuffer, ran chan<- string) (*Jobs, *db.DB) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	j := open(t, d, Config{
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
			ran <- job.Args.Text
			return nil
		})},
	})
	return j, d
}
