package hls

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxVector is IOV_MAX: the most buffers that one pwritev takes.
const maxVector = 1024

// newMemoryFile returns a file that exists in memory only.
func newMemoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate("bandstand-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "memfd:"+name), nil
}

// reopen returns f again with an offset of its own.
func reopen(f *os.File) (*os.File, error) {
	path := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// closeMemoryFile closes f. Its memory stays until the files that reopen returned are
// closed as well.
func closeMemoryFile(f *os.File) { f.Close() }

// writeVector writes bufs at offset and returns how many bytes they are. It
// changes the slice bufs.
func writeVector(f *os.File, bufs [][]byte, offset int64) (int64, error) {
	fd := int(f.Fd())
	var total int64
	for len(bufs) > 0 {
		n, err := unix.Pwritev(fd, bufs[:min(len(bufs), maxVector)], offset+total)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return total, os.NewSyscallError("pwritev", err)
		}
		total += int64(n)
		left := n
		for len(bufs) > 0 && left >= len(bufs[0]) {
			left -= len(bufs[0])
			bufs = bufs[1:]
		}
		if len(bufs) > 0 {
			if n == 0 {
				return total, fmt.Errorf("pwritev: %w", io.ErrShortWrite)
			}
			bufs[0] = bufs[0][left:]
		}
	}
	return total, nil
}

// punchHole gives the range's memory back; it reads as zeros from then on.
func punchHole(f *os.File, offset, size int64) {
	// A kernel that refuses keeps the memory until the stream ends.
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, offset, size)
}
