//go:build !linux

package hls

import (
	"io"
	"net"
	"time"
)

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }

// drop reads n bytes from c and forgets them.
func drop(c *net.TCPConn, n int, buf []byte) error {
	_, err := io.CopyBuffer(io.Discard, io.LimitReader(c, int64(n)), buf)
	return err
}
