package webhook_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/webhook"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestDeliveryIsSigned(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := newReceiver(t, http.StatusNoContent)
		id, secret := f.hook(r.URL+"/hook?x=1", webhook.BroadcastLive, webhook.BroadcastEnded)
		f.hook(r.URL, webhook.RecordingReady)
		f.fire(webhook.BroadcastLive, map[string]any{"channel": "demo", "title": "Ünder <b> & co"})
		again, _ := f.work()
		require.Empty(t, again)

		got := r.got()
		require.Len(t, got, 1)
		require.NoError(t, got[0].verify(secret))
		require.Error(t, got[0].verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
		require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
		require.Equal(t, "Bandstand/1.2.3", got[0].header.Get("User-Agent"))
		require.Equal(t, strconv.FormatInt(f.clock.Now().Unix(), 10), got[0].header.Get("Webhook-Timestamp"))
		require.JSONEq(t, `{"type":"broadcast.live","timestamp":"`+f.clock.Now().UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)+
			`","data":{"channel":"demo","title":"Ünder <b> & co"}}`, string(got[0].body))

		all := f.deliveries(id)
		require.Len(t, all, 1)
		require.Equal(t, got[0].header.Get("Webhook-Id"), all[0]["id"])
		require.Equal(t, "delivered", all[0]["state"])
		require.InDelta(t, 1, all[0]["attempts"], 0)
		require.InDelta(t, http.StatusNoContent, all[0]["status_code"], 0)
		require.NotEmpty(t, all[0]["attempted_at"])
	})
}

func TestFireIsPartOfItsTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		id, _ := f.hook("https://example.org/")
		rolledBack := errors.New("no")
		require.ErrorIs(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			require.NoError(t, f.hooks.Fire(t.Context(), tx, f.channel, webhook.BroadcastLive, nil))
			return rolledBack
		}), rolledBack)
		require.Empty(t, f.deliveries(id))

		f.queue.err = errors.New("no jobs")
		require.ErrorIs(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			return f.hooks.Fire(t.Context(), tx, f.channel, webhook.BroadcastLive, nil)
		}), f.queue.err)
		require.Empty(t, f.deliveries(id))
		require.Error(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			return f.hooks.Fire(t.Context(), tx, f.channel, "no.such.event", nil)
		}))
	})
}

