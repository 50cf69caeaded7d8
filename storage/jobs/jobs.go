package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"bandstand/storage/db"
)

// Config is what Jobs needs. Fields without a default are required.
type Config struct {
	DB *db.DB
	// Workers are the kinds of jobs that this node does. Without any it only hands
	// jobs to others.
	Workers []Worker
	// Periodic are jobs that come by the clock; see Every.
	Periodic []*river.PeriodicJob
	// Queues says how many jobs of each queue this node does at once; four of the
	// queue "default" if nil.
	Queues map[string]int
	// JobTimeout ends the context of a job of a worker that has no timeout of its
	// own; 2 min if zero. On Postgres a job whose node died runs again a minute or
	// two after its time is over; on SQLite as soon as the program is back.
	JobTimeout time.Duration
	// StopTimeout is how long jobs may go on after Run is told to stop, before
	// their contexts end; 10s if zero.
	StopTimeout time.Duration
	// Backoff is the wait after a job's attempt (from 1) has failed; the attempt to
	// the power of four, in seconds, if nil.
	Backoff    func(attempt int) time.Duration
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (cfg *Config) validate() error {
	var errs []error
	if cfg.DB == nil {
		errs = append(errs, errors.New("a database is needed"))
	}
	if cfg.Logger == nil {
		errs = append(errs, errors.New("a logger is needed"))
	}
	if cfg.Registerer == nil {
		errs = append(errs, errors.New("a registerer is needed"))
	}
	if len(cfg.Periodic) > 0 && len(cfg.Workers) == 0 {
		errs = append(errs, errors.New("periodic jobs need workers"))
	}
	if cfg.Queues == nil {
		cfg.Queues = map[string]int{river.QueueDefault: 4}
	}
	if cfg.JobTimeout == 0 {
		cfg.JobTimeout = 2 * time.Minute
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = 10 * time.Second
	}
	if cfg.JobTimeout < 0 || cfg.StopTimeout < 0 {
		errs = append(errs, errors.New("a timeout is negative"))
	}
	return errors.Join(errs...)
}

// stuckAfter is how much longer than its timeout a job may seem to run before its
// node counts as dead and another takes the job up.
const stuckAfter = time.Minute

// Jobs keeps jobs in the database and does those that it has workers for.
type Jobs struct {
	db          *db.DB
	log         *slog.Logger
	metrics     *metrics
	inserter    client
	worker      client // nil without workers
	stopTimeout time.Duration
	hangs       time.Duration // after stopTimeout, until Run gives up
}

// Open brings the tables of jobs in cfg.DB up to date and returns a Jobs that does
// nothing until Run is called. The database stays the caller's and must outlive Run.
func Open(ctx context.Context, cfg Config) (*Jobs, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	if _, err := Migrate(ctx, cfg.DB); err != nil {
		return nil, err
	}
	m := newMetrics(cfg.Registerer, cfg.Workers)
	j := &Jobs{
		db: cfg.DB, log: cfg.Logger, metrics: m,
		stopTimeout: cfg.StopTimeout, hangs: 5 * time.Second,
	}
	base := river.Config{
		Logger:               slog.New(&riverLog{to: cfg.Logger.Handler(), repeats: newRepeats()}),
		JobTimeout:           cfg.JobTimeout,
		RescueStuckJobsAfter: cfg.JobTimeout + stuckAfter,
		SoftStopTimeout:      cfg.StopTimeout,
		ErrorHandler:         failures{log: cfg.Logger},
		Plugins:              []rivertype.Plugin{&counting{metrics: m}},
	}
	if cfg.Backoff != nil {
		base.RetryPolicy = backoff(cfg.Backoff)
	}
	if len(cfg.Workers) > 0 {
		base.Workers = river.NewWorkers()
		for _, w := range cfg.Workers {
			if err := w.add(base.Workers); err != nil {
				return nil, fmt.Errorf("jobs: %w", err)
			}
		}
	}
	var err error
	if j.inserter, err = newClient(cfg.DB, base); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	if base.Workers == nil {
		return j, nil
	}
	base.PeriodicJobs = cfg.Periodic
	base.Queues = make(map[string]river.QueueConfig, len(cfg.Queues))
	for name, n := range cfg.Queues {
		base.Queues[name] = river.QueueConfig{MaxWorkers: n}
	}
	if j.worker, err = newClient(cfg.DB, base); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return j, nil
}

// Insert adds a job in tx: it runs once tx is committed, and never if it is rolled
// back. opts may be nil. A job that opts say is unique, and is there already, is not
// added, without an error.
func (j *Jobs) Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	if err := j.inserter.insert(ctx, tx, args, opts); err != nil {
		return fmt.Errorf("jobs: insert %s: %w", args.Kind(), err)
	}
	return nil
}

// Run does jobs until ctx ends, waits for those under way, and returns nil when the
// last has ended. While the database cannot be reached no job starts; Run goes on
// trying. It returns an error only if a job does not end when it must.
func (j *Jobs) Run(ctx context.Context) error {
	if j.worker == nil {
		<-ctx.Done()
		return nil
	}
	if !j.start(ctx) {
		return nil
	}
	<-ctx.Done()
	late := time.NewTimer(j.stopTimeout + j.hangs)
	defer late.Stop()
	select {
	case <-j.worker.Stopped():
		return nil
	case <-late.C:
		return errors.New("jobs: work goes on though it was told to stop")
	}
}

// start begins to work as soon as the database answers. It returns false if ctx
// ends before.
func (j *Jobs) start(ctx context.Context) bool {
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		err := j.takeUp(ctx)
		if err == nil {
			err = j.worker.Start(ctx)
		}
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		j.log.WarnContext(ctx, "jobs wait for the database", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
	return false
}
