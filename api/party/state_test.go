package party

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const second = int64(1_000_000)

func TestPositionFollowsFromTheState(t *testing.T) {
	t.Parallel()
	film := &Item{Kind: KindBroadcast, Duration: 100 * second}
	live := &Item{Kind: KindChannel, Channel: uuid.New()}
	for name, test := range map[string]struct {
		state State
		at    int64
		want  int64
	}{
		"paused":                       {State{Item: film, Position: 7 * second, At: 1000, Rate: 1}, 1000 + 3600*second, 7 * second},
		"playing":                      {State{Item: film, Playing: true, Position: 7 * second, At: 1000, Rate: 1}, 1000 + 5*second, 12 * second},
		"fast":                         {State{Item: film, Playing: true, Position: 7 * second, At: 1000, Rate: 1.5}, 1000 + 4*second, 13 * second},
		"not in effect yet":            {State{Item: film, Playing: true, Position: 7 * second, At: 5 * second, Rate: 1}, second, 7 * second},
		"over":                         {State{Item: film, Playing: true, Position: 7 * second, At: 1000, Rate: 1}, 1000 + 3600*second, 100 * second},
		"live, hours later":            {State{Item: live, Playing: true, Position: 1e15, At: 2e15, Rate: 1}, 2e15 + 7200*second, 1e15 + 7200*second},
		"nothing loaded":               {State{Rate: 1}, 1000, 0},
		"unknown length, hours after":  {State{Item: &Item{Kind: KindBroadcast}, Playing: true, Rate: 2}, 3600 * second, 7200 * second},
		"live and paused, hours later": {State{Item: live, Position: 1e15, At: 2e15, Rate: 1}, 3e15, 1e15},
	} {
		require.Equal(t, test.want, test.state.PositionAt(test.at), name)
	}
}

func TestPositionsStayWhereThereIsSomething(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000 * second
	delay := 4 * time.Second
	for name, test := range map[string]struct {
		item     *Item
		position int64
		want     int64
	}{
		"beyond the live edge": {&Item{Kind: KindChannel}, now + 9*second, now - 4*second},
		"within the window":    {&Item{Kind: KindChannel}, now - 60*second, now - 60*second},
		"before the window":    {&Item{Kind: KindChannel}, 0, now - 4*second - 86400*second},
		"before the beginning": {&Item{Kind: KindBroadcast, Duration: 9 * second}, -1, 0},
		"beyond the end":       {&Item{Kind: KindBroadcast, Duration: 9 * second}, 10 * second, 9 * second},
		"nowhere":              {&Item{Kind: KindBroadcast}, 1e18, maxPosition.Microseconds()},
	} {
		s := State{Item: test.item, Position: test.position, At: now, Rate: 1}
		s.bound(delay)
		require.Equal(t, test.want, s.Position, name)
	}
}

func TestLoadWaitsForWhoIsThere(t *testing.T) {
	t.Parallel()
	ada := Person{ID: uuid.New(), Name: "ada"}
	s := State{At: 50 * second, Rate: 2, Playing: false, GaveUp: 3}
	s.load(&Item{Kind: KindChannel}, 8, usualSettings(), []Person{ada})
	require.False(t, s.Playing)
	require.Equal(t, &Wait{For: []Person{ada}, Since: 50 * second, Seq: 8}, s.Wait)
	require.Equal(t, 46*second, s.Position)
	require.InDelta(t, 1, s.Rate, 0)
	s.moved(9)
	require.Equal(t, int64(9), s.Wait.Seq)
	s.load(&Item{Kind: KindBroadcast}, 10, usualSettings(), nil)
	require.True(t, s.Playing)
	require.Nil(t, s.Wait)
	require.Zero(t, s.Position)
}

func TestOnlyTheLastSeekOfManyIsDone(t *testing.T) {
	t.Parallel()
	s := newSeeks()
	key := seekKey{uuid.New(), uuid.New()}
	now := time.Now()
	require.False(t, s.busy(key, now))
	for i := range 5 {
		require.True(t, s.busy(key, now.Add(time.Duration(i)*time.Millisecond)))
		position := float64(i)
		s.later(key, waitingSeek{to: Target{Position: &position}})
	}
	due, more := s.due(now.Add(seekEvery - 1))
	require.Empty(t, due)
	require.True(t, more)
	due, more = s.due(now.Add(seekEvery))
	require.Len(t, due, 1)
	require.InDelta(t, 4, *due[key].to.Position, 0)
	require.False(t, more)
	require.True(t, s.busy(key, now.Add(seekEvery+1)), "the next has to wait as well")
	s.due(now.Add(3 * seekEvery))
	require.False(t, s.busy(key, now.Add(3*seekEvery)))
}

func TestLeadReachesTheSlowest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := newEars(func() time.Time { return now })
	party := uuid.New()
	require.Equal(t, usualLead, e.lead(party))
	hear := func(socket string, rtt int64) {
		e.hear(word{Party: party, Socket: socket, Report: &report{User: Person{Name: socket}, RTT: rtt}})
	}
	hear("a", 10)
	require.Equal(t, minLead, e.lead(party))
	hear("b", 300)
	require.Equal(t, 300*time.Millisecond, e.lead(party))
	hear("c", 10_000)
	require.Equal(t, maxLead, e.lead(party))
	require.Len(t, e.watching(party), 3)
	now = now.Add(reportFor)
	require.Equal(t, usualLead, e.lead(party), "who does not report any more does not count")
	e.prune()
	require.Empty(t, e.reports)
}

func TestNobodyActsTooOften(t *testing.T) {
	t.Parallel()
	p := newPace()
	ada, bob := uuid.New(), uuid.New()
	var err error
	for range 100_000 { // a burst, at whatever speed this runs
		if err = p.allow(ada); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, ErrTooFast)
	require.NoError(t, p.allow(bob))
	p.prune()
	require.Contains(t, p.acts, ada)
}
