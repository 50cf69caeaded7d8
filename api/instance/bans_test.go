package instance_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/instance"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

const bansPath = "/api/v1/admin/bans"

var addr = netip.MustParseAddr

func (f *fixture) banned(from string) bool {
	f.t.Helper()
	_, banned := f.service.Banned(addr(from))
	return banned
}

func TestBansAreMadeListedAndLifted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.77/24","reason":" spam  bots "}`)
		require.Equal(t, http.StatusCreated, r.Status)
		id := r.JSON["id"].(string)
		require.Equal(t, bansPath+"/"+id, r.Header.Get("Location"))
		require.Equal(t, "198.51.100.0/24", r.JSON["network"])
		require.Equal(t, "spam bots", r.JSON["reason"])
		require.Equal(t, "mo", r.JSON["created_by"])
		require.Equal(t, "active", r.JSON["state"])
		require.True(t, f.banned("198.51.100.1"))
		require.True(t, f.banned("::ffff:198.51.100.1"))
		require.False(t, f.banned("198.51.101.1"))
		until, _ := f.service.Banned(addr("198.51.100.1"))
		require.True(t, until.IsZero())

		end := f.clock.Now().Add(time.Hour).UTC().Truncate(time.Second)
		r = f.ok("POST", bansPath, f.mod, `{"network":"2a00:1450:4001:1::7","reason":"x","expires_at":"`+end.Format(time.RFC3339)+`"}`)
		require.Equal(t, "2a00:1450:4001:1::/64", r.JSON["network"])
		until, banned := f.service.Banned(addr("2a00:1450:4001:1:ffff::1"))
		require.True(t, banned)
		require.True(t, until.Equal(end))
		apitest.RequireProblem(t, f.Do("POST", bansPath, f.mod.Token, `{"network":"198.51.100.0/24","reason":"again"}`), 409, "ban_exists")

		require.Equal(t, http.StatusNoContent, f.ok("DELETE", bansPath+"/"+id, f.mod, "").Status)
		require.False(t, f.banned("198.51.100.1"))
		apitest.RequireProblem(t, f.Do("DELETE", bansPath+"/"+id, f.mod.Token, ""), 404, "ban_not_found")
		f.clock.advance(2 * time.Hour)
		require.False(t, f.banned("2a00:1450:4001:1:ffff::1"))
		apitest.RequireProblem(t, f.Do("DELETE", bansPath+"/"+r.JSON["id"].(string), f.mod.Token, ""), 404, "ban_not_found")

		all := items(f.ok("GET", bansPath, f.mod, ""))
		require.Len(t, all, 2)
		require.Equal(t, "expired", all[0]["state"])
		require.Equal(t, "lifted", all[1]["state"])
		require.NotEmpty(t, all[1]["lifted_at"])
		require.Empty(t, items(f.ok("GET", bansPath+"?active=true", f.mod, "")))

		log := items(f.ok("GET", "/api/v1/admin/audit?target_id="+id, f.admin, ""))
		require.Len(t, log, 2)
		require.Equal(t, "ban.lift", log[0]["action"])
		require.Equal(t, "198.51.100.0/24", log[1]["target"])
		require.Equal(t, map[string]any{"reason": "spam bots", "expires_at": nil}, log[1]["detail"])
	})
}

