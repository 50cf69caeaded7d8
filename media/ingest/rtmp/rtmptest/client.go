// Package rtmptest is a small RTMP publisher for tests, benchmarks and self-checks:
// it sends exactly the bytes and timestamps that it is told to.
package rtmptest

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"bandstand/media/stream/flv"
)

// Message types beside those of package flv.
const (
	TypeSetChunkSize = 1
	TypeCommand      = 20
)

// Options of a Client. The zero value is what most encoders do.
type Options struct {
	TLS       *tls.Config   // nil for plain RTMP
	ChunkSize int           // of what is sent; 4096 if zero
	Timeout   time.Duration // for connecting and for each answer; 10s if zero

	// BareContinuations leaves the extended timestamp out of chunks that continue a
	// message, as some encoders do against the specification.
	BareContinuations bool
}

// StatusError is what the server said when it refused or ended the stream.
type StatusError struct{ Code, Text string }

func (e *StatusError) Error() string { return e.Code + ": " + e.Text }

// Client is one connection to an RTMP server. One goroutine uses it at a time, but
// Wait may run beside sending.
type Client struct {
	nc   net.Conn
	r    *bufio.Reader
	opts Options
	in   reader
	buf  []byte
}

// Dial connects to addr and shakes hands.
func Dial(addr string, o Options) (*Client, error) {
	if o.ChunkSize == 0 {
		o.ChunkSize = 4096
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	nc, err := net.DialTimeout("tcp", addr, o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("rtmptest: %w", err)
	}
	if o.TLS != nil {
		nc = tls.Client(nc, o.TLS)
	}
	c := &Client{nc: nc, r: bufio.NewReader(nc), opts: o}
	c.in = reader{r: c.r, size: 128, streams: map[int]*inbound{}}
	if err := c.shakeHands(); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("rtmptest: handshake: %w", err)
	}
	return c, nil
}

// Publish connects to rtmp://host:port/app/name and publishes. What follows the last
// slash of the path, a query included, is the stream name. A refusal is a
// *StatusError.
func Publish(target string, o Options) (*Client, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("rtmptest: %w", err)
	}
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	at := strings.LastIndexByte(path, '/')
	if at < 0 {
		return nil, fmt.Errorf("rtmptest: no stream name in the URL's path")
	}
	app, name := path[:at], path[at+1:]
	if u.RawQuery != "" {
		name += "?" + u.RawQuery
	}
	c, err := Dial(u.Host, o)
	if err != nil {
		return nil, err
	}
	if err := c.publish(app, "rtmp://"+u.Host+"/"+app, name); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) publish(app, tcURL, name string) error {
	if err := c.Connect(app, tcURL); err != nil {
		return err
	}
	return c.PublishName(name)
}

