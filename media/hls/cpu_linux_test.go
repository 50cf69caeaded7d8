package hls

import (
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime returns what the process has used of all cores.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// drop reads n bytes from c and forgets them without copying them; buf is not written.
func drop(c *net.TCPConn, n int, buf []byte) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	for n > 0 {
		var got int
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			got, _, failed = unix.Recvfrom(int(fd), buf[:min(n, len(buf))], unix.MSG_TRUNC)
			return failed != unix.EAGAIN
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
		if got == 0 {
			return io.ErrUnexpectedEOF
		}
		n -= got
	}
	return nil
}