func TestBansThatMustNotBe(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	// Requests here come by way of a proxy from this address.
	self := []string{"X-Forwarded-For", "198.51.100.9"}
	past := f.clock.Now().Add(-time.Minute).Format(time.RFC3339)
	far := f.clock.Now().AddDate(11, 0, 0).Format(time.RFC3339)
	tests := map[string]struct {
		body   string
		status int
		code   string
		admin  bool
	}{
		"no network":            {`{"network":"spammers","reason":"x"}`, 422, "bad_network", false},
		"bits beyond":           {`{"network":"192.0.2.0/33","reason":"x"}`, 422, "bad_network", false},
		"zone":                  {`{"network":"fe80::1%eth0","reason":"x"}`, 422, "bad_network", false},
		"loopback":              {`{"network":"127.0.0.5","reason":"x"}`, 422, "bad_network", true},
		"loopback in IPv6":      {`{"network":"::1","reason":"x"}`, 422, "bad_network", true},
		"loopback, mapped":      {`{"network":"::ffff:127.0.0.1/128","reason":"x"}`, 422, "bad_network", true},
		"all that is mapped":    {`{"network":"::ffff:0:0/95","reason":"x"}`, 422, "bad_network", true},
		"multicast":             {`{"network":"224.0.0.1","reason":"x"}`, 422, "bad_network", true},
		"all of IPv4":           {`{"network":"0.0.0.0/0","reason":"x"}`, 422, "bad_network", true},
		"all of IPv6":           {`{"network":"::/0","reason":"x"}`, 422, "bad_network", true},
		"wide for a moderator":  {`{"network":"198.48.0.0/15","reason":"x"}`, 403, "wide_network", false},
		"wide for an admin":     {`{"network":"16.0.0.0/7","reason":"x"}`, 403, "wide_network", true},
		"wide in IPv6":          {`{"network":"2a00::/31","reason":"x"}`, 403, "wide_network", false},
		"wide in IPv6 for all":  {`{"network":"2a00::/15","reason":"x"}`, 403, "wide_network", true},
		"oneself":               {`{"network":"198.51.100.9","reason":"x"}`, 409, "own_network", false},
		"a network with one in": {`{"network":"198.51.0.0/16","reason":"x"}`, 409, "own_network", true},
		"no reason":             {`{"network":"192.0.2.1","reason":"  "}`, 422, "bad_reason", false},
		"over already":          {`{"network":"192.0.2.1","reason":"x","expires_at":"` + past + `"}`, 422, "bad_expiry", false},
		"nearly for ever":       {`{"network":"192.0.2.1","reason":"x","expires_at":"` + far + `"}`, 422, "bad_expiry", false},
		"not a time":            {`{"network":"192.0.2.1","reason":"x","expires_at":"soon"}`, 422, "unprocessable_entity", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := f.mod
			if tt.admin {
				who = f.admin
			}
			apitest.RequireProblem(t, f.Do("POST", bansPath, who.Token, tt.body, self...), tt.status, tt.code)
		})
	}
	t.Run("admins go further", func(t *testing.T) {
		t.Parallel()
		f.ok("POST", bansPath, f.admin, `{"network":"16.0.0.0/8","reason":"x"}`, self...)
		f.ok("POST", bansPath, f.admin, `{"network":"2a00::/16","reason":"x"}`, self...)
	})
}

func TestProxiesAreNotBanned(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t), func(c *instance.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}
	})
	apitest.RequireProblem(t, f.Do("POST", bansPath, f.admin.Token, `{"network":"10.0.0.0/8","reason":"x"}`), 409, "own_network")
	// Nor by a ban that was made before it became a proxy.
	require.NoError(t, f.db.Write().CreateBan(t.Context(), store.CreateBanParams{
		ID: uuid.Must(uuid.NewV7()), Network: "10.1.0.0/16", Reason: "x", CreatedAt: column.At(f.clock.Now()),
	}))
	require.NoError(t, f.service.Refresh(t.Context()))
	require.True(t, f.banned("10.1.2.4"))
	require.False(t, f.banned("10.1.2.3"))
	require.False(t, f.banned("127.0.0.1"))
	_, banned := f.service.Banned(netip.Addr{})
	require.False(t, banned)
}

func TestBansPage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		var want []string
		for i := range 7 {
			r := f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.`+string(rune('1'+i))+`","reason":"x"}`)
			want = append([]string{r.JSON["id"].(string)}, want...)
		}
		require.Equal(t, want, f.walk(bansPath+"?limit=3", f.mod))
		f.ok("DELETE", bansPath+"/"+want[2], f.mod, "")
		require.Equal(t, want, f.walk(bansPath+"?limit=2", f.mod))
		require.Equal(t, append(append([]string{}, want[:2]...), want[3:]...), f.walk(bansPath+"?active=true&limit=2", f.mod))
		link := f.ok("GET", bansPath+"?active=true&limit=2", f.mod, "").Header.Get("Link")
		require.Contains(t, link, "active=true")
		require.Contains(t, link, `rel="next"`)
	})
}

