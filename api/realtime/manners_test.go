package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
)

// quietly is a change for nodes of tests that open many sockets from one address.
func quietly(c *realtime.Config) {
	c.Limits.PerAddress, c.Limits.Handshakes, c.Limits.PerUser = 100_000, 100_000, 100_000
}

// What the protocol of centrifuge could do, and this socket does not, is refused.
func testCommandsThatAreNotOursAreRefused(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk)
	bystander, c := realtimetest.Connect(t, server.URL, s.ada.Token), realtimetest.Connect(t, server.URL, s.bob.Token)
	bystander.Subscribe("chat:stage", nil)
	c.Subscribe("chat:stage", nil)
	for command, params := range map[string]any{
		"publish":        map[string]any{"channel": "chat:stage", "data": map[string]string{"type": "chat.message", "data": "forged"}},
		"presence":       map[string]any{"channel": "chat:stage"},
		"presence_stats": map[string]any{"channel": "chat:stage"},
		"history":        map[string]any{"channel": "chat:stage", "limit": 10},
		"sub_refresh":    map[string]any{"channel": "chat:stage", "token": "x"},
	} {
		r := c.Do(command, params)
		require.NotNil(t, r.Error, command)
		require.Equal(t, 108, r.Error.Code, command)
	}
	for topic, code := range map[string]int{
		"chat:stage": 105, "chat:" + strings.Repeat("x", 100): 107, "nosuch:thing": 404, "nosuch": 404, "chat:": 404, "chat:no such": 404, ":": 404,
		"user:" + s.ada.ID.String(): 404, "chat:stage:x": 404, "chat:STAGE": 404,
	} {
		r := c.TrySubscribe(topic, nil)
		require.NotNil(t, r.Error, topic)
		require.Equal(t, code, r.Error.Code, topic)
	}
	status, code := c.Refused("no.such", nil)
	require.Equal(t, 404, status)
	require.Equal(t, "method_not_found", code)

	server.Node.Publish(t.Context(), "chat:stage", realtime.Event{Type: "chat.message", Data: "the end"})
	require.JSONEq(t, `"the end"`, string(bystander.Next("chat:stage", "chat.message").Data), "somebody has forged a message")
}

// What is no command at all ends the connection of whoever sent it, with a code.
func testBrokenFramesEndTheConnection(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, quietly)
	bystander := realtimetest.Connect(t, server.URL, "")
	bystander.Subscribe("live:stage", nil)
	deep := strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)
	for name, frame := range map[string]struct {
		text string
		code int
	}{
		"no JSON":              {"hello", 3501},
		"half":                 {`{"id":9,"rpc":{`, 3501},
		"empty":                {"", 3501},
		"nothing to do":        {`{"id":9}`, 3501},
		"a pong without ping":  {`{}`, 3501},
		"connect again":        {`{"id":9,"connect":{}}`, 3501},
		"no id":                {`{"rpc":{"method":"clock"}}`, 3501},
		"a list":               {`[1,2]`, 3501},
		"a message":            {`{"send":{"data":{}}}`, 3508},
		"subscribe to nothing": {`{"id":9,"subscribe":{}}`, 3501},
		"zeros":                {strings.Repeat("\x00", 100), 3501},
		"deep, no command":     {deep, 3501},
		"too large":            {`{"id":9,"rpc":{"method":"clock","data":"` + strings.Repeat("x", 70_000) + `"}}`, 1009},
	} {
		c := realtimetest.Connect(t, server.URL, "")
		err := c.Write(frame.text)
		if name == "too large" { // it may be cut before it has been written
			require.Contains(t, []int{1009, -1}, c.Closed().Code, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, frame.code, c.Closed().Code, name)
	}
	binary := realtimetest.Connect(t, server.URL, "")
	require.NoError(t, binary.WriteBinary([]byte{0, 1, 2, 3}))
	require.Equal(t, 3501, binary.Closed().Code)

	c := realtimetest.Connect(t, server.URL, s.bob.Token)
	for _, params := range []string{deep, `"text"`, `{"channel":1}`, `{"channel":"stage","text":"x"} {}`, `{"channel":"stage","text":"x","more":1}`} {
		_ = c.Write(`{"id":1000,"rpc":{"method":"chat.send","data":` + params + `}}`)
	}
	realtimetest.Connect(t, server.URL, "").Call("clock", nil, nil)
	bystander.Call("clock", nil, nil)
	require.Empty(t, bystander.Events("chat:stage"))

	early := realtimetest.Dial(t, server.URL, nil)
	require.NoError(t, early.Write(`{"id":1,"rpc":{"method":"clock"}}`))
	require.Equal(t, 3501, early.Closed().Code)
}

