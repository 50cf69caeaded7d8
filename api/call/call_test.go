package call_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/call"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

// onNodes runs a test on one node, and on two that share a Redis.
func onNodes(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, nodes := range map[string]int{"one node": 1, "two nodes": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newWorld(t, d, nodes)) })
		})
	}
}

func TestFriendsCallEachOther(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, w *world) {
		ada := w.person("ada")
		bob, eve := w.person("bob", ada), w.person("eve")
		a, b1, b2, e := w.phone(ada, 0), w.phone(bob, 1), w.phone(bob, 0), w.phone(eve, 1)

		status, code := e.Refused("call.start", map[string]any{"to": "ada", "video": true})
		require.Equal(t, 403, status)
		require.Equal(t, "not_friends", code)

		require.Equal(t, call.Ringing, a.start(bob).Call.State)
		require.NotEmpty(t, a.Seat.ICEServers)
		id := b1.rings()
		require.Equal(t, id, b2.rings())
		var current struct{ Ringing []any }
		b2.Call("call.current", nil, &current)
		require.Len(t, current.Ringing, 1)

		state := b1.sit("call.accept", map[string]any{"call": id})
		require.Equal(t, call.Active, state.Call.State)
		require.Equal(t, a.Seat.Participant, state.Peers[0].Participant)
		require.True(t, state.Peers[0].Here)
		require.Equal(t, "ada", state.Peers[0].User.Username)
		why, device := b2.stops()
		require.Equal(t, call.Answered, why)
		require.Equal(t, b1.ID, device)
		_, code = b2.Refused("call.accept", map[string]any{"call": id})
		require.Equal(t, "call_answered", code)

		// One of the two makes the first offer, and the other is polite.
		peer := a.peer(b1, true)
		require.NotEqual(t, peer.Offers, state.Peers[0].Offers)
		require.NotEqual(t, peer.Polite, state.Peers[0].Polite)
		require.NotEqual(t, peer.Offers, peer.Polite)

		a.Call("call.signal", a.signal(b1, offer("v=0")), nil)
		got := into[struct {
			From        uuid.UUID
			Description call.Description
		}](t, b1.Next(b1.topic(), "call.signal"))
		require.Equal(t, a.Seat.Participant, got.From)
		require.Equal(t, call.Description{Type: "offer", SDP: "v=0"}, got.Description)
		b1.Call("call.media", map[string]any{"participant": b1.Seat.Participant, "audio": true, "video": false, "screen": false}, nil)
		require.True(t, into[call.Media](t, a.Next(a.topic(), "call.media")).Audio)

		// Others hear nothing, and cannot speak for those who are in the call.
		for _, stranger := range []*phone{b2, e} {
			require.Equal(t, "participant_not_found", stranger.TrySubscribe(a.topic(), nil).Error.Message)
			for _, forged := range []map[string]any{a.signal(b1, offer("x")), b1.signal(a, offer("x")), stranger.signal(a, offer("x"))} {
				_, code := stranger.Refused("call.signal", forged)
				require.Equal(t, "not_subscribed", code)
			}
			_, code := stranger.Refused("call.media", map[string]any{"participant": a.Seat.Participant, "audio": true, "video": true, "screen": false})
			require.Equal(t, "not_subscribed", code)
		}
		_, code = e.Refused("call.resume", map[string]any{"participant": a.Seat.Participant})
		require.Equal(t, "participant_not_found", code)
		e.Call("call.leave", map[string]any{"participant": a.Seat.Participant}, nil)
		for _, method := range []string{"call.accept", "call.reject", "call.cancel"} {
			_, code = e.Refused(method, map[string]any{"call": id})
			require.Equal(t, "call_not_found", code)
		}

		b1.Call("call.leave", map[string]any{"participant": b1.Seat.Participant}, nil)
		require.Equal(t, call.Answered, a.ended())
		_, code = a.Refused("call.signal", a.signal(b1, offer("late")))
		require.Equal(t, "peer_not_found", code)
		require.Equal(t, call.Answered, w.outcome(ada))
		require.Equal(t, call.Answered, w.outcome(bob))
		require.Zero(t, w.missed())
		require.Empty(t, e.Events(e.own()))
	})
}