func TestOffencesBanForLongerAndLonger(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d, func(c *instance.Config) { c.RefreshEvery = time.Hour })
		run(t, f.service)
		offender := addr("2a00:1450::1")
		for _, want := range []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour, 24 * time.Hour} {
			for range 3 {
				require.False(t, f.banned(offender.String()))
				f.service.Report(t.Context(), offender, "likes")
			}
			eventually(t, func() bool { return f.banned("2a00:1450::2") })
			until, _ := f.service.Banned(offender)
			require.InDelta(t, float64(want), float64(until.Sub(f.clock.Now())), float64(time.Millisecond))
			f.clock.advance(want + time.Second)
		}
		all := items(f.ok("GET", bansPath, f.mod, ""))
		require.Len(t, all, 4)
		require.Equal(t, true, all[0]["automatic"])
		require.Equal(t, "too many requests: likes", all[0]["reason"])
		require.NotContains(t, all[0], "created_by")
		require.Equal(t, "2a00:1450::/64", all[0]["network"])
	})
}

func TestOffencesThatDoNotBan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	unproxied := f.newService(func(c *instance.Config) { c.TrustedProxies = nil })
	run(t, f.service)
	run(t, unproxied)
	report := func(s *instance.Service, from string, times int) {
		for range times {
			s.Report(t.Context(), addr(from), "likes")
		}
	}
	report(f.service, "127.0.0.1", 10)
	report(f.service, "::1", 10)
	report(unproxied, "192.168.1.1", 10) // perhaps a proxy that nobody named
	report(unproxied, "fe80::1%eth0", 10)
	f.service.Report(t.Context(), netip.Addr{}, "likes")
	report(f.service, "198.51.100.1", 2)
	f.clock.advance(2 * time.Minute) // forgotten
	report(f.service, "198.51.100.1", 2)

	// Those behind them are banned, which shows that all before were dealt with.
	report(f.service, "192.168.1.1", 3)
	report(unproxied, "198.51.100.2", 3)
	eventually(t, func() bool {
		_, banned := unproxied.Banned(addr("198.51.100.2"))
		return f.banned("192.168.1.1") && banned
	})
	require.False(t, f.banned("127.0.0.1"))
	require.False(t, f.banned("198.51.100.1"))
	require.Len(t, items(f.ok("GET", bansPath, f.mod, "")), 2)
}

func TestOffendersAreBannedWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	f := newFixture(t, d)
	require.NoError(t, d.Close())
	run(t, f.service)
	for range 3 {
		f.service.Report(t.Context(), addr("198.51.100.1"), "likes")
	}
	eventually(t, func() bool { return f.banned("198.51.100.1") })
	f.clock.advance(11 * time.Minute)
	require.False(t, f.banned("198.51.100.1"))
	require.Equal(t, 1, strings.Count(f.log.String(), "settings and bans stay as they are"))
}

func TestOldBansAndEntriesAreForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		hour := f.clock.Now().Add(time.Hour).Format(time.RFC3339)
		kept := f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.1","reason":"for good"}`).JSON["id"]
		expired := f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.2","reason":"x","expires_at":"`+hour+`"}`).JSON["id"]
		lifted := f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.3","reason":"x"}`).JSON["id"].(string)
		f.ok("DELETE", bansPath+"/"+lifted, f.mod, "")
		tidy := func() []any {
			require.NoError(t, f.service.Retention().Work(t.Context(), &river.Job[instance.RetentionArgs]{}))
			var ids []any
			for _, ban := range items(f.ok("GET", bansPath, f.mod, "")) {
				ids = append(ids, ban["id"])
			}
			return ids
		}
		f.clock.advance(2 * time.Hour)
		require.Equal(t, []any{lifted, expired, kept}, tidy())
		require.Equal(t, "expired", items(f.ok("GET", bansPath, f.mod, ""))[1]["state"])
		f.clock.advance(90 * 24 * time.Hour)
		require.Equal(t, []any{kept}, tidy())
		require.Len(t, items(f.ok("GET", "/api/v1/admin/audit", f.admin, "")), 4)
		f.clock.advance(311 * 24 * time.Hour)
		require.Equal(t, []any{kept}, tidy())
		require.Empty(t, items(f.ok("GET", "/api/v1/admin/audit", f.admin, "")))
	})
}

func BenchmarkBanned(b *testing.B) {
	set := instance.SetOfBans(10_000)
	from := addr("203.0.113.7")
	b.ReportAllocs()
	for b.Loop() {
		set(from)
	}
}

func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	from := netip.MustParseAddr("2a00::").As16()
	for i := range 70_000 { // each another household; nobody waits though Run does not run
		from[4], from[5], from[6] = byte(i>>16), byte(i>>8), byte(i)
		f.service.Report(context.Background(), netip.AddrFrom16(from), "likes")
	}
	require.LessOrEqual(t, instance.Suspects(f.service), 1<<16)
}
