package realtimetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// wait is how long a test waits for what must come.
const wait = 20 * time.Second

// Client is a client of the socket without a library: JSON in text frames.
type Client struct {
	t    testing.TB
	conn *websocket.Conn

	ID      string          // of the connection
	Welcome json.RawMessage // data of the reply to connect

	mu      sync.Mutex
	last    int                  // guarded by mu: id of the last command
	replies map[int]chan Reply   // guarded by mu
	events  map[string][]Message // guarded by mu: not taken yet, by topic
	changed chan struct{}        // guarded by mu: closed when events or closed change
	closed  *Closed              // guarded by mu
	ends    []Ended              // guarded by mu
	deaf    bool                 // guarded by mu: does not answer pings
}

// Reply is what the server said to a command.
type Reply struct {
	ID    int `json:"id"`
	Error *struct {
		Code      int    `json:"code"`
		Message   string `json:"message"`
		Temporary bool   `json:"temporary"`
	} `json:"error"`
	Connect   *ConnectResult   `json:"connect"`
	Subscribe *SubscribeResult `json:"subscribe"`
	RPC       *struct {
		Data json.RawMessage `json:"data"`
	} `json:"rpc"`
	Refresh json.RawMessage `json:"refresh"`
}

// ConnectResult is the reply to connect.
type ConnectResult struct {
	Client  string                     `json:"client"`
	Data    json.RawMessage            `json:"data"`
	Subs    map[string]SubscribeResult `json:"subs"`
	Expires bool                       `json:"expires"`
	TTL     int                        `json:"ttl"`
	Ping    int                        `json:"ping"`
}

// SubscribeResult is the reply to subscribe.
type SubscribeResult struct {
	Recoverable  bool          `json:"recoverable"`
	Epoch        string        `json:"epoch"`
	Offset       uint64        `json:"offset"`
	Recovered    bool          `json:"recovered"`
	Publications []Publication `json:"publications"`
}

// Publication is an event on a topic.
type Publication struct {
	Data   json.RawMessage `json:"data"`
	Offset uint64          `json:"offset"`
}

// Message is an event as the test gets it.
type Message struct {
	Type   string          `json:"type"`
	Data   json.RawMessage `json:"data"`
	Offset uint64          `json:"-"`
}

// Closed is why the socket is closed.
type Closed struct {
	Code   int
	Reason string
}

// Ended is why a subscription is ended.
type Ended struct {
	Topic string
	Code  int
}

// Dial opens a socket at url, that of an HTTP server, without connecting.
func Dial(t testing.TB, url string, header http.Header) *Client {
	t.Helper()
	c, err := TryDial(t, url, header)
	require.NoError(t, err)
	return c
}

// TryDial is Dial that may fail.
func TryDial(t testing.TB, url string, header http.Header) (*Client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"/api/v1/ws", &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("%s: %w", resp.Status, err)
		}
		return nil, err
	}
	conn.SetReadLimit(4 << 20)
	c := &Client{t: t, conn: conn, replies: map[int]chan Reply{}, events: map[string][]Message{}, changed: make(chan struct{})}
	go c.read()
	t.Cleanup(func() { _ = conn.CloseNow() })
	return c, nil
}

// Connect opens a socket and connects with a token; "" is nobody.
func Connect(t testing.TB, url, token string) *Client {
	t.Helper()
	c := Dial(t, url, nil)
	r := c.Do("connect", map[string]any{"token": token})
	require.Nil(t, r.Error, "connect: %+v", r.Error)
	c.ID, c.Welcome = r.Connect.Client, r.Connect.Data
	return c
}

// Do sends a command and returns the reply.
func (c *Client) Do(command string, params any) Reply {
	c.t.Helper()
	r, err := c.TryDo(command, params)
	require.NoError(c.t, err)
	return r
}