func testWhoNeverConnectsIsSentAway(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) { c.ConnectWithin = 50 * time.Millisecond })
	require.Equal(t, 3502, realtimetest.Dial(t, server.URL, nil).Closed().Code)
}

func testWhoDoesNotAnswerPingsIsSentAway(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) { c.PingEvery = 300 * time.Millisecond })
	c := realtimetest.Dial(t, server.URL, nil)
	c.Deaf()
	require.Nil(t, c.Do("connect", map[string]any{}).Error)
	require.Equal(t, 3012, c.Closed().Code)
}

func testFloodsAreRefusedAndThenSentAway(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) { c.Limits.CommandsPerSecond, c.Limits.CommandBurst = 1, 5 })
	bystander, c := realtimetest.Connect(t, server.URL, s.ada.Token), realtimetest.Connect(t, server.URL, s.bob.Token)
	var codes []int
	for range 100 {
		r, err := c.TryDo("rpc", map[string]any{"method": "clock"})
		if err != nil {
			break
		}
		code := 0
		if r.Error != nil {
			code = r.Error.Code
			require.Equal(t, "too_many_requests", r.Error.Message)
		}
		codes = append(codes, code)
	}
	require.Equal(t, 4502, c.Closed().Code)
	require.Equal(t, 0, codes[0])
	require.Contains(t, codes, 429)
	bystander.Call("clock", nil, nil)
}

// slowly adds methods that block until they are let go, one that is broken, and a topic
// that tells who comes and goes.
type slowly struct {
	begun, release chan struct{}

	mu    sync.Mutex
	calls []string // guarded by mu
	seen  []string // guarded by mu
}

func (l *slowly) note(to *[]string, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*to = append(*to, what)
}

func (l *slowly) noted(of *[]string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), *of...)
}

func (l *slowly) add(n *realtime.Node) {
	n.AddTopic(realtime.Topic{
		Kind: "chat:", Presence: true,
		Joined: func(_ context.Context, s realtime.Subscription) { l.note(&l.seen, "joined "+s.Socket.User.Name) },
		Left:   func(s realtime.Subscription) { l.note(&l.seen, "left "+s.Socket.User.Name) },
	})
	realtime.Handle(n, "chat.send", func(_ context.Context, in sayParams) (string, error) {
		select {
		case l.begun <- struct{}{}:
		default:
		}
		<-l.release
		l.note(&l.calls, in.Text)
		return in.Text, nil
	})
	realtime.Handle(n, "chat.edit", func(context.Context, realtime.OnChannel) (realtime.Nothing, error) {
		panic("broken")
	})
	realtime.Handle(n, "chat.delete", func(context.Context, realtime.OnChannel) (realtime.Nothing, error) {
		return realtime.Nothing{}, errors.New("secret of the database")
	})
}

func testCallsOfASocketAreDoneInOrder(t *testing.T, s *stage) {
	l := &slowly{begun: make(chan struct{}, 1), release: make(chan struct{})}
	server := realtimetest.New(t, s.d, l.add, func(c *realtime.Config) { c.Limits.Waiting = 9 })
	c, other := realtimetest.Connect(t, server.URL, s.bob.Token), realtimetest.Connect(t, server.URL, s.ada.Token)
	send := func(from, to int) {
		var frame strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&frame, `{"id":%d,"rpc":{"method":"chat.send","data":{"channel":"stage","text":"%d"}}}`+"\n", 1000+i, i)
		}
		require.NoError(t, c.Write(frame.String()))
	}
	send(0, 1)
	<-l.begun // one is done, and as many wait as may
	send(1, 10)
	failed, _ := other.Refused("chat.delete", realtime.OnChannel{Channel: "stage"}) // nobody waits for another's
	require.Equal(t, 500, failed)
	c.Call("clock", nil, nil)
	status, code := c.Refused("chat.send", map[string]any{"channel": "stage", "text": "one too many"})
	require.Equal(t, 429, status)
	require.Equal(t, "too_many_requests", code)
	close(l.release)
	require.Eventually(t, func() bool { return len(l.noted(&l.calls)) == 10 }, 20*time.Second, time.Millisecond)
	require.Equal(t, strings.Split("0123456789", ""), l.noted(&l.calls))
}

