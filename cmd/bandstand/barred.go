package main

import (
	"net"
	"net/netip"
	"time"
)

// barredListener hangs up on addresses that are banned.
type barredListener struct {
	net.Listener

	banned func(addr netip.Addr) (until time.Time, banned bool)
}

// Accept implements net.Listener.
func (l *barredListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if err != nil {
			return conn, nil
		}
		if _, banned := l.banned(from.Addr().Unmap().WithZone("")); !banned {
			return conn, nil
		}
		_ = conn.Close() // they are not owed an answer
	}
}
