package moderation_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/moderation"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// later requires that err is the outcome, to be tried again after a time.
func later(t *testing.T, err, outcome error, after time.Duration) {
	t.Helper()
	require.ErrorIs(t, err, outcome)
	require.Equal(t, after, rest.RetryAfter(err))
}

func TestModes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		free := []apitest.Person{f.owner, f.caster, f.mod, f.staff, f.root}
		refused := func(outcome error, body string, who ...apitest.Person) {
			t.Helper()
			for _, person := range free {
				require.NoError(t, f.admit(person, home, body), person.Name)
			}
			for _, person := range who {
				require.ErrorIs(t, f.admit(person, home, body), outcome, person.Name)
			}
		}
		refused(nil, "hello example.com")
		require.NoError(t, f.admit(f.eve, "", "hello example.com"))

		f.settings(`{"links":false}`)
		refused(moderation.ErrLinksBlocked, "see example . com", f.eve, f.guest)
		require.NoError(t, f.admit(f.eve, home, "hello"))
		f.settings(`{"links":true,"who":"members"}`)
		refused(moderation.ErrMembersOnly, "hi", f.eve)
		require.NoError(t, f.admit(f.guest, home, "hi"))

		f.settings(`{"who":"followers","followed_for":600}`)
		refused(moderation.ErrFollowersOnly, "hi", f.eve)
		require.Zero(t, rest.RetryAfter(f.admit(f.eve, home, "hi")))
		f.exec("INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, FALSE, $4)",
			uuid.New(), f.channel, f.eve.ID, f.clock.Now().Add(-9*time.Minute).UTC().Truncate(time.Second))
		err := f.admit(f.eve, home, "hi")
		require.ErrorIs(t, err, moderation.ErrFollowersOnly)
		require.InDelta(t, time.Minute, rest.RetryAfter(err), float64(2*time.Second))
		require.NoError(t, f.admit(f.guest, home, "hi"), "members need not follow")
		f.clock.advance(2 * time.Minute)
		require.NoError(t, f.admit(f.eve, home, "hi"))

		f.settings(`{"who":"everyone","emotes_only":true}`)
		refused(moderation.ErrEmotesOnly, "hello", f.eve, f.guest)
		require.NoError(t, f.admit(f.eve, home, "🎶 🎶"))
		require.ErrorIs(t, f.admit(f.eve, home, ":wave:"), moderation.ErrEmotesOnly, "there is none")

		f.settings(`{"emotes_only":false,"slow_mode":30}`)
		require.NoError(t, f.admit(f.eve, home, "one"))
		later(t, f.admit(f.eve, home, "two"), moderation.ErrSlowMode, 30*time.Second)
		at, eve := f.access(f.eve)
		require.NoError(t, f.service.AdmitEdit(t.Context(), at, eve, netip.MustParseAddr(home), "one, corrected"))
		require.NoError(t, f.admit(f.bob, home, "each for themselves"))
		refused(nil, "again")
		refused(nil, "and again")
		f.clock.advance(29 * time.Second)
		later(t, f.admit(f.eve, home, "two"), moderation.ErrSlowMode, time.Second)
		f.clock.advance(time.Second)
		require.NoError(t, f.admit(f.eve, home, "two"))

		f.settings(`{"enabled":false,"slow_mode":0}`)
		for _, person := range append(free, f.eve) {
			require.ErrorIs(t, f.admit(person, home, "hi"), moderation.ErrDisabled, person.Name)
		}
	})
}

func TestSlowModeCountsWhatMayBeWrittenOnAllNodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	other := f.newService(f.DB)
	f.settings(`{"links":false,"slow_mode":60}`)
	require.ErrorIs(t, f.admit(f.eve, home, "example.com"), moderation.ErrLinksBlocked)
	require.NoError(t, f.admit(f.eve, home, "here"))
	later(t, f.admitBy(other, f.eve, home, "there"), moderation.ErrSlowMode, time.Minute)
}

// TestABanOnOneNodeHoldsOnTheOther has two nodes with a database handle each, as they
// are with Postgres; on SQLite they share one.
func TestABanOnOneNodeHoldsOnTheOther(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		here := openAndListen(t, url)
		there := here
		if here.Pool() != nil {
			there = openAndListen(t, url)
		}
		f := newFixture(t, here)
		other := f.newService(there)
		require.NoError(t, f.admitBy(other, f.eve, home, "hi"), "and now it is known there")
		id := f.ok("POST", bansPath, f.mod, `{"user":"eve"}`).JSON["id"].(string)
		require.ErrorIs(t, f.admit(f.eve, home, "hi"), moderation.ErrBanned)
		require.Eventually(t, func() bool { return errors.Is(f.admitBy(other, f.eve, home, "hi"), moderation.ErrBanned) }, 30*time.Second, time.Millisecond)
		f.ok("DELETE", bansPath+"/"+id, f.mod, "")
		require.Eventually(t, func() bool { return f.admitBy(other, f.eve, home, "hi") == nil }, 30*time.Second, time.Millisecond)
		f.settings(`{"enabled":false}`)
		require.Eventually(t, func() bool { return errors.Is(f.admitBy(other, f.eve, home, "hi"), moderation.ErrDisabled) }, 30*time.Second, time.Millisecond)
	})
}
