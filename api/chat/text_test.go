package chat

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestMentionsAndEmotes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		"@Ada @bob, (@c_d-e)!":                        {"ada", "bob", "c_d-e"},
		"mail@ada.org ada@bob @@eve @x":               nil,
		"@ada @ADA @ada.":                             {"ada"},
		"@" + strings.Repeat("a", 33):                 nil,
		"ü@ada @ada-":                                 {"ada"},
		strings.Repeat("@a1 @b2 ", 1):                 {"a1", "b2"},
		"@a1 @a2 @a3 @a4 @a5 @a6 @a7 @a8 @a9 @b1 @b2": {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1"},
	} {
		require.Equal(t, want, mentionsIn(body), body)
	}
	for body, want := range map[string][]string{
		":a::b: :c:d: 12:30":     {"a", "b", "c", "d"},
		"none: here : :x y: ::":  nil,
		":wave: :wave: :Wa_v-e:": {"wave", "Wa_v-e"},
	} {
		require.Equal(t, want, emotesIn(body), body)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("hi @ada :wave: :a::b:")
	f.Fuzz(func(t *testing.T, body string) {
		for _, name := range mentionsIn(body) {
			require.Contains(t, strings.ToLower(body), "@"+name)
		}
		for _, code := range emotesIn(body) {
			require.Contains(t, body, ":"+code+":")
		}
		require.LessOrEqual(t, len([]rune(quote(body))), maxQuote+1)
	})
}

func TestPositionsAreClamped(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	require.Equal(t, now.Add(-maxBehind), clampPosition(now.Add(-7*time.Hour), nil, now))
	require.Equal(t, now.Add(-time.Hour), clampPosition(now.Add(-time.Hour), nil, now))
	require.Zero(t, clampPosition(now.Add(time.Second), nil, now))
	require.Zero(t, clampPosition(time.Time{}, nil, now))
}

func TestTurnsAreInTheOrderOfIDs(t *testing.T) {
	t.Parallel()
	o := newOrder()
	now := time.Now()
	first, second, third := o.next("a", now), o.next("a", now), o.next("a", now.Add(-time.Second))
	other := o.next("b", now)
	ids := []uuid.UUID{first.id, second.id, third.id, other.id}
	require.True(t, slices.IsSortedFunc(ids, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) }))
	require.Equal(t, uuid.Version(7), first.id.Version())
	require.Equal(t, uuid.RFC4122, first.id.Variant())
	require.Less(t, first.id.String(), idAt(second.at).String())
	require.Greater(t, second.id.String(), idAt(second.at).String())
	other.wait(t.Context()) // for nobody
	came := make(chan struct{})
	go func() {
		third.wait(t.Context())
		close(came)
	}()
	second.end()
	<-came
	first.end()
	third.end()
	other.end()
	require.Empty(t, o.tail)
	require.True(t, o.next("a", now.Add(-time.Hour)).at.Before(first.at), "a clock that was wrong for long is put right")
}
