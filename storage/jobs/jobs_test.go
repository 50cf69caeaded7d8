package jobs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestJobRunsIfItsTransactionCommits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ran := make(chan string, 10)
		j := open(t, d, Config{Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
			ran <- job.Args.Text
			return nil
		})}})
		run(t, j)
		refused := errors.New("refused")
		require.ErrorIs(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			require.NoError(t, j.Insert(t.Context(), tx, noteArgs{Text: "rolled back"}, nil))
			return refused
		}), refused)
		insert(t, d, j, noteArgs{Text: "committed"}, nil)
		require.Equal(t, "committed", next(t, ran))

		insert(t, d, j, noteArgs{Text: "last"}, nil)
		require.Equal(t, "last", next(t, ran), "the first is not there at all")
		require.EqualValues(t, 3, valueOf(t, j.metrics.inserted.WithLabelValues("test_note")))
		eventually(t, func() bool {
			return valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcomeCompleted)) == 2
		})
	})
}

func TestJobOutlivesItsProgram(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		reopen := func() *db.DB {
			d, err := db.Open(t.Context(), db.Config{URL: url})
			require.NoError(t, err)
			return d
		}
		d := reopen()
		j := open(t, d, Config{}) // hands jobs to others
		insert(t, d, j, noteArgs{Text: "kept"}, nil)
		require.NoError(t, d.Close())

		d = reopen()
		defer d.Close()
		ran := make(chan string, 10)
		j = open(t, d, Config{Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
			ran <- job.Args.Text
			return nil
		})}})
		stop := run(t, j)
		require.Equal(t, "kept", next(t, ran))
		stop()
	})
}

// TestJobThatWasKilledRunsAgain: on SQLite a job under way can only be one of a
// program that died.
func TestJobThatWasKilledRunsAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	ran := make(chan string, 10)
	j := open(t, d, Config{Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
		ran <- job.Args.Text
		return nil
	})}})
	insert(t, d, j, noteArgs{Text: "killed"}, nil)
	_, err := d.Writer().ExecContext(t.Context(),
		"UPDATE river_job SET state = 'running', attempt = 1, attempted_at = datetime('now')")
	require.NoError(t, err)
	run(t, j)
	require.Equal(t, "killed", next(t, ran))
}

func TestJobThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		log := &syncBuffer{}
		attempts := make(chan int, 10)
		var waits []int // one call at a time: there is one job
		j := open(t, d, Config{
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Backoff: func(attempt int) time.Duration {
				waits = append(waits, attempt)
				return time.Duration(attempt) * time.Millisecond
			},
			Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
				attempts <- job.Attempt
				switch job.Attempt {
				case 1:
					return errors.New("no route")
				case 2:
					panic("half way")
				}
				return nil
			})},
		})
		stop := run(t, j)
		insert(t, d, j, noteArgs{Text: "ada@example.org"}, nil)
		for want := 1; want <= 3; want++ {
			require.Equal(t, want, next(t, attempts))
		}
		stop()
		require.Equal(t, []int{1, 2}, waits)
		require.Contains(t, log.String(), `level=WARN msg="job failed" job=1 kind=test_note attempt=1 attempts=25 err="no route"`)
		require.Contains(t, log.String(), `level=ERROR msg="job panicked" job=1 kind=test_note attempt=2 attempts=25 panic="half way"`)
		require.NotContains(t, log.String(), "ada@example.org")
		require.EqualValues(t, 2, valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcomeFailed)))
		require.EqualValues(t, 1, valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcomeCompleted)))
	})
}

func TestJobIsGivenUpAtItsLastAttempt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		log := &syncBuffer{}
		j := open(t, d, Config{
			Logger:  slog.New(slog.NewTextHandler(log, nil)),
			Backoff: func(int) time.Duration { return 0 },
			Workers: []Worker{note(func(context.Context, *river.Job[noteArgs]) error { return errors.New("no route") })},
		})
		run(t, j)
		insert(t, d, j, noteArgs{}, &river.InsertOpts{MaxAttempts: 2})
		eventually(t, func() bool {
			return valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcomeGivenUp)) == 1
		})
		eventually(t, func() bool { return bytes.Contains([]byte(log.String()), []byte("job given up")) })
	})
}

func TestUniqueJobIsAddedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ran := make(chan string, 10)
		j := open(t, d, Config{Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
			ran <- job.Args.Text
			return nil
		})}})
		once := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
		for range 3 {
			insert(t, d, j, noteArgs{Text: "once"}, once)
		}
		insert(t, d, j, noteArgs{Text: "other"}, once)
		run(t, j)
		require.ElementsMatch(t, []string{"once", "other"}, []string{next(t, ran), next(t, ran)})
		insert(t, d, j, noteArgs{Text: "last"}, nil)
		require.Equal(t, "last", next(t, ran))
	})
}

// TestPeriodicJobRunsOnceInItsInterval, however often the program starts.
func TestPeriodicJobRunsOnceInItsInterval(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ran := make(chan string, 10)
		cfg := Config{
			Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
				ran <- job.Args.Text
				return nil
			})},
			Periodic: []*river.PeriodicJob{
				Every(24*time.Hour, noteArgs{Text: "daily"}),
				river.NewPeriodicJob(river.NeverSchedule(), func() (river.JobArgs, *river.InsertOpts) {
					return noteArgs{Text: "start"}, nil
				}, &river.PeriodicJobOpts{RunOnStart: true}),
			},
		}
		var got []string
		for _, want := range []int{2, 1} {
			stop := run(t, open(t, d, cfg))
			for range want {
				got = append(got, next(t, ran))
			}
			stop()
		}
		close(ran)
		for text := range ran {
			got = append(got, text)
		}
		require.ElementsMatch(t, []string{"daily", "start", "start"}, got)
	})
}