func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := newReceiver(t, http.StatusInternalServerError)
		id, secret := f.hook(r.URL)
		f.fire(webhook.BroadcastLive, map[string]any{})
		var waits []time.Duration
		for jobs := f.queue.take(); len(jobs) > 0; {
			again, after := f.do(jobs)
			jobs = again
			waits = append(waits, after...)
			for _, wait := range after {
				f.clock.advance(wait)
			}
		}
		require.Equal(t, []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
		}, waits)
		all := f.deliveries(id)
		require.Equal(t, "failed", all[0]["state"])
		require.Equal(t, "status", all[0]["problem"])
		require.InDelta(t, 8, all[0]["attempts"], 0)
		require.InDelta(t, 500, all[0]["status_code"], 0)
		require.InDelta(t, 8, f.get(id)["failures"], 0)

		r.answer(http.StatusOK)
		again := hooksPath + "/" + id + "/deliveries/" + all[0]["id"].(string) + "/redeliver"
		reply := f.Do("POST", again, f.owner.Token, "")
		require.Equal(t, http.StatusAccepted, reply.Status, reply.Text)
		require.Equal(t, "pending", reply.JSON["state"])
		apitest.RequireProblem(t, f.Do("POST", again, f.owner.Token, ""), 409, "delivery_pending")
		f.work()
		require.Equal(t, "delivered", f.deliveries(id)[0]["state"])
		require.InDelta(t, 0, f.get(id)["failures"], 0)

		got := r.got()
		require.Len(t, got, 9)
		for _, m := range got { // each signed anew, the message the same
			require.NoError(t, m.verify(secret))
			require.Equal(t, got[0].body, m.body)
			require.Equal(t, got[0].header.Get("Webhook-Id"), m.header.Get("Webhook-Id"))
		}
		require.NotEqual(t, got[0].header.Get("Webhook-Timestamp"), got[8].header.Get("Webhook-Timestamp"))
	})
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := newReceiver(t, http.StatusGone)
		id, _ := f.hook(r.URL)
		f.fire(webhook.BroadcastLive, nil)
		f.fire(webhook.BroadcastLive, nil) // on its way already
		again, _ := f.work()
		require.Empty(t, again)
		require.Len(t, r.got(), 1)
		hook := f.get(id)
		require.Equal(t, false, hook["enabled"])
		require.Equal(t, "gone", hook["disabled_reason"])
		all := f.deliveries(id)
		require.Equal(t, "disabled", all[0]["problem"])
		require.Equal(t, "gone", all[1]["problem"])
		require.Equal(t, "failed", all[0]["state"])

		f.fire(webhook.BroadcastLive, nil)
		require.Empty(t, f.queue.take())
		entries, err := d.Read().AuditOfTargetBefore(t.Context(), store.AuditOfTargetBeforeParams{
			TargetID: id, Action: "webhook.disable", ID: uuid.Max, Most: 5,
		})
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.Equal(t, "system", entries[0].Actor)

		// Its owner may try it all the same, and enable it again.
		r.answer(http.StatusOK)
		require.Equal(t, http.StatusAccepted, f.Do("POST", hooksPath+"/"+id+"/test", f.owner.Token, "").Status)
		f.work()
		require.Len(t, r.got(), 2)
		reply := f.Do("PATCH", hooksPath+"/"+id, f.owner.Token, `{"enabled":true}`)
		require.Equal(t, http.StatusOK, reply.Status)
		require.NotContains(t, reply.JSON, "disabled_reason")
		f.fire(webhook.BroadcastLive, nil)
		f.work()
		require.Len(t, r.got(), 3)
	})
}

func TestManyFailuresInARowDisableTheWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	r := newReceiver(t, http.StatusBadGateway)
	id, _ := f.hook(r.URL)
	for range 50 {
		require.Equal(t, true, f.get(id)["enabled"])
		f.fire(webhook.BroadcastLive, nil)
		f.work()
	}
	hook := f.get(id)
	require.Equal(t, false, hook["enabled"])
	require.Equal(t, "failures", hook["disabled_reason"])
	require.Equal(t, "failed", f.deliveries(id)[0]["state"])
}

func TestPingIsSentOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	r := newReceiver(t, http.StatusTeapot)
	id, secret := f.hook(r.URL)
	reply := f.Do("POST", hooksPath+"/"+id+"/test", f.owner.Token, "")
	require.Equal(t, http.StatusAccepted, reply.Status, reply.Text)
	require.Equal(t, "ping", reply.JSON["event"])
	require.Equal(t, "pending", reply.JSON["state"])
	again, _ := f.work()
	require.Empty(t, again)
	require.NoError(t, r.got()[0].verify(secret))
	require.Contains(t, string(r.got()[0].body), `"data":{"channel":"demo","webhook_id":"`+id+`"}`)
	require.Equal(t, "failed", f.deliveries(id)[0]["state"])
}

func TestReceiversThatMisbehave(t *testing.T) {
	t.Parallel()
	inside := newReceiver(t, http.StatusOK)
	tests := map[string]struct {
		handle http.HandlerFunc
		state  string
		what   any
	}{
		"redirects inside": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inside.URL, http.StatusPermanentRedirect)
		}, "pending", "redirect"},
		"never answers": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // only then does the server notice who hangs up
			<-r.Context().Done()
		}, "pending", "timeout"},
		"answers without end": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 8192)); err != nil {
					return
				}
			}
		}, "delivered", nil},
		"hangs up": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, "pending", "bad_reply"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, dbtest.SQLite(t), func(c *webhook.Config) { c.Timeout = 500 * time.Millisecond })
			r := httptest.NewServer(tt.handle)
			t.Cleanup(r.Close)
			id, _ := f.hook(r.URL)
			f.fire(webhook.BroadcastLive, nil)
			f.work()
			d := f.deliveries(id)[0]
			require.Equal(t, tt.state, d["state"])
			require.Equal(t, tt.what, d["problem"])
			require.Empty(t, inside.got())
		})
	}
}