// Two devices that take a call at once, at two nodes: one has it.
func TestOneDeviceHasTheCall(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 2)
		ada := w.person("ada")
		bob := w.person("bob", ada)
		a, devices := w.phone(ada, 0), []*phone{w.phone(bob, 0), w.phone(bob, 1)}
		for range 10 {
			a.start(bob)
			id := devices[0].rings()
			require.Equal(t, id, devices[1].rings())
			var won []*phone
			var mu sync.Mutex
			var all sync.WaitGroup
			for _, p := range devices {
				all.Go(func() {
					r, err := p.TryDo("rpc", map[string]any{"method": "call.accept", "data": map[string]any{"call": id}})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err != nil:
						t.Error(err)
					case r.Error == nil:
						won = append(won, p)
					case r.Error.Message != "call_answered":
						t.Error(r.Error.Message)
					}
				})
			}
			all.Wait()
			require.Len(t, won, 1)
			for _, p := range devices {
				_, device := p.stops()
				require.Equal(t, won[0].ID, device)
			}
			a.Call("call.leave", map[string]any{"participant": a.Seat.Participant}, nil)
			a.ended()
		}
	})
}

// Friends who call each other at once, at two nodes, are in one call.
func TestFriendsWhoCallEachOtherMeet(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 2)
		ada := w.person("ada")
		bob := w.person("bob", ada)
		a, b := w.phone(ada, 0), w.phone(bob, 1)
		for range 10 {
			var all sync.WaitGroup
			all.Go(func() { a.Call("call.start", map[string]any{"to": "bob", "video": true}, &a.Seat) })
			all.Go(func() { b.Call("call.start", map[string]any{"to": "ada", "video": true}, &b.Seat) })
			all.Wait()
			require.Equal(t, a.Seat.Call.ID, b.Seat.Call.ID)
			a.take()
			require.Equal(t, call.Active, b.take().Call.State)
			a.peer(b, true)
			b.Call("call.leave", map[string]any{"participant": b.Seat.Participant}, nil)
			a.ended()
		}
		require.Zero(t, w.missed())
	})
}

func TestCallsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada := w.person("ada")
		bob := w.person("bob", ada)
		eve := w.person("eve", ada, bob)
		a, b, e := w.phone(ada, 0), w.phone(bob, 0), w.phone(eve, 0)
		tests := []struct {
			outcome, told string
			missed        int
			do            func(id uuid.UUID)
		}{
			{call.Rejected, call.Rejected, 0, func(id uuid.UUID) { b.Call("call.reject", map[string]any{"call": id}, nil) }},
			{call.Cancelled, call.Cancelled, 1, func(id uuid.UUID) { a.Call("call.cancel", map[string]any{"call": id}, nil) }},
			{call.Cancelled, "left", 2, func(uuid.UUID) { a.Call("call.leave", map[string]any{"participant": a.Seat.Participant}, nil) }},
			{call.MissedIt, call.MissedIt, 3, func(uuid.UUID) { w.later(46 * time.Second) }},
		}
		for _, tt := range tests {
			a.start(bob)
			id := b.rings()
			tt.do(id)
			require.Equal(t, tt.told, a.ended())
			why, _ := b.stops()
			require.Equal(t, tt.outcome, why)
			require.Equal(t, tt.outcome, w.outcome(bob))
			require.Equal(t, tt.missed, w.missed())
			for _, method := range []string{"call.accept", "call.reject"} {
				_, code := b.Refused(method, map[string]any{"call": id})
				require.Equal(t, "call_over", code)
			}
		}

		// Who is in a call, at any of their devices, is busy.
		e.start(bob)
		b.sit("call.accept", map[string]any{"call": b.rings()})
		for _, to := range []string{"bob", "eve"} {
			_, code := a.Refused("call.start", map[string]any{"to": to, "video": false})
			require.Equal(t, "callee_busy", code)
			require.Equal(t, call.WasBusy, w.outcome(ada))
		}
		require.Equal(t, 5, w.missed())
		_, code := w.phone(bob, 0).Refused("call.start", map[string]any{"to": "ada", "video": false})
		require.Equal(t, "in_a_call", code)
		_, code = a.Refused("call.start", map[string]any{"to": "ada", "video": false})
		require.Equal(t, "call_yourself", code)
		_, code = a.Refused("call.start", map[string]any{"to": "nobody\u0000", "video": false})
		require.Equal(t, "user_not_found", code)
	})
}