func TestNodesShareTheWork(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		const jobs = 40
		var ran [jobs]atomic.Int64
		var done atomic.Int64
		nodes := 2
		if url[:6] == "sqlite" {
			nodes = 1
		}
		var inserter *Jobs
		var first *db.DB
		for range nodes {
			d, err := db.Open(t.Context(), db.Config{URL: url})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			j := open(t, d, Config{Workers: []Worker{note(func(_ context.Context, job *river.Job[noteArgs]) error {
				ran[job.Args.Number].Add(1)
				done.Add(1)
				return nil
			})}})
			run(t, j)
			inserter, first = j, d
		}
		require.NoError(t, first.InTx(t.Context(), func(tx *db.Tx) error {
			for i := range jobs {
				if err := inserter.Insert(t.Context(), tx, noteArgs{Number: i}, nil); err != nil {
					return err
				}
			}
			return nil
		}))
		eventually(t, func() bool { return done.Load() >= jobs })
		for i := range ran {
			require.EqualValues(t, 1, ran[i].Load(), "job %d", i)
		}
	})
}

func TestStopLetsJobsEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		began, goOn := make(chan string, 1), make(chan struct{})
		j := open(t, d, Config{StopTimeout: time.Minute, Workers: []Worker{
			note(func(ctx context.Context, _ *river.Job[noteArgs]) error {
				began <- ""
				<-goOn
				return ctx.Err()
			}),
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- j.Run(ctx) }()
		insert(t, d, j, noteArgs{}, nil)
		next(t, began)
		cancel()
		select {
		case <-ended:
			t.Fatal("Run did not wait for its job")
		default:
		}
		close(goOn)
		require.NoError(t, next(t, ended))
		require.EqualValues(t, 1, valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcomeCompleted)))
	})
}

func TestStopInterruptsJobsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		began := make(chan string, 10)
		worker := note(func(ctx context.Context, _ *river.Job[noteArgs]) error {
			began <- ""
			<-ctx.Done()
			return ctx.Err()
		})
		cfg := Config{StopTimeout: time.Millisecond, Workers: []Worker{worker}}
		j := open(t, d, cfg)
		stop := run(t, j)
		insert(t, d, j, noteArgs{}, nil)
		next(t, began)
		stop()
		require.EqualValues(t, 1, valueOf(t, j.metrics.attempts.WithLabelValues("test_note", outcomeInterrupted)))

		run(t, open(t, d, cfg)) // it is taken up at once
		next(t, began)
	})
}

func TestRunGivesUpOnAJobThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	began, goOn := make(chan string, 10), make(chan struct{})
	j := open(t, d, Config{StopTimeout: time.Millisecond, Workers: []Worker{
		note(func(context.Context, *river.Job[noteArgs]) error {
			began <- ""
			<-goOn
			return nil
		}),
	}})
	j.hangs = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	insert(t, d, j, noteArgs{}, nil)
	next(t, began)
	cancel()
	require.ErrorContains(t, next(t, ended), "told to stop")
	close(goOn)
	<-j.worker.Stopped()
}

func TestNodesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		nodes := 4
		if url[:6] == "sqlite" {
			nodes = 1
		}
		errs := make([]error, nodes)
		var wg sync.WaitGroup
		for i := range nodes {
			wg.Go(func() {
				d, err := db.Open(t.Context(), db.Config{URL: url})
				if err == nil {
					_, err = Migrate(t.Context(), d)
					err = errors.Join(err, d.Close())
				}
				errs[i] = err
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	worker := note(func(context.Context, *river.Job[noteArgs]) error { return nil })
	full := Config{DB: d, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no database":              {func(c *Config) { c.DB = nil }, "database"},
		"no logger":                {func(c *Config) { c.Logger = nil }, "logger"},
		"no registerer":            {func(c *Config) { c.Registerer = nil }, "registerer"},
		"negative timeout":         {func(c *Config) { c.JobTimeout = -1 }, "timeout"},
		"one kind twice":           {func(c *Config) { c.Workers = []Worker{worker, worker} }, "test_note"},
		"queue without room":       {func(c *Config) { c.Workers = []Worker{worker}; c.Queues = map[string]int{"a": 0} }, "number of workers"},
		"periodic without workers": {func(c *Config) { c.Periodic = []*river.PeriodicJob{Every(time.Hour, noteArgs{})} }, "need workers"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := full
			cfg.Registerer = prometheus.NewRegistry()
			test.change(&cfg)
			_, err := Open(t.Context(), cfg)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestInsertRefusesAKindThatNobodyHereWorks(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := open(t, d, Config{Workers: []Worker{note(func(context.Context, *river.Job[noteArgs]) error { return nil })}})
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			require.ErrorContains(t, j.Insert(t.Context(), tx, otherArgs{}, nil), "test_other")
			return j.Insert(t.Context(), tx, noteArgs{}, nil) // tx goes on
		}))
	})
}
