package hls

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

const (
	pageBytes     = 4096
	maxIdleOpened = 16
)

var errStoreClosed = errors.New("store is closed")

// store is an append-only file in memory which holds one rendition's media once.
// Ranges that nobody needs any more give their memory back. The sender of a
// response reads through an *os.File of its own, so that the kernel can move the
// bytes from the file to the socket.
type store struct {
	mu     sync.Mutex
	file   *os.File   // guarded by mu; nil when closed
	idle   []*os.File // guarded by mu; opened before and not in use
	end    int64      // guarded by mu; where the next append goes
	closed bool       // guarded by mu
}

func newStore(name string) (*store, error) {
	f, err := newMemoryFile(name)
	if err != nil {
		return nil, fmt.Errorf("hls: media file: %w", err)
	}
	return &store{file: f}, nil
}

// append writes bufs one after the other and returns where they begin. It changes
// the slice bufs but not what its elements hold.
func (s *store) append(bufs [][]byte) (offset int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errStoreClosed
	}
	n, err := writeVector(s.file, bufs, s.end)
	if err != nil {
		return 0, fmt.Errorf("hls: store media: %w", err)
	}
	offset = s.end
	s.end += n
	return offset, nil
}

// align moves the end to a page, so that what comes next can be freed by itself.
func (s *store) align() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = (s.end + pageBytes - 1) &^ (pageBytes - 1)
	return s.end
}

// free gives back the memory of a range that begins at a page; its last page is
// given back whole.
func (s *store) free(offset, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || size == 0 {
		return
	}
	size = (size + pageBytes - 1) &^ (pageBytes - 1)
	punchHole(s.file, offset, size)
}

// reader returns the media as a file with an offset of its own. The caller gives
// it back by done.
func (s *store) reader() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errStoreClosed
	}
	if n := len(s.idle); n > 0 {
		f := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return f, nil
	}
	return reopen(s.file)
}

// done takes back a file that reader returned.
func (s *store) done(f *os.File) {
	s.mu.Lock()
	if !s.closed && len(s.idle) < maxIdleOpened {
		s.idle = append(s.idle, f)
		f = nil
	}
	s.mu.Unlock()
	if f != nil {
		f.Close()
	}
}

// close gives everything back; responses under way keep it until they end.
func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	closeMemoryFile(s.file)
	for _, f := range s.idle {
		f.Close()
	}
	s.idle = nil
}
