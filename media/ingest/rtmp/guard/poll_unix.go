//go:build unix

package guard

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// poller reads what a socket has without waiting for it.
type poller struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // reads into p; made once, so that reading does not allocate
	p   []byte
	n   int
	err error

	quiet bool // the runtime is not woken by what comes
}

// quietBelow is how many bytes may come before they wake the runtime, which would
// otherwise look at every packet although nobody waits for it.
const quietBelow = 256 << 10

// newPoller returns nil for what is not a bare socket.
func newPoller(nc net.Conn) *poller {
	sc, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	p := &poller{raw: raw}
	p.try = func(fd uintptr) bool {
		p.n, p.err = syscall.Read(int(fd), p.p)
		return true
	}
	return p
}

// hush keeps what comes from waking the runtime, or stops doing so.
func (r *poller) hush(quiet bool) {
	if r.quiet == quiet {
		return
	}
	r.quiet = quiet
	low := 1
	if quiet {
		low = quietBelow
	}
	_ = r.raw.Control(func(fd uintptr) { // only saves time
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, low)
	})
}

// read returns 0 and nil if nothing is there.
func (r *poller) read(p []byte) (int, error) {
	r.p = p
	defer func() { r.p = nil }()
	for {
		if err := r.raw.Read(r.try); err != nil {
			return 0, err
		}
		switch {
		case errors.Is(r.err, syscall.EINTR):
			continue
		case errors.Is(r.err, syscall.EAGAIN):
			return 0, nil
		case r.err != nil:
			return 0, r.err
		case r.n == 0:
			return 0, io.EOF
		}
		return r.n, nil
	}
}
