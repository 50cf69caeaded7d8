package turn

import (
	"bufio"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	setupTime = 30 * time.Second // until a connection has a relay, and again when it is gone
	writeTime = 5 * time.Second
)

// stream is a TCP connection as the library sees it: each Read returns one whole
// message, and a client that is silent or does not read is gone after a while.
type stream struct {
	net.Conn
	s     *Server
	in    *bufio.Reader
	home  netip.Addr // what its connections are counted by
	key   string
	idle  atomic.Int64 // time.Duration for which it may be silent; 0: it has no relay
	until time.Time    // when it has to have a relay
	gone  sync.Once
}

// Read returns one message. An error is the last word.
func (c *stream) Read(p []byte) (int, error) {
	_ = c.SetReadDeadline(c.deadline())
	var frame [maxFrame]byte
	n, err := readFrame(c.in, frame[:])
	switch {
	case err == nil:
		return copy(p, frame[:n]), nil // the library's buffer has room
	case errors.Is(err, errFrame), errors.Is(err, errFrameSize):
		c.s.metrics.rejected("frame")
	case isTimeout(err):
		c.s.metrics.rejected("silent")
	}
	return 0, err
}

func (c *stream) deadline() time.Time {
	if idle := time.Duration(c.idle.Load()); idle > 0 {
		return time.Now().Add(idle)
	}
	return c.until
}

// settle says that the connection has a relay, with which it may be silent for idle.
func (c *stream) settle(idle time.Duration) { c.idle.Store(int64(idle)) }

// unsettle says that the relay is gone.
func (c *stream) unsettle() {
	c.idle.Store(0)
	_ = c.SetReadDeadline(c.until)
}

// Write sends one message, all of it or never another.
func (c *stream) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(writeTime))
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Conn.Close()
	}
	return n, err
}

// Close is called by the library when it is done with the connection.
func (c *stream) Close() error {
	err := c.Conn.Close()
	c.gone.Do(func() { c.s.leave(c) })
	return err
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