func TestLostSocketCanBeFollowedByAnother(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, w *world) {
		ada := w.person("ada")
		bob := w.person("bob", ada)
		a, b := w.phone(ada, 0), w.phone(bob, 1)
		a.start(bob)
		b.sit("call.accept", map[string]any{"call": b.rings()})
		a.peer(b, true)

		a.Cut()
		b.peer(a, false)
		b.Call("call.signal", b.signal(a, offer("meanwhile")), nil)
		again := w.phone(ada, 1)
		var current struct {
			Participant uuid.UUID
			Here        bool
		}
		again.Call("call.current", nil, &current)
		require.Equal(t, a.Seat.Participant, current.Participant)
		require.False(t, current.Here)
		// The topic says that it is the same device. It catches up on what it has missed.
		again.Seat = a.Seat
		require.Equal(t, "participant_not_found", b.TrySubscribe(a.topic(), nil).Error.Message)
		sub := again.Recover(again.topic(), "", 0)
		require.True(t, sub.Recovered)
		var texts []string
		for _, p := range sub.Publications {
			texts = append(texts, string(p.Data))
		}
		require.Contains(t, strings.Join(texts, ""), "meanwhile")
		b.peer(a, true)
		again.Call("call.signal", again.signal(b, offer("restart")), nil)
		b.Next(b.topic(), "call.signal")

		// Who does not return in time has left.
		again.Cut()
		b.peer(a, false)
		w.later(21 * time.Second)
		require.Equal(t, call.Answered, b.ended())
		_, code := w.phone(ada, 0).Refused("call.resume", map[string]any{"participant": current.Participant})
		require.Equal(t, "participant_not_found", code)
	})
}

// Another tab of the same person takes over, and the one before is told.
func TestAnotherDeviceTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), 1)
	ada := w.person("ada")
	bob := w.person("bob", ada)
	a, b, a2 := w.phone(ada, 0), w.phone(bob, 0), w.phone(ada, 0)
	a.start(bob)
	b.sit("call.accept", map[string]any{"call": b.rings()})
	a.peer(b, true)
	a2.sit("call.resume", map[string]any{"participant": a.Seat.Participant})
	a.Next(a.topic(), "call.moved")
	_, code := a.Refused("call.signal", a.signal(b, offer("x")))
	require.Equal(t, "not_subscribed", code)
	a.Cut() // changes nothing
	require.Equal(t, "participant_not_found", w.phone(ada, 0).TrySubscribe(a.topic(), nil).Error.Message)
	a2.Call("call.signal", a2.signal(b, offer("mine")), nil)
	b.Next(b.topic(), "call.signal")
	w.later(21 * time.Second)
	a2.Call("call.signal", a2.signal(b, offer("still")), nil)
}

