package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// metrics counts by kind; kinds are those that workers in code name, and "other".
type metrics struct {
	kinds    map[string]bool
	inserted *prometheus.CounterVec
	attempts *prometheus.CounterVec
	running  prometheus.Gauge
	duration *prometheus.HistogramVec
	wait     prometheus.Histogram
}

const otherKind = "other"

// How an attempt at a job may end.
const (
	outcomeCompleted   = "completed"
	outcomeFailed      = "failed" // it is tried again
	outcomeGivenUp     = "given_up"
	outcomeCancelled   = "cancelled" // by its worker
	outcomeSnoozed     = "snoozed"
	outcomeInterrupted = "interrupted" // the node stops; it is tried again
)

func newMetrics(r prometheus.Registerer, workers []Worker) *metrics {
	m := &metrics{
		kinds: map[string]bool{otherKind: true},
		inserted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_jobs_inserted_total",
			Help: "Jobs written to the database, by kind; those of transactions that were rolled back count too.",
		}, []string{"kind"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_jobs_attempts_total",
			Help: "Attempts at jobs on this node, by kind and outcome.",
		}, []string{"kind", "outcome"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_jobs_running",
			Help: "Jobs that this node does now.",
		}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "bandstand_jobs_duration_seconds",
			Help:    "Time that an attempt at a job took, by kind.",
			Buckets: []float64{0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600},
		}, []string{"kind"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bandstand_jobs_wait_seconds",
			Help:    "Time from when a job was due until this node began it.",
			Buckets: []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600},
		}),
	}
	for _, w := range workers {
		m.kinds[w.kind] = true
	}
	for kind := range m.kinds { // they are there from the start
		m.inserted.WithLabelValues(kind)
		for _, outcome := range []string{
			outcomeCompleted, outcomeFailed, outcomeGivenUp, outcomeCancelled, outcomeSnoozed, outcomeInterrupted,
		} {
			m.attempts.WithLabelValues(kind, outcome)
		}
	}
	r.MustRegister(m.inserted, m.attempts, m.running, m.duration, m.wait)
	return m
}

func (m *metrics) kind(kind string) string {
	if m.kinds[kind] {
		return kind
	}
	return otherKind
}

// counting is the part of River that counts.
type counting struct {
	river.PluginDefaults

	metrics *metrics
}

// InsertMany counts jobs as they are written.
func (c *counting) InsertMany(
	ctx context.Context, _ []*rivertype.JobInsertParams, do func(context.Context) ([]*rivertype.JobInsertResult, error),
) ([]*rivertype.JobInsertResult, error) {
	results, err := do(ctx)
	for _, r := range results {
		if err == nil && !r.UniqueSkippedAsDuplicate {
			c.metrics.inserted.WithLabelValues(c.metrics.kind(r.Job.Kind)).Inc()
		}
	}
	return results, err
}

// Work counts an attempt at a job and measures it. A panic passes through.
func (c *counting) Work(ctx context.Context, job *rivertype.JobRow, do func(context.Context) error) error {
	kind, start := c.metrics.kind(job.Kind), time.Now()
	c.metrics.wait.Observe(max(0, start.Sub(job.ScheduledAt).Seconds()))
	c.metrics.running.Inc()
	err := errPanicked // unless do returns
	defer func() {
		c.metrics.running.Dec()
		c.metrics.duration.WithLabelValues(kind).Observe(time.Since(start).Seconds())
		c.metrics.attempts.WithLabelValues(kind, outcomeOf(ctx, job, err)).Inc()
	}()
	err = do(ctx)
	return err
}

var errPanicked = errors.New("panicked")

func outcomeOf(ctx context.Context, job *rivertype.JobRow, err error) string {
	switch {
	case err == nil:
		return outcomeCompleted
	case errors.Is(err, &rivertype.JobSnoozeError{}):
		return outcomeSnoozed
	case errors.Is(err, &rivertype.JobCancelError{}):
		return outcomeCancelled
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return outcomeInterrupted
	case job.Attempt >= job.MaxAttempts:
		return outcomeGivenUp
	}
	return outcomeFailed
}
