package party_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/party"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestEverybodyHearsTheSameInTheSameOrder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		film := w.film(w.Channel(ada, "stage"))
		_, id := w.party(`{"item":{"kind":"broadcast","broadcast":"`+film+`"}}`, ada, bob)
		a, b := w.enter(0, ada, id), w.enter(0, bob, id)
		require.Equal(t, "A film", b.First.State.Item.Title)
		require.False(t, b.First.State.Playing, "a recording begins when somebody says so")
		require.Len(t, b.First.Members, 2)

		before := time.Now().UnixMicro()
		done := b.act("party.play", nil)
		heard := a.state()
		require.Equal(t, heard, b.state(), "whoever acted hears it like everybody else")
		require.Equal(t, done.Seq, heard.Seq)
		require.Equal(t, done.At, heard.At)
		require.Greater(t, heard.At, before)
		require.Equal(t, "bob", heard.By.Username)
		require.True(t, heard.Playing)

		a.act("party.rate", map[string]any{"rate": 1.5})
		fast := b.state()
		require.InDelta(t, heard.Position+float64(fast.At-heard.At)/1e6, fast.Position, 1e-5, "it plays on from where it is then")
		a.act("party.seek", map[string]any{"position": 30})
		moved := b.state()
		require.InDelta(t, 30, moved.Position, 1e-9)
		require.InDelta(t, 1.5, moved.Rate, 0)
		b.act("party.seek", map[string]any{"by": -10, "seq": moved.Seq})
		back := b.state()
		require.InDelta(t, 20+float64(back.At-moved.At)*1.5/1e6, back.Position, 1e-5)
		status, code := a.Refused("party.seek", map[string]any{"party": id, "by": -10, "seq": moved.Seq})
		require.Equal(t, "409 moved", fmt.Sprint(status, " ", code), "somebody else has gone back already")
		b.act("party.pause", nil)
		paused := b.state()
		require.InDelta(t, back.Position+float64(paused.At-back.At)*1.5/1e6, paused.Position, 1e-5)

		for params, want := range map[string]string{
			`{"rate":9}`: "bad_rate", `{"rate":0}`: "bad_rate", `{}`: "bad_rate",
		} {
			var p map[string]any
			require.NoError(t, json.Unmarshal([]byte(params), &p))
			p["party"] = id
			_, code := a.Refused("party.rate", p)
			require.Equal(t, want, code, params)
		}
		_, code = a.Refused("party.seek", map[string]any{"party": id})
		require.Equal(t, "bad_position", code)
		stranger := w.Person("eve", auth.RoleUser)
		e := w.connect(0, stranger)
		_, code = e.Refused("party.play", map[string]any{"party": id})
		require.Equal(t, "party_not_found", code)
		require.NotNil(t, e.TrySubscribe("party:"+id, nil).Error)
		_, code = e.Refused("party.ready", map[string]any{"party": id})
		require.Equal(t, "party_not_found", code)

		// Who comes late finds what plays; hours later as well.
		w.ahead.Add(int64(time.Hour))
		late := w.enter(0, bob, id)
		require.Equal(t, paused.Seq, late.First.State.Seq)
		require.InDelta(t, paused.Position, late.First.State.Position, 0)
	})
}

func TestManySeeksAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), 1)
	ada := w.Person("ada", auth.RoleUser)
	film := w.film(w.Channel(ada, "stage"))
	_, id := w.party(`{"item":{"kind":"broadcast","broadcast":"`+film+`"}}`, ada)
	a := w.enter(0, ada, id)
	for i := range 20 {
		a.act("party.seek", map[string]any{"position": i + 1})
	}
	last := party.StateView{}
	for last.Position < 20 {
		last = a.state()
	}
	require.InDelta(t, 20, last.Position, 0, "the last is done")
	require.LessOrEqual(t, last.Seq, a.First.State.Seq+20)
}

func TestTheQueueMovesOnOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		channel := w.Channel(ada, "stage")
		first, second := w.film(channel), w.film(channel)
		path, id := w.party(`{}`, ada, bob)
		a, b := w.enter(0, ada, id), w.enter(0, bob, id)
		require.Nil(t, a.First.State.Item)
		_, code := a.Refused("party.play", map[string]any{"party": id})
		require.Equal(t, "nothing_loaded", code)
		_, code = a.Refused("party.next", map[string]any{"party": id, "seq": 1})
		require.Equal(t, "queue_empty", code)

		var entries []string
		for _, item := range []string{`{"kind":"broadcast","broadcast":"` + first + `"}`, `{"kind":"broadcast","broadcast":"` + second + `"}`, `{"kind":"channel","channel":"stage"}`} {
			var made party.EntryIDView
			w.does(bob, http.MethodPost, path+"/queue", item, &made)
			entries = append(entries, made.ID)
			var heard party.QueueEvent
			require.NoError(t, json.Unmarshal(a.Next("party:"+id, "party.queue").Data, &heard))
			require.Len(t, heard.Items, len(entries))
		}
		w.refused(bob, http.MethodPost, path+"/queue", `{"kind":"channel","channel":"nowhere"}`, 404, "item_not_found")
		w.refused(bob, http.MethodPost, path+"/queue", `{"kind":"channel","broadcast":"`+first+`"}`, 422, "bad_item")
		w.does(ada, http.MethodPut, path+"/queue/"+entries[2]+"/place", `{"place":0}`, nil)
		w.does(ada, http.MethodDelete, path+"/queue/"+entries[0], "", nil)
		w.refused(ada, http.MethodDelete, path+"/queue/"+entries[0], "", 404, "entry_not_found")
		var queue struct{ Items []party.EntryView }
		w.does(bob, http.MethodGet, path+"/queue", "", &queue)
		require.Equal(t, []string{entries[2], entries[1]}, []string{queue.Items[0].ID, queue.Items[1].ID})

		// Both see the end and ask for what is next: they get it once.
		seq := a.First.State.Seq
		a.act("party.next", map[string]any{"seq": seq})
		_, code = b.Refused("party.next", map[string]any{"party": id, "seq": seq})
		require.Equal(t, "moved", code)
		live := b.until("next")
		require.Equal(t, "stage", live.Item.Channel)
		require.True(t, live.Item.Live)
		require.True(t, live.Playing)
		require.InDelta(t, float64(live.At)/1e6-4, live.Position, 1e-5, "so far behind the present that everybody has it")
		_, code = b.Refused("party.rate", map[string]any{"party": id, "rate": 2})
		require.Equal(t, "bad_rate", code)
		b.act("party.next", map[string]any{"seq": live.Seq})
		require.Equal(t, second, b.until("next").Item.Broadcast)
		b.act("party.load", map[string]any{"item": map[string]any{"kind": "broadcast", "broadcast": first}, "position": 12.5, "paused": true})
		loaded := a.until("load")
		require.InDelta(t, 12.5, loaded.Position, 0)
		require.False(t, loaded.Playing)
	})
}

func TestPrivateThingsAreShownToThoseWhoMaySeeThem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		w.Channel(ada, "secret")
		_, err := d.Writer().ExecContext(t.Context(), `UPDATE channels SET visibility = 'private' WHERE slug = 'secret'`)
		require.NoError(t, err)
		path, id := w.party(`{}`, ada, bob)
		a, b := w.enter(0, ada, id), w.enter(0, bob, id)
		secret := map[string]any{"kind": "channel", "channel": "secret"}
		_, code := b.Refused("party.load", map[string]any{"party": id, "item": secret})
		require.Equal(t, "item_not_found", code)
		a.act("party.load", map[string]any{"item": secret})
		told := b.state()
		require.True(t, told.Item.Private)
		require.Empty(t, told.Item.Channel)
		require.Empty(t, told.Item.Title)
		var snapshot party.Snapshot
		b.Call("party.state", map[string]any{"party": id}, &snapshot)
		require.True(t, snapshot.State.Item.Forbidden)
		require.Empty(t, snapshot.State.Item.Channel)
		require.Equal(t, told.Item.ID, snapshot.State.Item.ID)
		a.Call("party.state", map[string]any{"party": id}, &snapshot)
		require.Equal(t, "secret", snapshot.State.Item.Channel)

		w.does(ada, http.MethodPost, path+"/queue", `{"kind":"channel","channel":"secret"}`, nil)
		require.NotContains(t, string(b.Next("party:"+id, "party.queue").Data), "secret")
		require.NotContains(t, w.Do(http.MethodGet, path+"/queue", bob.Token, "").Text, "secret")
	})
}

