// Package guard stands between an RTMP client and go-rtmp. It takes the client's
// chunk stream apart itself, within limits; hands media straight to its receiver;
// and writes the few commands that the library has to see anew, as plain as it
// likes them. Nothing that a client wrote reaches the library.
package guard

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Limits of one connection. Fields that are zero get the default.
type Limits struct {
	ChunkStreams   int           // 16
	MediaMessage   int           // bytes of one audio or video message; 8 MiB
	ControlMessage int           // bytes of any other message, and of any before publishing; 64 KiB
	Unfinished     int           // bytes of messages begun and not ended, all together; 12 MiB
	SetupBytes     int           // received before publishing; 1 MiB
	SetupTimeout   time.Duration // from the first byte to publishing; 10s
	IdleTimeout    time.Duration // longest silence of a publisher; 20s
	WriteTimeout   time.Duration // 5s
	Linger         time.Duration // for the client to read why it has to go; 250ms

	// Batch says how long what a publisher sends may wait to be read together with
	// what others send. If nil, or while it returns zero, it does not wait.
	Batch func() time.Duration
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.ChunkStreams, 16)
	setDefault(&l.MediaMessage, 8<<20)
	setDefault(&l.ControlMessage, 64<<10)
	setDefault(&l.Unfinished, 12<<20)
	setDefault(&l.SetupBytes, 1<<20)
	setDefault(&l.SetupTimeout, 10*time.Second)
	setDefault(&l.IdleTimeout, 20*time.Second)
	setDefault(&l.WriteTimeout, 5*time.Second)
	setDefault(&l.Linger, 250*time.Millisecond)
	return l
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// ChunkSize is announced to the client, and is what go-rtmp has to be told as its
// own. Senders that follow the server's lead, as ffmpeg does, then need one chunk
// for most messages.
const ChunkSize = 65536

// Message is one audio or video message.
type Message struct {
	Video bool
	Time  uint32 // milliseconds; wraps after 49 days
	Body  []byte // the receiver's
}

// Receiver takes what a publisher sends.
type Receiver interface {
	// Media takes one message. An error ends the connection.
	Media(m Message) error
	// Metadata takes what the publisher says about its stream.
	Metadata(values map[string]any)
}

var (
	errNotRTMP  = errors.New("not an RTMP client")
	errSetup    = errors.New("too much data before publishing")
	errFinished = errors.New("connection was ended")
)

// Conn is the io.ReadWriteCloser that go-rtmp gets in place of the client's
// connection. One goroutine reads; Write, HangUp and Close may be called from any.
type Conn struct {
	nc    net.Conn
	lim   Limits
	in    *input
	chunk demuxer

	receiver  Receiver // nil before publishing; of the reading goroutine
	handshake int      // bytes of it still to come
	out       []byte   // commands for the library that it has not read yet
	outBuf    []byte
	ackWindow int   // bytes between acknowledgements
	acked     int64 // bytes acknowledged
	drained   bool
	err       error

	writeMu sync.Mutex
	hello   []byte // guarded by writeMu; our part of the handshake, sent in one piece
	greeted int    // guarded by writeMu; bytes of it written by the library
	opened  bool   // guarded by writeMu; the chunk size has been announced
	silent  bool   // guarded by writeMu; the library writes into the void
}

const (
	handshakeSize    = 1 + 1536 + 1536 // C0 C1 C2, or S0 S1 S2
	rtmpVersion      = 3
	defaultAckWindow = 2_500_000
)

// New returns a Conn on nc, which it owns from then on. The time for setting up
// begins to run.
func New(nc net.Conn, lim Limits) *Conn {
	lim = lim.withDefaults()
	c := &Conn{nc: nc, lim: lim, handshake: handshakeSize, ackWindow: defaultAckWindow}
	c.in = newInput(nc, lim)
	c.chunk = newDemuxer(c.in, lim)
	return c
}

// Publish lifts the limits on setting up and hands media to r from now on. It is
// called by the reading goroutine, in the middle of Read's caller.
func (c *Conn) Publish(r Receiver) {
	c.receiver = r
	c.chunk.publishing = true
	c.in.publish()
}

