package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/mail"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
)

// WorkerConfig is what a Worker needs. Fields without a default are required.
type WorkerConfig struct {
	Seal   *Seal
	Sender Sender
	// BaseURL is how people reach this server, such as https://live.example.org:
	// links begin with it.
	BaseURL string
	// From is the sender's address, with or without a name: the name of the instance
	// if it has none.
	From string
	// Instance returns the name of this server; "Bandstand" if nil.
	Instance   func(context.Context) string
	Timeout    time.Duration    // of one attempt; 1 min if zero
	Retry      time.Duration    // wait after the first failed attempt, then twice as long each time; 15s if zero
	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Worker sends the mails of an Outbox.
type Worker struct {
	river.WorkerDefaults[Job]

	cfg     WorkerConfig
	base    *url.URL
	from    *mail.Address
	metrics *prometheus.CounterVec
}

// Outcomes of an attempt to send, for the metrics.
const (
	outcomeSent    = "sent"
	outcomeRetried = "retried" // the server could not be reached, or asked to come again
	outcomeGivenUp = "given_up"
	outcomeRefused = "refused" // for good
	outcomeExpired = "expired"
	outcomeBroken  = "broken" // cannot be opened or rendered
)

// NewWorker returns a Worker.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	var errs []error
	for name, missing := range map[string]bool{
		"Seal": cfg.Seal == nil, "Sender": cfg.Sender == nil, "Logger": cfg.Logger == nil, "Registerer": cfg.Registerer == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", name))
		}
	}
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		errs = append(errs, err)
	}
	from, err := mail.ParseAddress(cfg.From)
	if err != nil || !isAddress(from.Address) {
		errs = append(errs, errors.New("the sender is not a mail address"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if cfg.Instance == nil {
		cfg.Instance = func(context.Context) string { return "Bandstand" }
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Retry == 0 {
		cfg.Retry = 15 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	w := &Worker{cfg: cfg, base: base, from: from, metrics: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bandstand_mail_attempts_total",
		Help: "Attempts to send a mail, by outcome.",
	}, []string{"outcome"})}
	for _, outcome := range []string{outcomeSent, outcomeRetried, outcomeGivenUp, outcomeRefused, outcomeExpired, outcomeBroken} {
		w.metrics.WithLabelValues(outcome)
	}
	if err := cfg.Registerer.Register(w.metrics); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return w, nil
}

// Work implements river.Worker: it sends one mail. A mail that the server refuses
// for good, that has expired or cannot be made is not tried again.
func (w *Worker) Work(ctx context.Context, job *river.Job[Job]) error {
	e, err := w.cfg.Seal.open(job.Args)
	if err != nil {
		return w.end(ctx, job, outcomeBroken, err)
	}
	m := e.Message
	if m.To == "" {
		return nil
	}
	if !m.Until.IsZero() && w.cfg.Now().After(m.Until) {
		return w.end(ctx, job, outcomeExpired, errors.New("mail: it is no longer worth sending"))
	}
	msg, err := w.compose(ctx, e)
	if err != nil {
		return w.end(ctx, job, outcomeBroken, err)
	}
	err = w.cfg.Sender.Send(ctx, msg)
	switch _, refused := errors.AsType[*RefusedError](err); {
	case err == nil:
		w.metrics.WithLabelValues(outcomeSent).Inc()
		w.cfg.Logger.InfoContext(ctx, "mail sent", "template", m.Template, "mail", e.ID)
		return nil
	case refused:
		return w.end(ctx, job, outcomeRefused, err)
	case job.JobRow != nil && job.Attempt >= job.MaxAttempts:
		w.metrics.WithLabelValues(outcomeGivenUp).Inc()
	default:
		w.metrics.WithLabelValues(outcomeRetried).Inc()
	}
	return err
}

// end says that the job is not to be tried again.
func (w *Worker) end(ctx context.Context, job *river.Job[Job], outcome string, err error) error {
	w.metrics.WithLabelValues(outcome).Inc()
	w.cfg.Logger.WarnContext(ctx, "mail not sent", "template", job.Args.Template, "outcome", outcome, "err", err)
	return river.JobCancel(err)
}

// NextRetry implements river.Worker: it waits twice as long each time, up to an
// hour, and a little more by chance, so that a server which was away is not run over.
func (w *Worker) NextRetry(job *river.Job[Job]) time.Time {
	wait := min(w.cfg.Retry<<min(max(0, job.Attempt-1), 20), time.Hour)
	return time.Now().Add(wait + rand.N(wait/4+1))
}

// Timeout implements river.Worker.
func (w *Worker) Timeout(*river.Job[Job]) time.Duration { return w.cfg.Timeout }