func TestReceiversThatCannotBeReached(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	gone := newReceiver(t, http.StatusOK)
	gone.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	for url, want := range map[string]string{gone.URL: "no_connection", untrusted.URL: "tls"} {
		id, _ := f.hook(url)
		f.fire(webhook.BroadcastLive, nil)
		f.work()
		require.Equal(t, want, f.deliveries(id)[0]["problem"])
		require.Equal(t, http.StatusNoContent, f.Do("DELETE", hooksPath+"/"+id, f.owner.Token, "").Status)
	}
	require.NotContains(t, f.log.String(), "127.0.0.1")
}

// What an operator forbids later counts for webhooks that are there already, by
// number and by name.
func TestInternalReceiversAreNotAsked(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	f := newFixture(t, d)
	r := newReceiver(t, http.StatusOK)
	byNumber, _ := f.hook(r.URL)
	byName, _ := f.hook("http://localhost" + r.URL[strings.LastIndex(r.URL, ":"):])
	f.fire(webhook.BroadcastLive, nil)
	jobs := f.queue.take()
	strict, err := webhook.NewService(webhook.Config{
		DB: d, Jobs: f.queue, Secret: []byte(strings.Repeat("s", 32)), Now: f.clock.Now,
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Logger:        discard, Registerer: newRegistry(),
	})
	require.NoError(t, err)
	f.hooks = strict
	f.do(jobs)
	require.Empty(t, r.got())
	for _, id := range []string{byNumber, byName} {
		require.Equal(t, "internal_address", f.deliveries(id)[0]["problem"])
	}
}

func TestSecretsOutliveAChangeOfTheServersSecret(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	f := newFixture(t, d)
	r := newReceiver(t, http.StatusOK)
	id, secret := f.hook(r.URL)
	f.fire(webhook.BroadcastLive, nil)
	f.fire(webhook.BroadcastLive, nil)
	jobs := f.queue.take()
	service := func(previous ...[]byte) *webhook.Service {
		s, err := webhook.NewService(webhook.Config{
			DB: d, Jobs: f.queue, Secret: []byte(strings.Repeat("n", 32)), Previous: previous, Now: f.clock.Now,
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Logger: discard, Registerer: newRegistry(),
		})
		require.NoError(t, err)
		return s
	}
	f.hooks = service([]byte(strings.Repeat("s", 32)))
	f.do(jobs[:1])
	require.NoError(t, r.got()[0].verify(secret))

	f.hooks = service() // the old one forgotten
	f.do(jobs[1:])
	require.Len(t, r.got(), 1)
	require.Equal(t, "secret_lost", f.deliveries(id)[0]["problem"])
}

func TestJobOfADeliveryThatIsOverDoesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	r := newReceiver(t, http.StatusOK)
	id, _ := f.hook(r.URL)
	f.fire(webhook.BroadcastLive, nil)
	jobs := f.queue.take()
	f.do(jobs)
	f.do(jobs)
	require.Len(t, r.got(), 1)
	f.fire(webhook.BroadcastLive, nil)
	require.Equal(t, http.StatusNoContent, f.Do("DELETE", hooksPath+"/"+id, f.owner.Token, "").Status)
	f.work()
	require.Len(t, r.got(), 1)
}

func TestOldDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		id, _ := f.hook("https://example.org/")
		f.fire(webhook.BroadcastLive, nil)
		f.clock.advance(29 * 24 * time.Hour)
		f.fire(webhook.BroadcastLive, nil)
		purge := func() {
			require.NoError(t, f.hooks.Purger().Work(t.Context(), &river.Job[webhook.PurgeArgs]{}))
		}
		purge()
		require.Len(t, f.deliveries(id), 2)
		f.clock.advance(25 * time.Hour)
		purge()
		require.Len(t, f.deliveries(id), 1)
	})
}
