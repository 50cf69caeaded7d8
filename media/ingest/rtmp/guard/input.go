package guard

import (
	"errors"
	"net"
	"sync"
	"time"
)

const (
	setupBuffer   = 4 << 10
	publishBuffer = 64 << 10
)

// input reads the client's bytes ahead, under the deadlines. One goroutine uses it,
// but for end.
type input struct {
	nc    net.Conn
	lim   Limits
	buf   []byte
	r, w  int   // buf[r:w] is unread
	total int64 // bytes received

	publishing bool
	refresh    time.Time // when the idle deadline is next put off
	poll       *poller   // nil where reads cannot be put together
	more       bool      // the last read filled its buffer

	mu   sync.Mutex
	over bool // guarded by mu; the deadline is no longer ours to set
}

var errEnding = errors.New("connection is being ended")

func newInput(nc net.Conn, lim Limits) *input {
	in := &input{nc: nc, lim: lim, buf: make([]byte, setupBuffer)}
	in.deadline(time.Now().Add(lim.SetupTimeout))
	return in
}

// publish changes over from the limits on setting up to those on publishing.
func (in *input) publish() {
	buf := make([]byte, publishBuffer)
	in.w = copy(buf, in.buf[in.r:in.w])
	in.r = 0
	in.buf = buf
	in.publishing = true
	if in.lim.Batch != nil {
		in.poll = newPoller(in.nc)
	}
	in.refresh = time.Time{}
}

func (in *input) buffered() int { return in.w - in.r }
func (in *input) bytes() []byte { return in.buf[in.r:in.w] }
func (in *input) discard(n int) { in.r += n }

// need returns the next n bytes, at most setupBuffer, without taking them.
func (in *input) need(n int) ([]byte, error) {
	for in.w-in.r < n {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	return in.buf[in.r : in.r+n], nil
}

// take returns the next n bytes. They are valid until the next call.
func (in *input) take(n int) ([]byte, error) {
	b, err := in.need(n)
	if err == nil {
		in.r += n
	}
	return b, err
}

// readFull fills dst. What is large goes past the buffer.
func (in *input) readFull(dst []byte) error {
	for {
		n := copy(dst, in.buf[in.r:in.w])
		in.r += n
		dst = dst[n:]
		if len(dst) == 0 {
			return nil
		}
		if len(dst) < len(in.buf) {
			if err := in.fill(); err != nil {
				return err
			}
			continue
		}
		n, err := in.read(dst)
		dst = dst[n:]
		if err != nil {
			return err
		}
	}
}

// fill reads at least one byte into the buffer, which has room.
func (in *input) fill() error {
	if in.r > 0 {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	n, err := in.read(in.buf[in.w:])
	in.w += n
	return err
}

// read reads at least one byte. An error comes without bytes.
func (in *input) read(p []byte) (int, error) {
	if in.publishing {
		if now := time.Now(); now.After(in.refresh) {
			in.refresh = now.Add(in.lim.IdleTimeout / 8)
			in.deadline(now.Add(in.lim.IdleTimeout))
		}
	}
	if in.ending() {
		return 0, errEnding
	}
	n, err := in.receive(p)
	in.more = n == len(p)
	in.total += int64(n)
	if !in.publishing && in.total > int64(in.lim.SetupBytes) {
		return 0, errSetup
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// maxIdleTicks is how long a silent publisher is looked at before the reader waits
// for it to wake it.
const maxIdleTicks = 10

// receive reads at least one byte. With many publishers, it looks at the socket at
// each tick of a common clock instead of being woken by each packet: they are then
// read in one go, and most of the cost of an idle process waking up is saved.
func (in *input) receive(p []byte) (int, error) {
	if in.poll == nil {
		return in.nc.Read(p)
	}
	for range maxIdleTicks {
		tick := in.lim.Batch()
		if tick <= 0 {
			break
		}
		in.poll.hush(true)
		if !in.more {
			now := time.Now()
			time.Sleep(now.Truncate(tick).Add(tick).Sub(now))
		}
		if n, err := in.poll.read(p); n > 0 || err != nil {
			return n, err
		}
		in.more = false
	}
	in.poll.hush(false)
	return in.nc.Read(p)
}

// fillAtEnd reads into the empty buffer after end.
func (in *input) fillAtEnd() error {
	n, err := in.nc.Read(in.buf)
	in.r, in.w = 0, n
	return err
}

func (in *input) deadline(t time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over {
		_ = in.nc.SetReadDeadline(t) // fails when closed, as the read will
	}
}

// end leaves the reader the time to linger. It may be called from any goroutine.
func (in *input) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over {
		in.over = true
		_ = in.nc.SetReadDeadline(time.Now().Add(in.lim.Linger))
	}
}

func (in *input) ending() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.over
}
