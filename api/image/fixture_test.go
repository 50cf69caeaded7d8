package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	images "bandstand/api/image"
	"bandstand/storage/blob"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
	"bandstand/transcode/still/stilltest"
)

// rig is a server of images, whose jobs run when a test says so.
type rig struct {
	*apitest.Server

	t       *testing.T
	service *images.Service
	blobs   *faultyBlobs
	jobs    *queue
	clock   *clock
	files   *httptest.Server
}

func newRig(t *testing.T, d *db.DB, change ...func(*images.Config)) *rig {
	t.Helper()
	kept, err := blob.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kept.Close()) })
	r := &rig{t: t, blobs: &faultyBlobs{Store: kept}, jobs: &queue{}, clock: &clock{now: time.Now()}}
	log := &apitest.Log{}
	cfg := images.Config{
		DB: d, Blobs: r.blobs, Pictures: stilltest.Maker(), Jobs: r.jobs, Now: r.clock.time,
		Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	r.service, err = images.NewService(cfg)
	require.NoError(t, err)
	r.Server = apitest.New(t, d, []api.Feature{func(a huma.API) { images.Register(a, r.service) }})
	files, err := images.NewFiles(images.FilesConfig{Blobs: r.blobs, DB: d, Now: r.clock.time, Logger: cfg.Logger})
	require.NoError(t, err)
	r.files = httptest.NewServer(files)
	t.Cleanup(r.files.Close)
	return r
}

// put sends a picture and returns the id of the image.
func (r *rig) put(path, token string, picture []byte) uuid.UUID {
	r.t.Helper()
	reply := r.Send("PUT", path, token, bytes.NewReader(picture), "Content-Type", "image/png")
	require.Equal(r.t, http.StatusAccepted, reply.Status, reply.Text)
	require.Equal(r.t, "pending", reply.JSON["state"], reply.Text)
	id, err := uuid.Parse(reply.JSON["id"].(string))
	require.NoError(r.t, err)
	require.Equal(r.t, "/api/v1/images/"+id.String(), reply.Header.Get("Location"))
	return id
}

// state returns what the API says of an image.
func (r *rig) state(id uuid.UUID, token string) string {
	r.t.Helper()
	reply := r.Do("GET", "/api/v1/images/"+id.String(), token, "")
	if reply.Status == http.StatusNotFound {
		return "not found"
	}
	require.Equal(r.t, http.StatusOK, reply.Status, reply.Text)
	return reply.JSON["state"].(string)
}

// work does all jobs that are there, and those that they make, but not those for later.
func (r *rig) work() {
	r.t.Helper()
	for _, job := range r.jobs.take() {
		require.NoError(r.t, r.do(job.args, 1))
	}
}

// do does a job, at its attempt.
func (r *rig) do(args river.JobArgs, attempt int) error {
	row := &rivertype.JobRow{Attempt: attempt, MaxAttempts: 10}
	switch args := args.(type) {
	case images.MakeArgs:
		return r.service.Maker().Work(r.t.Context(), &river.Job[images.MakeArgs]{JobRow: row, Args: args})
	case images.CleanArgs:
		return r.service.Cleaner().Work(r.t.Context(), &river.Job[images.CleanArgs]{JobRow: row, Args: args})
	case images.SweepArgs:
		return r.service.Sweeper().Work(r.t.Context(), &river.Job[images.SweepArgs]{JobRow: row, Args: args})
	}
	return fmt.Errorf("no worker for %s", args.Kind())
}

// keys returns the keys of all blobs.
func (r *rig) keys() []string {
	r.t.Helper()
	keys := []string{}
	require.NoError(r.t, r.blobs.List(r.t.Context(), "", func(key string, _ int64, _ time.Time) error {
		keys = append(keys, key)
		return nil
	}))
	return keys
}

// file gets a file.
func (r *rig) file(method, path string, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.files.URL, http.NoBody)
	require.NoError(r.t, err)
	req.URL.Opaque = path // as it is
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp, body
}

func (r *rig) user(id uuid.UUID) store.User {
	r.t.Helper()
	user, err := r.DB.Read().UserByID(r.t.Context(), id)
	require.NoError(r.t, err)
	return user
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// queue keeps jobs until a test takes them.
type queue struct {
	mu   sync.Mutex
	jobs []queued // guarded by mu
	err  error    // guarded by mu
}

type queued struct {
	args river.JobArgs
	opts *river.InsertOpts
}

// Insert implements images.Jobs.
func (q *queue) Insert(_ context.Context, _ *db.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	if _, err := json.Marshal(args); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	q.jobs = append(q.jobs, queued{args, opts})
	return nil
}

// take returns the jobs that are there for now. Those for later are dropped.
func (q *queue) take() []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	var now []queued
	for _, job := range q.jobs {
		if job.opts == nil || job.opts.ScheduledAt.IsZero() {
			now = append(now, job)
		}
	}
	q.jobs = nil
	return now
}

func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
}

// faultyBlobs is a store that fails when a test says so.
type faultyBlobs struct {
	*blob.Store

	mu     sync.Mutex
	puts   int   // guarded by mu; that still succeed, if err is set
	err    error // guarded by mu
	onPut  func(key string)
	broken bool // guarded by mu; for reading too
}

var errBroken = errors.New("the disk is on fire")

// breakAfter lets puts fail after so many, and all else too.
func (b *faultyBlobs) breakAfter(puts int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts, b.err, b.broken = puts, errBroken, puts == 0
}

func (b *faultyBlobs) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.broken = nil, false
}

// Put implements images.Blobs.
func (b *faultyBlobs) Put(ctx context.Context, key, contentType string, r io.Reader) error {
	b.mu.Lock()
	err, onPut := b.err, b.onPut
	if err != nil && b.puts > 0 {
		b.puts--
		err = nil
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if onPut != nil {
		onPut(key)
	}
	return b.Store.Put(ctx, key, contentType, r)
}

// Get implements images.Blobs.
func (b *faultyBlobs) Get(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	b.mu.Lock()
	broken := b.broken
	b.mu.Unlock()
	if broken {
		return nil, errBroken
	}
	return b.Store.Get(ctx, key)
}

// Delete implements images.Blobs.
func (b *faultyBlobs) Delete(ctx context.Context, key string) error {
	b.mu.Lock()
	broken := b.broken
	b.mu.Unlock()
	if broken {
		return errBroken
	}
	return b.Store.Delete(ctx, key)
}
