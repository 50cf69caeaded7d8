package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// crowd is how many sockets hear how many messages a second.
type crowd struct{ sockets, rate int }

const (
	chatters    = 20               // people who write, in turn
	connectRate = 500              // sockets a second
	chatFor     = 20 * time.Second // how long they write
	stamp       = "tick"           // what the time that a message was sent is found by
)

// heard is what reached the sockets of a crowd.
type heard struct {
	asked // latencies of all messages at all sockets

	expected int
	cpu      float64 // of a core, in percent
	perKB    float64 // memory a socket
}

// sockets measures a chat that many hear, on one core, against a bare fan-out.
func (b *bench) sockets(ctx context.Context) error {
	if b.bandstand == "" {
		return nil
	}
	for _, c := range b.crowds {
		peer, err := b.fanoutTo(ctx, c)
		if err != nil {
			return fmt.Errorf("bare fan-out: %w", err)
		}
		own, err := b.chatTo(ctx, c)
		if err != nil {
			return err
		}
		b.judgeSockets(c, own, peer)
	}
	return nil
}

// chatTo has people write in the chat of one channel, and c.sockets hear it.
func (b *bench) chatTo(ctx context.Context, c crowd) (h heard, err error) {
	s, err := b.startBandstand(ctx, "BANDSTAND_TRANSCODE_ENABLED=false",
		"BANDSTAND_SOCKETS_MAX_PER_ADDRESS=100000", "BANDSTAND_SOCKETS_CONNECT_RATE=1000000", "BANDSTAND_LIMITS_AUTH=10000", "BANDSTAND_LIMITS_USERS=100000")
	if err != nil {
		return heard{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	slugs, _, err := s.channels(ctx, 1)
	if err != nil {
		return heard{}, err
	}
	topic := "chat:" + slugs[0]
	writers := make([]*websocket.Conn, chatters)
	defer func() {
		for _, w := range writers {
			if w != nil {
				_ = w.CloseNow() // it is gone either way
			}
		}
	}()
	for i := range writers {
		token, err := s.account(ctx, fmt.Sprintf("writer%d", i))
		if err != nil {
			return heard{}, err
		}
		if writers[i], err = dialSocket(ctx, s.http, "/api/v1/ws"); err != nil {
			return heard{}, err
		}
		if err := send(ctx, writers[i], map[string]any{"id": 1, "connect": map[string]any{"token": token}}); err != nil {
			return heard{}, err
		}
		go drain(ctx, writers[i])
	}
	hello := [][]byte{
		[]byte(`{"id":1,"connect":{}}`),
		fmt.Appendf(nil, `{"id":2,"subscribe":{"channel":%q}}`, topic),
	}
	id := 1
	return b.hear(ctx, s, c, "/api/v1/ws", hello, []byte(`"id":2`), func(i int, text string) error {
		id++
		return send(ctx, writers[i%chatters], map[string]any{"id": id, "rpc": map[string]any{
			"method": "chat.send", "data": map[string]any{"channel": slugs[0], "body": text},
		}})
	})
}

// fanoutTo is chatTo on the bare fan-out.
func (b *bench) fanoutTo(ctx context.Context, c crowd) (h heard, err error) {
	s, err := b.startFanout(ctx)
	if err != nil {
		return heard{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	writer, err := dialSocket(ctx, s.http, "/")
	if err != nil {
		return heard{}, err
	}
	defer writer.CloseNow() //nolint:errcheck // it is gone either way
	go drain(ctx, writer)
	return b.hear(ctx, s, c, "/", nil, nil, func(_ int, text string) error {
		// As long as what Bandstand tells of a message.
		return writer.Write(ctx, websocket.MessageText, append([]byte(text), bytes.Repeat([]byte(" "), 350)...))
	})
}

// hear opens the sockets of a crowd, has write send messages at its rate, and measures
// when they arrive. A socket has joined when it has heard ready, or at once if that is
// nil.
func (b *bench) hear(ctx context.Context, s *server, c crowd, path string, hello [][]byte, ready []byte, write func(i int, text string) error) (heard, error) {
	before, err := measure(s.cmd.Process.Pid)
	if err != nil {
		return heard{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ears := make([]*ear, c.sockets)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	for i := range ears {
		e := &ear{joined: make(chan struct{})}
		ears[i] = e
		if e.conn, err = dialSocket(ctx, s.http, path); err != nil {
			return heard{}, fmt.Errorf("socket %d: %w", i, err)
		}
		listening.Go(func() { e.listen(ctx, hello, ready) })
		if err := pause(ctx, time.Second/connectRate); err != nil {
			return heard{}, err
		}
	}
	for i, e := range ears {
		select {
		case <-e.joined:
		case <-time.After(30 * time.Second):
			return heard{}, fmt.Errorf("socket %d has not joined", i)
		}
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return heard{}, err
	}
	joined, err := measure(s.cmd.Process.Pid)
	if err != nil {
		return heard{}, err
	}
	begin, n := time.Now(), 0
	for ; ; n++ {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(c.rate))
		if due.Sub(begin) >= chatFor || pause(ctx, time.Until(due)) != nil {
			break
		}
		if err := write(n, fmt.Sprintf("%s%d hello everybody", stamp, time.Now().UnixNano())); err != nil {
			return heard{}, err
		}
	}
	after, err := measure(s.cmd.Process.Pid)
	if err != nil {
		return heard{}, err
	}
	took := time.Since(begin)
	if err := pause(ctx, 3*time.Second); err != nil { // for what is late
		return heard{}, err
	}
	cancel()
	listening.Wait()
	h := heard{
		expected: n * c.sockets, cpu: 100 * (after.cpu - joined.cpu).Seconds() / took.Seconds(),
		perKB: float64(joined.rss-before.rss) / 1024 / float64(c.sockets),
	}
	for _, e := range ears {
		h.took = append(h.took, e.took...)
	}
	h.failed = h.expected - len(h.took)
	return h, nil
}

// ear is one socket that listens.
type ear struct {
	conn   *websocket.Conn
	joined chan struct{}
	took   []time.Duration // of each message
}

func (e *ear) listen(ctx context.Context, hello [][]byte, ready []byte) {
	defer e.conn.CloseNow() //nolint:errcheck // it is gone either way
	for _, text := range hello {
		if e.conn.Write(ctx, websocket.MessageText, text) != nil {
			return
		}
	}
	if ready == nil {
		close(e.joined)
	}
	var frame bytes.Buffer
	for {
		_, r, err := e.conn.Reader(ctx)
		if err != nil {
			return
		}
		frame.Reset()
		if _, err := io.Copy(&frame, r); err != nil {
			return
		}
		now := time.Now().UnixNano()
		if ready != nil && bytes.Contains(frame.Bytes(), ready) {
			close(e.joined)
			ready = nil
		}
		if frame.String() == "{}" {
			_ = e.conn.Write(ctx, websocket.MessageText, []byte("{}"))
			continue
		}
		e.note(frame.Bytes(), now)
	}
}

// note notes when the messages in a frame were sent.
func (e *ear) note(frame []byte, now int64) {
	for {
		_, after, found := bytes.Cut(frame, []byte(stamp))
		if !found {
			return
		}
		digits := after[:max(0, bytes.IndexByte(after, ' '))]
		if sent, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
			e.took = append(e.took, time.Duration(now-sent))
		}
		frame = after
	}
}

func dialSocket(ctx context.Context, addr, path string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+path, nil) //nolint:bodyclose // the library closes it
	if err == nil {
		conn.SetReadLimit(1 << 20)
	}
	return conn, err
}

func send(ctx context.Context, conn *websocket.Conn, command any) error {
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, text)
}

// drain reads what comes, and answers pings. What is refused is told once.
func drain(ctx context.Context, conn *websocket.Conn) {
	told := false
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if string(text) == "{}" {
			_ = conn.Write(ctx, websocket.MessageText, text)
		}
		if !told && bytes.Contains(text, []byte(`"error"`)) {
			told = true
			logf("refused: %.200s", text)
		}
	}
}

// account makes an account and returns a token of it.
func (s *server) account(ctx context.Context, name string) (string, error) {
	account := map[string]string{"username": name, "email": name + "@example.com", "login": name, "password": rand.Text()}
	if err := s.call(ctx, "/api/v1/auth/signup", "", pick(account, "username", "email", "password"), nil); err != nil {
		return "", err
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err := s.call(ctx, "/api/v1/auth/login", "", pick(account, "login", "password"), &token)
	return token.AccessToken, err
}

func (b *bench) judgeSockets(c crowd, own, peer heard) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	name := fmt.Sprintf("chat, %d sockets × %d messages/s", c.sockets, c.rate)
	add := func(what, unit string, own, peer float64, aim string) {
		b.results.add(result{Scenario: name, What: what, Unit: unit, Bandstand: own, Peer: peer, PeerName: "bare fan-out", Aim: aim})
	}
	aim := ""
	if c == (crowd{2000, 20}) {
		aim = "≤ 150"
	}
	add("CPU of a core", "%", own.cpu, peer.cpu, "")
	add("memory a socket", "KB", own.perKB, peer.perKB, "≤ 30")
	add("median delivery", "ms", ms(own.quantile(0.5)), ms(peer.quantile(0.5)), "")
	add("99th percentile", "ms", ms(own.quantile(0.99)), ms(peer.quantile(0.99)), aim)
	add("deliveries", "count", float64(len(own.took)), float64(len(peer.took)), "")
	b.results.add(result{Scenario: name, What: "messages lost", Unit: "count", Bandstand: float64(own.failed), Aim: "0"})
}
