package turn

import (
	"context"
	"errors"
	"net"
	"time"
)

// socket is the server's UDP socket as the library sees it: requests come at the pace
// that their address may have, and what is wrong with one packet ends nothing.
type socket struct {
	net.PacketConn
	s    *Server
	over chan struct{} // closed when the library has had the last packet
}

const readBuffer = 1 << 20 // bytes; a burst of video from many people

func newSocket(pc net.PacketConn, s *Server) *socket {
	if u, ok := pc.(interface{ SetReadBuffer(int) error }); ok {
		_ = u.SetReadBuffer(readBuffer)
	}
	return &socket{PacketConn: pc, s: s, over: make(chan struct{})}
}

// ReadFrom returns the next packet for the library. An error is its last word.
func (c *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, addr, err := c.PacketConn.ReadFrom(p)
		if errors.Is(err, net.ErrClosed) {
			close(c.over)
			return 0, nil, err
		}
		if err != nil { // about a packet that could not be sent, on some systems
			time.Sleep(time.Millisecond)
			continue
		}
		if isRequest(p[:n]) {
			if from, ok := addrPort(addr); !ok || !c.s.pace.allow(from.Addr(), time.Now()) {
				c.s.metrics.dropped("rate")
				continue
			}
		}
		return n, addr, nil
	}
}

// door is a TCP listener as the library sees it: who gets in is limited, and an error
// that may pass does not end it.
type door struct {
	net.Listener
	s     *Server
	pause time.Duration
}

// Accept returns the next connection. An error is its last word.
func (d *door) Accept() (net.Conn, error) {
	for {
		nc, err := d.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			d.s.failed(err)
			return nil, err
		}
		if err != nil {
			d.pause = min(max(2*d.pause, 5*time.Millisecond), time.Second)
			d.s.cfg.Logger.WarnContext(context.Background(), "cannot accept a connection", "err", err)
			time.Sleep(d.pause)
			continue
		}
		d.pause = 0
		if c := d.s.enter(nc); c != nil {
			return c, nil
		}
		_ = nc.Close()
	}
}