func TestEverybodyWaitsForWhoeverIsNotReady(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		film := w.film(w.Channel(ada, "stage"))
		_, id := w.party(`{"wait_for_all":true,"stall_after_ms":300,"max_wait_ms":5000,"item":{"kind":"broadcast","broadcast":"`+film+`"}}`, ada, bob)
		a, b := w.enter(0, ada, id), w.enter(0, bob, id)
		a.act("party.play", nil)
		playing := a.state()
		a.ready(playing.Seq, false, 9000)
		b.ready(playing.Seq, true, 0)
		require.Contains(t, string(a.Next("party:"+id, "party.ready").Data), `"buffering":true`)
		waiting := a.until("waiting")
		require.False(t, waiting.Playing)
		require.Len(t, waiting.WaitingFor, 1)
		require.Equal(t, "bob", waiting.WaitingFor[0].Username)
		require.Nil(t, waiting.By)

		b.ready(waiting.Seq, false, 500)
		b.ready(waiting.Seq, false, 1500)
		going := a.until("ready")
		require.True(t, going.Playing)
		require.InDelta(t, waiting.Position, going.Position, 0)

		// Something else is loaded: it begins when both have some of it.
		a.act("party.load", map[string]any{"item": map[string]any{"kind": "broadcast", "broadcast": film}})
		loaded := a.until("load")
		require.False(t, loaded.Playing)
		require.Len(t, loaded.WaitingFor, 2)
		a.ready(loaded.Seq, false, 9000)
		b.ready(loaded.Seq-1, false, 9000) // of what was there before
		b.ready(loaded.Seq, false, 9000)
		a.until("ready")

		// Nobody waits for ever.
		b.ready(loaded.Seq+1, true, 0)
		a.until("waiting")
		w.ahead.Add(int64(6 * time.Second))
		b.ready(loaded.Seq+2, true, 0)
		waited := a.until("waited")
		require.True(t, waited.Playing)

		// Nor for who is gone.
		b.ready(waited.Seq, false, 2000)
		b.ready(waited.Seq, true, 0)
		a.until("waiting")
		b.Cut()
		require.True(t, a.until("ready").Playing)
	})
}

func TestTwoNodesAreOneParty(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 2)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		film := w.film(w.Channel(ada, "stage"))
		path, id := w.party(`{"wait_for_all":true,"stall_after_ms":300,"item":{"kind":"broadcast","broadcast":"`+film+`"}}`, ada, bob)
		a, b := w.enter(0, ada, id), w.enter(1, bob, id)
		require.Len(t, b.First.Members, 2)

		// Both act at once, again and again: all hear one order without holes.
		const each = 8
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			for range each {
				a.Do("rpc", map[string]any{"method": "party.play", "data": map[string]any{"party": id}})
			}
		}()
		for range each {
			b.Do("rpc", map[string]any{"method": "party.pause", "data": map[string]any{"party": id}})
		}
		<-finished
		seen := map[int64]party.StateView{}
		for range 2 * each {
			s := a.state()
			seen[s.Seq] = s
		}
		require.Len(t, seen, 2*each)
		for range 2 * each {
			s := b.state()
			require.Equal(t, seen[s.Seq], s)
			if before, ok := seen[s.Seq-1]; ok {
				require.GreaterOrEqual(t, s.At, before.At)
			}
		}

		// Who is slow on one node is waited for on the other.
		b.act("party.play", nil)
		playing := a.state()
		a.ready(playing.Seq, false, 9000)
		b.ready(playing.Seq, true, 0)
		waiting := a.until("waiting")
		require.Equal(t, "bob", waiting.WaitingFor[0].Username)
		b.ready(waiting.Seq, false, 9000)
		a.until("ready")

		var sent party.PartyMessageView
		b.Call("party.send", map[string]any{"party": id, "text": "hello", "send_key": "1"}, &sent)
		for {
			var m party.PartyMessageView
			require.NoError(t, json.Unmarshal(a.Next("party:"+id, "party.message").Data, &m))
			if m.Kind == "message" {
				require.Equal(t, sent, m)
				break
			}
		}
		w.does(ada, http.MethodDelete, path+"/members/bob", "", nil)
		require.Equal(t, 2000, b.Ended("party:"+id), "removed on the other node")
	})
}
