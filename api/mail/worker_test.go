package mail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/jobs"
)

// kept are jobs that wait for a test.
type kept struct{ jobs []Job }

func (k *kept) Insert(_ context.Context, _ *db.Tx, args river.JobArgs, _ *river.InsertOpts) error {
	k.jobs = append(k.jobs, args.(Job))
	return nil
}

func queue(t *testing.T, m Message) Job {
	t.Helper()
	k := &kept{}
	out, err := NewOutbox(k, newSeal(t))
	require.NoError(t, err)
	require.NoError(t, out.Queue(t.Context(), nil, m))
	require.Len(t, k.jobs, 1)
	return k.jobs[0]
}

func attempt(j Job, n int) *river.Job[Job] {
	return &river.Job[Job]{JobRow: &rivertype.JobRow{Attempt: n, MaxAttempts: maxAttempts}, Args: j}
}

// answering is a Sender that answers with an error, or nil, and counts.
type answering struct {
	err  error
	sent []*gomail.Msg
}

func (a *answering) Send(_ context.Context, msg *gomail.Msg) error {
	a.sent = append(a.sent, msg)
	return a.err
}

func count(t *testing.T, w *Worker, outcome string) float64 {
	t.Helper()
	var m dto.Metric
	require.NoError(t, w.metrics.WithLabelValues(outcome).Write(&m))
	return m.GetCounter().GetValue()
}

func aMessage() Message {
	return Message{To: "ada@example.org", Template: ResetPassword, Data: example, Until: noon.Add(time.Hour)}
}

func TestJobsAreSealed(t *testing.T) {
	t.Parallel()
	j := queue(t, aMessage())
	for _, secret := range []string{"ada", "SECRET", "token"} {
		require.NotContains(t, j.Box, secret)
	}
	require.Equal(t, ResetPassword, j.Template)
	require.Equal(t, "mail", j.Kind())

	e, err := newSeal(t).open(j)
	require.NoError(t, err)
	require.Equal(t, aMessage(), e.Message)

	other, err := NewSeal([]byte("another key of thirty-two bytes."))
	require.NoError(t, err)
	_, err = other.open(j)
	require.ErrorIs(t, err, errSealed)
	rotated, err := NewSeal([]byte("another key of thirty-two bytes."), []byte(strings.Repeat("s", 32)))
	require.NoError(t, err)
	_, err = rotated.open(j)
	require.NoError(t, err, "jobs from before the secret changed")

	swapped := j
	swapped.Template = ConfirmEmail
	_, err = newSeal(t).open(swapped)
	require.ErrorIs(t, err, errSealed)
	_, err = newSeal(t).open(Job{Template: ResetPassword, Box: "%"})
	require.ErrorIs(t, err, errSealed)
	_, err = NewSeal([]byte("short"))
	require.Error(t, err)
}

