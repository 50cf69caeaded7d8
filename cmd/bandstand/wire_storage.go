package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"

	"bandstand/api/webhook"
	"bandstand/configs"
	"bandstand/storage/blob"
	"bandstand/storage/db"
	"bandstand/storage/jobs"
)

// stores is what a process with the role api remembers things in.
type stores struct {
	db    *db.DB
	redis redis.UniversalClient // nil if every process counts for itself
	files *blob.Store
	queue queue
}

// openStorage opens the database, the store of files and Redis. Redis need not
// answer: what it is for goes on without it.
func (a *app) openStorage(ctx context.Context) error {
	if !a.cfg.Has(configs.RoleAPI) {
		return nil
	}
	database, err := db.Open(ctx, db.Config{URL: a.databaseURL(), MaxConns: a.cfg.DB.MaxConnections, Logger: a.log})
	if err != nil {
		return fmt.Errorf("db.url: %w", err)
	}
	a.closers = append(a.closers, database.Close)
	a.serving = append(a.serving, database.Listen)

	files := a.cfg.Files.URL.Reveal()
	if files == "" {
		files = a.dataFile("files")
	}
	store, err := blob.Open(ctx, files)
	if err != nil {
		return fmt.Errorf("files.url: %w", err)
	}
	a.closers = append(a.closers, store.Close)
	a.stores = &stores{db: database, files: store}
	return a.openRedis(ctx)
}

func (a *app) openRedis(ctx context.Context) error {
	url := a.cfg.Redis.URL.Reveal()
	if url == "" {
		return nil
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return errors.New("redis.url: it is not like redis://user:password@host:6379/0") // the error could show the password
	}
	redis.SetLogger(redisLog{a.log})
	client := redis.NewClient(options)
	a.closers = append(a.closers, client.Close)
	a.stores.redis = client
	if err := client.Ping(ctx).Err(); err != nil {
		a.log.WarnContext(ctx, "redis does not answer: until it does, this process counts for itself", "err", err)
	}
	return nil
}

// redisLog is what the client of Redis says of its connections: those who use it say
// what that means.
type redisLog struct{ log *slog.Logger }

// Printf implements the client's logging interface.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis client", "says", fmt.Sprintf(format, args...))
}

// databaseURL returns where the database is.
func (a *app) databaseURL() string { return databaseURL(a.cfg) }

func databaseURL(cfg configs.Config) string {
	if url := cfg.DB.URL.Reveal(); url != "" {
		return url
	}
	return "sqlite:" + dataFile(cfg, "bandstand.db")
}

// queue takes jobs for workers that are made later: services hand jobs to it, and
// it does not exist before the services whose workers it has.
type queue struct{ jobs *jobs.Jobs }

// Insert adds a job in tx.
func (q *queue) Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	return q.jobs.Insert(ctx, tx, args, opts)
}

// pictureQueue is where pictures wait: they take a core each, and mails do not.
const pictureQueue = "pictures"

// openJobs starts the work of the services, as the last that is opened.
func (a *app) openJobs(ctx context.Context) error {
	if a.api == nil {
		return nil
	}
	work, err := jobs.Open(ctx, jobs.Config{
		DB:         a.stores.db,
		Workers:    slices.Concat(a.api.workers...),
		Periodic:   slices.Concat(a.api.periodic...),
		Queues:     map[string]int{river.QueueDefault: 8, pictureQueue: 1, webhook.Queue: 4},
		Logger:     a.log,
		Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.stores.queue.jobs = work
	a.serving = append(a.serving, work.Run)
	return nil
}