func testAFailureTellsNothingAndEndsNothing(t *testing.T, s *stage) {
	l := &slowly{}
	server := realtimetest.New(t, s.d, l.add)
	c := realtimetest.Connect(t, server.URL, s.bob.Token)
	for _, method := range []string{"chat.edit", "chat.delete"} {
		r := c.Do("rpc", map[string]any{"method": method, "data": realtime.OnChannel{Channel: "stage"}})
		require.Equal(t, 500, r.Error.Code)
		require.Equal(t, "internal_server_error", r.Error.Message)
	}
	c.Call("clock", nil, nil)
}

func testLeavingIsToldOnceForEachComing(t *testing.T, s *stage) {
	l := &slowly{release: make(chan struct{})}
	close(l.release)
	server := realtimetest.New(t, s.d, l.add)
	bob := realtimetest.Connect(t, server.URL, s.bob.Token)
	for range 3 { // quick to change its mind
		require.NoError(t, bob.Write(`{"id":1000,"subscribe":{"channel":"chat:stage"}}`+"\n"+`{"id":1001,"unsubscribe":{"channel":"chat:stage"}}`))
	}
	bob.Subscribe("chat:stage", nil)
	server.Node.Expel(t.Context(), s.bob.ID, "chat:stage")
	bob.Ended("chat:stage")
	bob.Subscribe("chat:stage", nil)
	bob.Cut()
	require.Eventually(t, func() bool { return len(l.noted(&l.seen)) >= 4 && !server.Node.Has(bob.ID) }, 20*time.Second, time.Millisecond)
	realtimetest.Connect(t, server.URL, s.ada.Token).Subscribe("chat:stage", nil)
	require.Eventually(t, func() bool {
		seen := l.noted(&l.seen)
		return seen[len(seen)-1] == "joined ada"
	}, 20*time.Second, time.Millisecond)
	seen := l.noted(&l.seen)
	for i, what := range seen[:len(seen)-1] {
		want := "joined bob"
		if i%2 == 1 {
			want = "left bob"
		}
		require.Equal(t, want, what, "%v", seen)
	}
	require.Equal(t, 1, len(seen)%2, "%v", seen)
}

// A client that does not read what it gets is dropped, and nobody else waits for it.
func testAClientThatNeverReadsIsDropped(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk)
	reader := realtimetest.Connect(t, server.URL, s.ada.Token)
	reader.Subscribe("chat:stage", nil)

	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+realtime.Path, nil) //nolint:bodyclose // there is none
	require.NoError(t, err)
	defer conn.CloseNow() //nolint:errcheck // it may be closed
	require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"id":1,"connect":{"token":"`+s.bob.Token+`"}}`+"\n"+`{"id":2,"subscribe":{"channel":"chat:stage"}}`)))
	require.Eventually(t, func() bool { return server.Node.Subscribers("chat:stage") == 2 }, 20*time.Second, time.Millisecond)

	long := strings.Repeat("x", 100_000)
	for i := 0; i < 1000 && server.Node.Subscribers("chat:stage") == 2; i++ { // the network keeps some of it
		say(server.Node, "chat:stage", long)
		reader.Next("chat:stage", "chat.message")
	}
	require.Eventually(t, func() bool { return server.Node.Subscribers("chat:stage") == 1 }, 20*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		return server.Counted(t, "bandstand_realtime_client_num_server_disconnects", "code", "3008") > 0
	}, 20*time.Second, 10*time.Millisecond)
	reader.Call("clock", nil, nil)
	online, err := server.Node.Online(s.bob.ID)
	require.NoError(t, err)
	require.False(t, online)
}

func testTopicsOfASocketAreLimited(t *testing.T, s *stage) {
	for i := range 5 {
		s.people.Channel(s.ada, fmt.Sprintf("stage%d", i))
	}
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) {
		c.Limits.Topics, c.Limits.CommandBurst, c.Limits.Waiting = 4, 5000, 5000
	})
	c := realtimetest.Connect(t, server.URL, s.bob.Token)
	for i := range 3 { // and their own
		c.Subscribe(fmt.Sprintf("chat:stage%d", i), nil)
	}
	require.Equal(t, 106, c.TrySubscribe("chat:stage3", nil).Error.Code)
	for i := range 2000 { // names that there are not leave nothing behind
		require.NoError(t, c.Write(fmt.Sprintf(`{"id":%d,"subscribe":{"channel":"kind%d:x"}}`, 10_000+i, i)))
	}
	c.Call("clock", nil, nil)
	require.NotContains(t, server.Labels(t), "kind7")
}