// Connect sends the chunk size and the connect command, and waits for the answer.
func (c *Client) Connect(app, tcURL string) error {
	size := binary.BigEndian.AppendUint32(nil, uint32(c.opts.ChunkSize))
	if err := c.Send(TypeSetChunkSize, 0, size); err != nil {
		return err
	}
	object := Object{{"app", app}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0 (rtmptest)"}, {"tcUrl", tcURL}}
	if err := c.Command("connect", 1, object); err != nil {
		return err
	}
	return c.answer("_result")
}

// PublishName sends what encoders send to publish a stream, and waits until it may
// begin.
func (c *Client) PublishName(name string) error {
	for _, step := range []func() error{
		func() error { return c.Command("releaseStream", 2, nil, name) },
		func() error { return c.Command("FCPublish", 3, nil, name) },
		func() error { return c.Command("createStream", 4, nil) },
		func() error { return c.answer("_result") },
		func() error { return c.Command("publish", 5, nil, name, "live") },
		func() error { return c.answer("onStatus") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) shakeHands() error {
	hello := make([]byte, 1537)
	hello[0] = 3
	if err := c.Raw(hello); err != nil {
		return err
	}
	c.expectWithin(c.opts.Timeout)
	answer := make([]byte, 1537)
	if _, err := io.ReadFull(c.r, answer); err != nil {
		return err
	}
	if err := c.Raw(answer[1:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c.r, answer[1:])
	return err
}

func (c *Client) expectWithin(d time.Duration) {
	_ = c.nc.SetReadDeadline(time.Now().Add(d)) // fails when closed, as the read will
}

// answer waits for a command called name. An onStatus of level error is a
// *StatusError.
func (c *Client) answer(name string) error {
	c.expectWithin(c.opts.Timeout)
	for {
		got, err := c.status()
		if err != nil {
			return err
		}
		if got == name {
			return nil
		}
	}
}

// Wait reads what the server sends until it ends the connection, and returns its
// last word: a *StatusError if it gave a reason, else io.EOF or the read's error.
func (c *Client) Wait() error {
	_ = c.nc.SetReadDeadline(time.Time{})
	for {
		_, err := c.status()
		if err == nil {
			continue
		}
		var status *StatusError
		if errors.As(err, &status) {
			_, _ = io.Copy(io.Discard, c.r)
		}
		return err
	}
}

// status reads one message and returns the name of the command in it.
func (c *Client) status() (name string, err error) {
	kind, body, err := c.in.next()
	if err != nil || kind != TypeCommand {
		return "", err
	}
	values, err := Decode(body)
	if err != nil || len(values) == 0 {
		return "", err
	}
	name, _ = values[0].(string)
	info, _ := values[len(values)-1].(map[string]any)
	if level, _ := info["level"].(string); level == "error" {
		e := &StatusError{}
		e.Code, _ = info["code"].(string)
		e.Text, _ = info["description"].(string)
		return name, e
	}
	return name, nil
}

// Command sends a command message.
func (c *Client) Command(name string, transaction int, args ...any) error {
	c.buf = c.appendCommand(c.buf[:0], append([]any{name, transaction}, args...)...)
	return c.Raw(c.buf)
}

// SendTag sends an FLV tag as a message.
func (c *Client) SendTag(tag flv.Tag) error { return c.Send(tag.Type, tag.Time, tag.Body) }

// Send sends one message, of time milliseconds, in chunks.
func (c *Client) Send(kind byte, time uint32, body []byte) error {
	c.buf = c.Append(c.buf[:0], kind, time, body)
	return c.Raw(c.buf)
}

// Append appends the chunks of a message to b, for Raw.
func (c *Client) Append(b []byte, kind byte, time uint32, body []byte) []byte {
	csid, stream := channelOf(kind)
	return c.appendChunks(b, csid, kind, stream, time, body)
}

// appendCommand is Append for a command, which goes to the stream that it is about.
func (c *Client) appendCommand(b []byte, values ...any) []byte {
	csid, stream := channelOf(TypeCommand)
	if values[0] == "publish" || values[0] == "play" {
		stream = 1 // the first that createStream gives
	}
	return c.appendChunks(b, csid, TypeCommand, stream, 0, Append(nil, values...))
}

func (c *Client) appendChunks(b []byte, csid, kind byte, stream, time uint32, body []byte) []byte {
	short, n := min(time, 0xffffff), len(body)
	b = append(b, csid, byte(short>>16), byte(short>>8), byte(short), byte(n>>16), byte(n>>8), byte(n), kind)
	b = binary.LittleEndian.AppendUint32(b, stream)
	if short == 0xffffff {
		b = binary.BigEndian.AppendUint32(b, time)
	}
	for {
		part := min(len(body), c.opts.ChunkSize)
		if kind == TypeSetChunkSize {
			part = len(body)
		}
		b = append(b, body[:part]...)
		body = body[part:]
		if len(body) == 0 {
			return b
		}
		b = append(b, 0xc0|csid)
		if short == 0xffffff && !c.opts.BareContinuations {
			b = binary.BigEndian.AppendUint32(b, time)
		}
	}
}

// channelOf returns the chunk stream and the message stream that encoders use.
func channelOf(kind byte) (csid byte, stream uint32) {
	switch kind {
	case TypeSetChunkSize:
		return 2, 0
	case flv.TypeAudio, flv.TypeScript:
		return 4, 1
	case flv.TypeVideo:
		return 6, 1
	}
	return 3, 0
}

// Script returns everything that a client sends to publish tags, for those who send
// it without waiting for answers.
func Script(o Options, app, name string, tags []flv.Tag) []byte {
	if o.ChunkSize == 0 {
		o.ChunkSize = 4096
	}
	c := &Client{opts: o}
	b := make([]byte, 1+1536+1536)
	b[0] = 3
	b = c.Append(b, TypeSetChunkSize, 0, binary.BigEndian.AppendUint32(nil, uint32(o.ChunkSize)))
	for _, command := range [][]any{
		{"connect", 1, Object{{"app", app}, {"flashVer", "FMLE/3.0 (rtmptest)"}, {"tcUrl", "rtmp://localhost/" + app}}},
		{"releaseStream", 2, nil, name},
		{"createStream", 4, nil},
		{"publish", 5, nil, name, "live"},
	} {
		b = c.appendCommand(b, command...)
	}
	for _, tag := range tags {
		b = c.Append(b, tag.Type, tag.Time, tag.Body)
	}
	return b
}

// AppendTag appends the chunks of an FLV tag to b.
func AppendTag(b []byte, o Options, tag flv.Tag) []byte {
	if o.ChunkSize == 0 {
		o.ChunkSize = 4096
	}
	return (&Client{opts: o}).Append(b, tag.Type, tag.Time, tag.Body)
}

// Raw sends bytes as they are.
func (c *Client) Raw(b []byte) error {
	_, err := c.nc.Write(b)
	return err
}

// Close ends the connection.
func (c *Client) Close() error { return c.nc.Close() }
