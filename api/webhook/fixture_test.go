package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/webhook"
	"bandstand/storage/db"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/ulule/limiter/v3/drivers/store/memory.(*cleaner).Run"))
}

// queue is Jobs that keeps what is inserted.
type queue struct {
	mu   sync.Mutex
	jobs []webhook.DeliverArgs // guarded by mu
	err  error
}

func (q *queue) Insert(_ context.Context, _ *db.Tx, args river.JobArgs, _ *river.InsertOpts) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	q.jobs = append(q.jobs, args.(webhook.DeliverArgs))
	return nil
}

func (q *queue) take() []webhook.DeliverArgs {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.jobs
	q.jobs = nil
	return all
}

// clock is time that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type fixture struct {
	*apitest.Server

	t       *testing.T
	db      *db.DB
	hooks   *webhook.Service
	queue   *queue
	clock   *clock
	owner   apitest.Person
	channel uuid.UUID
	log     *apitest.Log
}

const hooksPath = "/api/v1/channels/demo/webhooks"

func newFixture(t *testing.T, d *db.DB, change ...func(*webhook.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, db: d, queue: &queue{}, clock: &clock{now: time.Now()}, log: &apitest.Log{}}
	cfg := webhook.Config{
		DB: d, Jobs: f.queue, Secret: []byte(strings.Repeat("s", 32)),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Now:           f.clock.Now, Version: "1.2.3",
		Logger:     slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	hooks, err := webhook.NewService(cfg)
	require.NoError(t, err)
	f.hooks = hooks
	f.Server = apitest.New(t, d, []api.Feature{func(a huma.API) { webhook.Register(a, hooks) }})
	f.owner = f.Person("ada", auth.RoleUser)
	f.channel = f.Channel(f.owner, "demo")
	return f
}

// hook makes a webhook and returns its id and its secret.
func (f *fixture) hook(url string, events ...string) (id, secret string) {
	f.t.Helper()
	if events == nil {
		events = []string{webhook.BroadcastLive}
	}
	body, err := json.Marshal(map[string]any{"url": url, "events": events})
	require.NoError(f.t, err)
	r := f.Do("POST", hooksPath, f.owner.Token, string(body))
	require.Equal(f.t, http.StatusCreated, r.Status, r.Text)
	return r.JSON["id"].(string), r.JSON["secret"].(string)
}

func (f *fixture) get(id string) map[string]any {
	f.t.Helper()
	r := f.Do("GET", hooksPath+"/"+id, f.owner.Token, "")
	require.Equal(f.t, http.StatusOK, r.Status, r.Text)
	return r.JSON
}

// fire tells the channel's webhooks of an event.
func (f *fixture) fire(event string, payload any) {
	f.t.Helper()
	require.NoError(f.t, f.db.InTx(f.t.Context(), func(tx *db.Tx) error {
		return f.hooks.Fire(f.t.Context(), tx, f.channel, event, payload)
	}))
}

// work does all jobs that wait, once. It returns those to be done again and after how long.
func (f *fixture) work() (again []webhook.DeliverArgs, after []time.Duration) {
	f.t.Helper()
	return f.do(f.queue.take())
}

func (f *fixture) do(jobs []webhook.DeliverArgs) (again []webhook.DeliverArgs, after []time.Duration) {
	f.t.Helper()
	for _, args := range jobs {
		err := f.hooks.Deliverer().Work(f.t.Context(), &river.Job[webhook.DeliverArgs]{JobRow: &rivertype.JobRow{}, Args: args})
		if snooze, ok := err.(*river.JobSnoozeError); ok { //nolint:errorlint // it comes as it is
			again = append(again, args)
			after = append(after, snooze.Duration)
			continue
		}
		require.NoError(f.t, err)
	}
	return again, after
}

func (f *fixture) deliveries(id string) []map[string]any {
	f.t.Helper()
	r := f.Do("GET", hooksPath+"/"+id+"/deliveries", f.owner.Token, "")
	require.Equal(f.t, http.StatusOK, r.Status, r.Text)
	var all []map[string]any
	for _, item := range r.JSON["items"].([]any) {
		all = append(all, item.(map[string]any))
	}
	return all
}

// receiver is somebody's program that is told of events.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	requests []received // guarded by mu
	status   int        // guarded by mu
}

type received struct {
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, received{req.Header, body})
	w.WriteHeader(r.status)
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.requests...)
}

// verify checks a request as the specification tells receivers to, and shares no
// code with what signs.
func (m received) verify(secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(bytes.Join([][]byte{
		[]byte(m.header.Get("Webhook-Id")), []byte(m.header.Get("Webhook-Timestamp")), m.body,
	}, []byte{'.'}))
	want := mac.Sum(nil)
	for part := range strings.SplitSeq(m.header.Get("Webhook-Signature"), " ") {
		version, text, _ := strings.Cut(part, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return fmt.Errorf("no signature of %q fits", m.header.Get("Webhook-Signature"))
}