func TestPartyCall(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, w *world) {
		var people []apitest.Person
		for _, name := range []string{"ada", "bob", "cleo", "dan", "eve", "fay", "gus"} {
			people = append(people, w.person(name))
		}
		id := w.party(people...)
		params := map[string]any{"party": id, "video": true}
		_, code := w.phone(w.person("otto"), 0).Refused("call.join", params)
		require.Equal(t, "party_not_found", code)

		// Seven come at once: they are in one call, and one of them finds it full.
		phones := make([]*phone, len(people))
		for i, p := range people {
			phones[i] = w.phone(p, i%2)
		}
		var in []*phone
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, p := range phones {
			all.Go(func() {
				r, err := p.TryDo("rpc", map[string]any{"method": "call.join", "data": params})
				mu.Lock()
				defer mu.Unlock()
				if err != nil || (r.Error != nil && r.Error.Message != "call_full") {
					t.Errorf("%v %+v", err, r.Error)
				}
				if err == nil && r.Error == nil {
					in = append(in, p)
					if err := json.Unmarshal(r.RPC.Data, &p.Seat); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		require.Len(t, in, 6)
		for _, p := range in {
			_, code := p.Refused("call.join", params)
			require.Equal(t, "in_a_call", code)
			require.Equal(t, in[0].Seat.Call.ID, p.Seat.Call.ID)
			require.Len(t, p.take().Peers, 5)
		}
		a, b, c := in[0], in[1], in[2]
		a.Call("call.signal", a.signal(c, offer("to one")), nil)
		c.Next(c.topic(), "call.signal")
		a.peer(c, true)

		leaver := c.Seat.Participant
		c.Call("call.leave", map[string]any{"participant": leaver}, nil)
		for _, p := range []*phone{a, b} {
			require.Equal(t, leaver, into[struct{ Participant uuid.UUID }](t, p.Next(p.topic(), "call.left")).Participant)
		}
		require.NoError(t, w.Calls[0].Expel(t.Context(), id, b.who.ID))
		require.Equal(t, "removed", b.ended())
		_, code = b.Refused("call.signal", b.signal(a, offer("x")))
		require.Equal(t, "peer_not_found", code)
		for _, p := range in {
			for _, m := range p.Events(p.topic()) {
				require.NotContains(t, string(m.Data), "to one", "told to everybody")
			}
			p.Call("call.leave", map[string]any{"participant": p.Seat.Participant}, nil)
		}
		require.Equal(t, call.Answered, w.outcome(a.who))
	})
}

func TestSignalsHaveLimits(t *testing.T) {
	t.Parallel()
	frozen := time.Now()
	w := newWorld(t, dbtest.SQLite(t), 1, func(c *call.Config) {
		c.SignalBurst, c.Now = 20, func() time.Time { return frozen }
	})
	ada := w.person("ada")
	bob := w.person("bob", ada)
	a, b := w.phone(ada, 0), w.phone(bob, 0)
	a.start(bob)
	b.sit("call.accept", map[string]any{"call": b.rings()})
	candidate := func(size int) map[string]any {
		return map[string]any{"candidate": map[string]any{"candidate": strings.Repeat("c", size), "sdpMid": "0", "sdpMLineIndex": 0}}
	}
	tests := map[string]struct {
		what map[string]any
		code string
	}{
		"long offer":     {offer(strings.Repeat("v", 16<<10+1)), "signal_too_large"},
		"long candidate": {candidate(1<<10 + 1), "signal_too_large"},
		"nothing":        {map[string]any{}, "bad_signal"},
		"both":           {map[string]any{"description": offer("v")["description"], "candidate": candidate(1)["candidate"]}, "bad_signal"},
		"rollback":       {map[string]any{"description": map[string]any{"type": "rollback", "sdp": "v"}}, "bad_signal"},
		"unknown field":  {map[string]any{"from": b.Seat.Participant}, "bad_params"},
	}
	for name, tt := range tests {
		_, code := a.Refused("call.signal", a.signal(b, tt.what))
		require.Equal(t, tt.code, code, name)
	}
	_, code := a.Refused("call.signal", a.signal(a, offer("to myself")))
	require.Equal(t, "peer_not_found", code)
	a.Call("call.signal", a.signal(b, offer(strings.Repeat("v", 16<<10))), nil)
	a.Call("call.signal", a.signal(b, candidate(1<<10)), nil)

	for range 17 { // with the three before
		a.Call("call.signal", a.signal(b, candidate(1)), nil)
	}
	status, code := a.Refused("call.signal", a.signal(b, candidate(1)))
	require.Equal(t, 429, status)
	require.Equal(t, "too_many_signals", code)
	b.Call("call.signal", b.signal(a, candidate(1)), nil)
}

// A node that is gone takes nobody along who returns at another, and those who do not
// are lost after a while.
func TestNodeIsGone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 2)
		ada := w.person("ada")
		bob := w.person("bob", ada)
		a, b := w.phone(ada, 0), w.phone(bob, 1)
		a.start(bob)
		b.sit("call.accept", map[string]any{"call": b.rings()})
		a.peer(b, true)
		// As if the first node had been killed: nobody has said that a is away.
		kill := func(ago time.Duration) {
			_, err := d.Writer().ExecContext(t.Context(), `UPDATE call_participants SET node = 'gone', seen_at = $2 WHERE id = $1`,
				a.Seat.Participant, column.At(time.Now().Add(-ago)))
			require.NoError(t, err)
			w.later(0)
		}
		kill(30 * time.Second)
		again := w.phone(ada, 1)
		again.sit("call.resume", map[string]any{"participant": a.Seat.Participant})
		b.Call("call.signal", b.signal(again, offer("welcome")), nil)
		again.Next(again.topic(), "call.signal")
		kill(61 * time.Second)
		require.Equal(t, call.Answered, b.ended())
	})
}

