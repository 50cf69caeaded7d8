package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db/dbtest"
)

// TestTogetherOnTwoNodes has people on two nodes with one Postgres and one Redis do all
// that they do with each other, while a stream is on air on one of the nodes. Then that
// node is killed.
func TestTogetherOnTwoNodes(t *testing.T) {
	t.Parallel()
	redis := os.Getenv(redisURL)
	if redis == "" && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not set: in CI this test must run", redisURL)
	}
	if redis == "" {
		t.Skipf("%s is not set", redisURL)
	}
	database, _ := dbtest.Postgres(t)
	settings := []string{
		"BANDSTAND_DB_URL=" + database, "BANDSTAND_REDIS_URL=" + redis, "BANDSTAND_REDIS_PREFIX=" + rand.Text(),
		"BANDSTAND_TRANSCODE_ENABLED=false", "BANDSTAND_LIMITS_AUTH=1000",
	}
	a := startServer(t, settings...)
	b := startServer(t, append(settings, "BANDSTAND_ROLES=api")...)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	var made struct {
		StreamKey string `json:"stream_key"`
	}
	a.does(t, ada, "POST", "/api/v1/channels", map[string]string{"slug": "stage", "title": "The stage"}, &made)
	b.does(t, bob, "PUT", "/api/v1/channels/stage/follow", map[string]bool{"notify": true}, nil)

	onA, onB := realtimetest.Connect(t, a.URL(""), ada), realtimetest.Connect(t, b.URL(""), bob)
	bobs, adas := "user:"+idOf(t, onB), "user:"+idOf(t, onA)
	onB.Subscribe("live:stage", nil)
	onB.Subscribe("chat:stage", nil)
	position := onA.Subscribe("chat:stage", nil)

	// On air on one node, heard of on the other.
	publish(t, join(picture("320x180", "15"), h264("30"), to(a.RTMPURL(made.StreamKey)))...)
	var live struct {
		Live  bool
		Title string
	}
	require.NoError(t, json.Unmarshal(onB.Next("live:stage", "live.started").Data, &live))
	require.Equal(t, "The stage", live.Title)
	require.Contains(t, string(onB.Next(bobs, "inbox.new").Data), `"channel_live"`)

	// Chat goes both ways, in one order.
	for i := range 5 {
		say(onA, fmt.Sprintf("from a, %d", i))
		say(onB, fmt.Sprintf("from b, %d", i))
	}
	for i := range 5 {
		require.Equal(t, fmt.Sprintf("from a, %d", i), nextFrom(t, onB, "ada"))
	}
	require.Equal(t, "from b, 0", nextFrom(t, onA, "bob"))

	// Friends, over the inbox.
	a.does(t, ada, "POST", "/api/v1/me/friend-requests", map[string]string{"user": "bob"}, nil)
	onB.Next(bobs, "inbox.new")
	var requests struct{ Items []struct{ ID string } }
	b.does(t, bob, "GET", "/api/v1/me/friend-requests?direction=in", nil, &requests)
	require.Len(t, requests.Items, 1)
	b.does(t, bob, "POST", "/api/v1/me/friend-requests/"+requests.Items[0].ID+"/accept", nil, nil)
	onA.Next(adas, "inbox.new")

	// A party: whoever acts, all hear the same.
	var party struct{ Party struct{ ID string } }
	a.does(t, ada, "POST", "/api/v1/parties", map[string]any{"name": "Friday", "item": map[string]string{"kind": "channel", "channel": "stage"}}, &party)
	a.does(t, ada, "POST", "/api/v1/parties/"+party.Party.ID+"/invites", map[string]string{"username": "bob"}, nil)
	onB.Next(bobs, "party.invited")
	b.does(t, bob, "POST", "/api/v1/parties/join", map[string]string{"party": party.Party.ID}, nil)
	topic := "party:" + party.Party.ID
	onA.Subscribe(topic, nil)
	onB.Subscribe(topic, nil)
	onB.Call("party.play", map[string]string{"party": party.Party.ID}, nil)
	var here, there struct {
		Seq int64
		At  int64
	}
	require.NoError(t, json.Unmarshal(onA.Next(topic, "party.state").Data, &here))
	require.NoError(t, json.Unmarshal(onB.Next(topic, "party.state").Data, &there))
	require.Equal(t, here, there)

	// A call rings on the other node, is taken, and carries signals.
	var seatA, seatB struct {
		Call        struct{ ID string }
		Participant string
		Topic       string
	}
	onA.Call("call.start", map[string]any{"to": "bob", "video": true}, &seatA)
	onB.Next(bobs, "call.ringing")
	onA.Subscribe(seatA.Topic, nil)
	onB.Call("call.accept", map[string]string{"call": seatA.Call.ID}, &seatB)
	onB.Subscribe(seatB.Topic, nil)
	onA.Next(seatA.Topic, "call.peer")
	onA.Call("call.signal", map[string]any{
		"participant": seatA.Participant, "to": seatB.Participant, "description": map[string]string{"type": "offer", "sdp": "v=0\r\n"},
	}, nil)
	require.Contains(t, string(onB.Next(seatB.Topic, "call.signal").Data), `"offer"`)

	// One node is killed: nothing that was said is lost, and its people go on here.
	a.signal(syscall.SIGKILL)
	onA.Closed()
	require.False(t, ended(t, onB))
	say(onB, "are you there?")
	back := realtimetest.Connect(t, b.URL(""), ada)
	missed := back.Recover("chat:stage", position.Epoch, position.Offset)
	require.True(t, missed.Recovered)
	require.Len(t, missed.Publications, 11, "all that was said since")
	say(back, "yes, over here")
	require.Equal(t, "yes, over here", nextFrom(t, onB, "ada"))
	var history struct{ Items []struct{ Body string } }
	b.does(t, "", "GET", "/api/v1/channels/stage/messages?limit=100", nil, &history)
	said := 0
	for _, m := range history.Items {
		if m.Body != "" {
			said++
		}
	}
	require.GreaterOrEqual(t, said, 12)
	eventually(t, 20*time.Second, func() error {
		var snapshot struct{ State struct{ Seq int64 } }
		if got := b.as(t, ada, "GET", "/api/v1/parties/"+party.Party.ID, nil, &snapshot); got.code != http.StatusOK {
			return fmt.Errorf("party: %s", got.body)
		}
		if snapshot.State.Seq < here.Seq {
			return fmt.Errorf("the party is at %d", snapshot.State.Seq)
		}
		return nil
	})
}

// ended waits for the channel to be off air, and returns whether it is live then.
func ended(t *testing.T, c *realtimetest.Client) (live bool) {
	t.Helper()
	var view struct{ Live bool }
	require.NoError(t, json.Unmarshal(c.Next("live:stage", "live.ended").Data, &view))
	return view.Live
}

// idOf returns whose socket c is.
func idOf(t *testing.T, c *realtimetest.Client) string {
	t.Helper()
	var welcome struct{ User struct{ ID string } }
	require.NoError(t, json.Unmarshal(c.Welcome, &welcome))
	require.NotEmpty(t, welcome.User.ID)
	return welcome.User.ID
}

// say writes into the chat of the channel stage.
func say(c *realtimetest.Client, text string) {
	c.Call("chat.send", map[string]string{"channel": "stage", "body": text}, nil)
}

// nextFrom returns the next message of a person in the chat of the channel stage.
func nextFrom(t *testing.T, c *realtimetest.Client, name string) string {
	t.Helper()
	for {
		var m struct {
			Body string
			User struct{ Name string }
		}
		require.NoError(t, json.Unmarshal(c.Next("chat:stage", "chat.message").Data, &m))
		if m.User.Name == name {
			return m.Body
		}
	}
}