// TryDo is Do that may fail, because the socket is closed.
func (c *Client) TryDo(command string, params any) (Reply, error) {
	c.mu.Lock()
	c.last++
	id := c.last
	reply := make(chan Reply, 1)
	c.replies[id] = reply
	c.mu.Unlock()
	text, err := json.Marshal(map[string]any{"id": id, command: params})
	if err != nil {
		return Reply{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, text); err != nil {
		return Reply{}, err
	}
	for {
		c.mu.Lock()
		changed, closed := c.changed, c.closed
		c.mu.Unlock()
		select {
		case r := <-reply:
			return r, nil
		default:
		}
		if closed != nil {
			return Reply{}, fmt.Errorf("closed: %+v", *closed)
		}
		select {
		case r := <-reply:
			return r, nil
		case <-changed:
		case <-ctx.Done():
			return Reply{}, fmt.Errorf("no reply to %s", command)
		}
	}
}

// Write sends a frame as it is.
func (c *Client) Write(text string) error {
	return c.conn.Write(c.t.Context(), websocket.MessageText, []byte(text))
}

// Call calls a method and reads its result into out, unless that is nil.
func (c *Client) Call(method string, params, out any) {
	c.t.Helper()
	r := c.Do("rpc", map[string]any{"method": method, "data": params})
	require.Nil(c.t, r.Error, "%s: %+v", method, r.Error)
	if out != nil {
		require.NoError(c.t, json.Unmarshal(r.RPC.Data, out))
	}
}

// Refused calls a method that must fail, and returns the status and the code.
func (c *Client) Refused(method string, params any) (status int, code string) {
	c.t.Helper()
	r := c.Do("rpc", map[string]any{"method": method, "data": params})
	require.NotNil(c.t, r.Error, "%s went well", method)
	code, _, _ = strings.Cut(r.Error.Message, " ")
	return r.Error.Code, code
}

// Subscribe subscribes to a topic, with data unless it is nil.
func (c *Client) Subscribe(topic string, data any) SubscribeResult {
	c.t.Helper()
	r := c.TrySubscribe(topic, data)
	require.Nil(c.t, r.Error, "subscribe %s: %+v", topic, r.Error)
	return *r.Subscribe
}

// TrySubscribe is Subscribe that may be refused.
func (c *Client) TrySubscribe(topic string, data any) Reply {
	c.t.Helper()
	params := map[string]any{"channel": topic}
	if data != nil {
		params["data"] = data
	}
	return c.Do("subscribe", params)
}

// Recover subscribes to a topic from where an earlier connection was.
func (c *Client) Recover(topic, epoch string, offset uint64) SubscribeResult {
	c.t.Helper()
	r := c.Do("subscribe", map[string]any{"channel": topic, "recover": true, "epoch": epoch, "offset": offset})
	require.Nil(c.t, r.Error, "recover %s: %+v", topic, r.Error)
	return *r.Subscribe
}

// Cut breaks the connection without a word.
func (c *Client) Cut() { _ = c.conn.CloseNow() }

// Deaf has the client answer no pings from now on.
func (c *Client) Deaf() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
}

func (c *Client) read() {
	for {
		_, frame, err := c.conn.Read(context.Background())
		if err != nil {
			c.mu.Lock()
			c.closed = &Closed{Code: int(websocket.CloseStatus(err)), Reason: err.Error()}
			c.wake()
			c.mu.Unlock()
			return
		}
		for line := range bytes.SplitSeq(frame, []byte("\n")) {
			if len(line) > 0 {
				c.take(line)
			}
		}
	}
}

// wake tells those who wait that something is new. c.mu is held.
func (c *Client) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) take(line []byte) {
	if string(line) == "{}" { // a ping
		c.mu.Lock()
		deaf := c.deaf
		c.mu.Unlock()
		if !deaf {
			_ = c.conn.Write(context.Background(), websocket.MessageText, []byte("{}"))
		}
		return
	}
	var m struct {
		Reply
		Push *struct {
			Channel     string       `json:"channel"`
			Pub         *Publication `json:"pub"`
			Unsubscribe *struct {
				Code int `json:"code"`
			} `json:"unsubscribe"`
		} `json:"push"`
	}
	if json.Unmarshal(line, &m) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.Push == nil:
		if reply := c.replies[m.ID]; reply != nil {
			delete(c.replies, m.ID)
			reply <- m.Reply
		}
	case m.Push.Pub != nil:
		var e Message
		_ = json.Unmarshal(m.Push.Pub.Data, &e)
		e.Offset = m.Push.Pub.Offset
		c.events[m.Push.Channel] = append(c.events[m.Push.Channel], e)
	case m.Push.Unsubscribe != nil:
		c.ends = append(c.ends, Ended{Topic: m.Push.Channel, Code: m.Push.Unsubscribe.Code})
	}
	c.wake()
}

// WriteBinary sends a binary frame.
func (c *Client) WriteBinary(data []byte) error {
	return c.conn.Write(c.t.Context(), websocket.MessageBinary, data)
}