// Received returns how many bytes came from the client. It is for the reading
// goroutine.
func (c *Conn) Received() int64 { return c.in.total }

// Dropped returns how many messages were of no use. It is for the reading goroutine.
func (c *Conn) Dropped() int { return c.chunk.dropped }

// Err returns why the connection ended, nil if the client ended it or it has not. It
// is for the reading goroutine.
func (c *Conn) Err() error {
	if errors.Is(c.err, io.EOF) {
		return nil
	}
	return c.err
}

// Read gives the library the client's handshake and then commands. In between it
// hands media to the receiver. It blocks until there is a command or the connection
// is over; io.EOF means that the client ended it.
func (c *Conn) Read(p []byte) (int, error) {
	if c.handshake > 0 {
		return c.readHandshake(p)
	}
	for len(c.out) == 0 {
		if c.err == nil {
			c.err = c.next()
		}
		if c.err != nil {
			c.drain()
			return 0, c.err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *Conn) readHandshake(p []byte) (int, error) {
	if c.in.buffered() == 0 {
		if c.err = c.in.fill(); c.err != nil {
			return 0, c.err
		}
	}
	b := c.in.bytes()
	if c.handshake == handshakeSize && b[0] != rtmpVersion {
		c.err = errNotRTMP
		return 0, c.err
	}
	n := copy(p[:min(len(p), c.handshake)], b)
	c.in.discard(n)
	c.handshake -= n
	return n, nil
}

// next handles one message.
func (c *Conn) next() error {
	m, err := c.chunk.next()
	if err != nil {
		return err
	}
	if err := c.handle(m); err != nil {
		return err
	}
	return c.acknowledge()
}

// acknowledge tells the client now and then how much has arrived: some wait for it.
// RTMP 5.4.3.
func (c *Conn) acknowledge() error {
	if c.in.total-c.acked < int64(c.ackWindow)/2 {
		return nil
	}
	c.acked = c.in.total
	return c.inject(appendChunk(nil, csidControl, typeAck, 0, u32(uint32(c.in.total))))
}

// Write sends what the library has to say. Its part of the handshake goes out in
// one piece; the chunk size is announced right behind.
func (c *Conn) Write(p []byte) (int, error) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.silent {
		return len(p), nil
	}
	if c.greeted < handshakeSize {
		c.greeted += len(p)
		c.hello = append(c.hello, p...)
		if c.greeted < handshakeSize {
			return len(p), nil
		}
		hello := c.hello
		c.hello = nil
		return len(p), c.send(hello)
	}
	if !c.opened {
		c.opened = true
		p2 := append(appendChunk(nil, csidControl, typeSetChunkSize, 0, u32(ChunkSize)), p...)
		return len(p), c.send(p2)
	}
	return len(p), c.send(p)
}

// inject sends whole chunks between those of the library.
func (c *Conn) inject(b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.silent || !c.opened {
		return nil
	}
	return c.send(b)
}

func (c *Conn) send(b []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.lim.WriteTimeout)); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	_, err := c.nc.Write(b)
	return err
}

// HangUp tells the client in a status message why the connection ends, and sees to
// it that Read returns soon. Nothing is sent after it. Only the first call counts.
func (c *Conn) HangUp(s Status) {
	c.in.end()
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.silent {
		return
	}
	c.silent = true
	if c.opened {
		_ = c.send(s.chunk()) // the client may be gone already
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// drain reads on for a moment after HangUp: closing a socket with unread bytes
// resets it, and the client would never see the status.
func (c *Conn) drain() {
	if c.drained || !c.in.ending() {
		return
	}
	c.drained = true
	c.err = errFinished
	for {
		c.in.discard(c.in.buffered())
		if err := c.in.fillAtEnd(); err != nil {
			return
		}
	}
}

// Close closes the connection, after HangUp not before the client had a moment to
// read its status. The reading goroutine calls it.
func (c *Conn) Close() error {
	c.drain()
	return c.nc.Close()
}

// Abort closes the connection at once, from any goroutine.
func (c *Conn) Abort() { _ = c.nc.Close() }

var _ io.ReadWriteCloser = (*Conn)(nil)