func TestHistoryAndServers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada := w.person("ada")
		bob := w.person("bob", ada)
		a, b := w.phone(ada, 0), w.phone(bob, 0)
		for range 3 {
			a.start(bob)
			b.Call("call.reject", map[string]any{"call": b.rings()}, nil)
			a.ended()
		}
		b.sit("call.join", map[string]any{"party": w.party(bob), "video": false})
		ids := func(r apitest.Reply) (ids []string) {
			require.Equal(t, 200, r.Status, r.Text)
			for _, item := range r.JSON["items"].([]any) {
				ids = append(ids, item.(map[string]any)["id"].(string))
			}
			return ids
		}
		path := "/api/v1/me/calls?limit=2"
		first := w.HTTP.Do("GET", path, bob.Token, "")
		newest := first.JSON["items"].([]any)[0].(map[string]any)
		require.Equal(t, call.Party, newest["kind"])
		require.Equal(t, "outgoing", newest["direction"])
		second := w.HTTP.Do("GET", path+"&cursor="+first.JSON["next_cursor"].(string), bob.Token, "")
		require.Len(t, ids(second), 2)
		require.NotContains(t, second.JSON, "next_cursor")
		incoming := second.JSON["items"].([]any)[0].(map[string]any)
		require.Equal(t, "incoming", incoming["direction"])
		require.Equal(t, "ada", incoming["with"].(map[string]any)["username"])
		back := w.HTTP.Do("GET", path+"&cursor="+second.JSON["prev_cursor"].(string), bob.Token, "")
		require.Equal(t, ids(first), ids(back))
		apitest.RequireProblem(t, w.HTTP.Do("GET", path+"&cursor=x", bob.Token, ""), 400, "bad_cursor")
		apitest.RequireProblem(t, w.HTTP.Do("GET", path, "", ""), 401, "unauthorized")

		servers := w.HTTP.Do("POST", "/api/v1/calls/ice-servers", ada.Token, "")
		require.Equal(t, 200, servers.Status, servers.Text)
		require.Contains(t, servers.Text, "1:"+ada.ID.String())
		apitest.RequireProblem(t, w.HTTP.Do("POST", "/api/v1/calls/ice-servers", "", ""), 401, "unauthorized")
	})
}

func TestCallsOfOnePersonAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), 1, func(c *call.Config) { c.CallsPerMinute = 2 })
	ada := w.person("ada")
	bob := w.person("bob", ada)
	a := w.phone(ada, 0)
	for range 2 {
		a.start(bob)
		a.Call("call.cancel", map[string]any{"call": a.Seat.Call.ID}, nil)
	}
	status, code := a.Refused("call.start", map[string]any{"to": "bob", "video": false})
	require.Equal(t, 429, status)
	require.Equal(t, "too_many_calls", code)
	w.later(2 * time.Minute)
	a.start(bob)
}