func TestWhatBecomesOfAMail(t *testing.T) {
	t.Parallel()
	later := errors.New("connection refused")
	for name, test := range map[string]struct {
		change  func(*Message)
		job     func(*river.Job[Job])
		answer  error
		outcome string // "" for nothing counted
		sent    int
		cancel  bool
		retry   bool
	}{
		"sent":           {outcome: outcomeSent, sent: 1},
		"to nobody":      {change: func(m *Message) { m.To = "" }},
		"server is away": {answer: later, outcome: outcomeRetried, sent: 1, retry: true},
		"last attempt":   {answer: later, job: func(j *river.Job[Job]) { j.Attempt = maxAttempts }, outcome: outcomeGivenUp, sent: 1, retry: true},
		"refused":        {answer: &RefusedError{Code: 550}, outcome: outcomeRefused, sent: 1, cancel: true},
		"too late":       {change: func(m *Message) { m.Until = noon.Add(-time.Second) }, outcome: outcomeExpired, cancel: true},
		"other secret":   {job: func(j *river.Job[Job]) { j.Args.Box = "AAAA" + j.Args.Box }, outcome: outcomeBroken, cancel: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender := &answering{err: test.answer}
			registry := prometheus.NewRegistry()
			var log bytes.Buffer
			w := newWorker(t, func(cfg *WorkerConfig) {
				cfg.Sender, cfg.Registerer = sender, registry
				cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			m := aMessage()
			if test.change != nil {
				test.change(&m)
			}
			job := attempt(queue(t, m), 1)
			if test.job != nil {
				test.job(job)
			}
			err := w.Work(t.Context(), job)
			require.Equal(t, test.cancel || test.retry, err != nil, "%v", err)
			require.Equal(t, test.cancel, errors.Is(err, &rivertype.JobCancelError{}))
			require.Len(t, sender.sent, test.sent)
			if test.outcome != "" {
				require.InDelta(t, 1, count(t, w, test.outcome), 0)
			}
			require.NotContains(t, log.String(), "ada")
			require.NotContains(t, log.String(), "SECRET")
		})
	}
}

func TestRetriesComeLessAndLessOften(t *testing.T) {
	t.Parallel()
	w := newWorker(t, nil)
	total := time.Duration(0)
	for n := 1; n < maxAttempts; n++ {
		wait := time.Until(w.NextRetry(attempt(Job{}, n)))
		least := min(15*time.Second<<(n-1), time.Hour)
		require.Greater(t, wait, least-time.Second)
		require.LessOrEqual(t, wait, least+least/4)
		total += wait
	}
	require.Greater(t, total, 8*time.Hour)
	require.Equal(t, time.Minute, w.Timeout(nil))
}

func TestRetriedMailIsTheSameMail(t *testing.T) {
	t.Parallel()
	sender := &answering{}
	w := newWorker(t, func(cfg *WorkerConfig) { cfg.Sender = sender })
	job := attempt(queue(t, aMessage()), 1)
	require.NoError(t, w.Work(t.Context(), job))
	require.NoError(t, w.Work(t.Context(), job))
	require.Equal(t, sender.sent[0].GetMessageID(), sender.sent[1].GetMessageID())
}

func TestMailServerThatWasDead(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		port := ln.Addr().(*net.TCPAddr).Port
		require.NoError(t, ln.Close()) // nobody listens there now

		smtp := newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: port, TLS: NoTLS})
		w := newWorker(t, func(cfg *WorkerConfig) {
			cfg.Sender, cfg.Retry, cfg.Now = smtp, time.Millisecond, nil
		})
		queue, err := jobs.Open(t.Context(), jobs.Config{
			DB: d, Workers: []jobs.Worker{jobs.Work(w)},
			Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		require.NoError(t, err)
		out, err := NewOutbox(queue, newSeal(t))
		require.NoError(t, err)

		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = queue.Run(ctx) })
		defer running.Wait()
		defer cancel()

		m := aMessage()
		m.Until = time.Now().Add(time.Hour)
		require.ErrorContains(t, d.InTx(ctx, func(tx *db.Tx) error {
			require.NoError(t, out.Queue(ctx, tx, m))
			return errors.New("rolled back")
		}), "rolled back")
		require.NoError(t, d.InTx(ctx, func(tx *db.Tx) error { return out.Queue(ctx, tx, m) }))
		counted := func(outcome string) float64 { return count(t, w, outcome) }
		require.Eventually(t, func() bool { return counted(outcomeRetried) >= 1 }, 20*time.Second, 10*time.Millisecond)

		server := startMock(t, smtpmock.ConfigurationAttr{PortNumber: port})
		require.Eventually(t, func() bool { return counted(outcomeSent) == 1 }, 30*time.Second, 10*time.Millisecond)
		require.Len(t, server.Messages(), 1, "and not what was rolled back")
	})
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mails")
	f, err := NewFolder(dir)
	require.NoError(t, err)
	require.NoError(t, f.Send(t.Context(), aMsg(t)))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing else is left")
	require.Regexp(t, `^\d{8}T\d{6}\.\d{6}Z-`+mailID+`\.eml$`, files[0].Name())
	info, err := files[0].Info()
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	require.NoError(t, err)
	parsed, err := mail.ReadMessage(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, "<ada@example.org>", parsed.Header.Get("To"))

	require.NoError(t, os.RemoveAll(dir))
	require.Error(t, f.Send(t.Context(), aMsg(t)))
	_, err = NewFolder("")
	require.Error(t, err)
}

func TestMailThatIsTurnedOff(t *testing.T) {
	t.Parallel()
	err := newWorker(t, nil).Work(t.Context(), attempt(queue(t, aMessage()), 1))
	require.ErrorIs(t, err, &rivertype.JobCancelError{})
}
