package turn

import (
	"bufio"
	"net"
	"time"
)

// enter lets a connection in; nil if there are too many. The library has to Close it.
func (s *Server) enter(nc net.Conn) *stream {
	from, ok := addrPort(nc.RemoteAddr())
	if !ok {
		return nil
	}
	home, key := household(from.Addr()), clientKey(nc.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing, s.conns[key] != nil: // the same port at two doors
		return nil
	case len(s.conns) >= s.cfg.MaxConnections:
		s.metrics.rejected("connections")
		return nil
	case s.homes[home] >= s.cfg.MaxConnectionsPerAddr:
		s.metrics.rejected("address_connections")
		return nil
	}
	c := &stream{
		Conn:  nc,
		s:     s,
		in:    bufio.NewReaderSize(nc, 4<<10),
		home:  home,
		key:   key,
		until: time.Now().Add(setupTime),
	}
	s.homes[home]++
	s.conns[c.key] = c
	s.streams.Add(1)
	s.metrics.connections.Inc()
	return c
}

// leave forgets a connection.
func (s *Server) leave(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.homes[c.home]--
	if s.homes[c.home] <= 0 {
		delete(s.homes, c.home)
	}
	delete(s.conns, c.key)
	s.metrics.connections.Dec()
	s.streams.Done()
}
