//go:build !linux

package hls

import "os"

// newMemoryFile returns a temporary file; closeMemoryFile removes it.
func newMemoryFile(name string) (*os.File, error) {
	return os.CreateTemp("", "bandstand-"+name+"-")
}

// reopen returns f again with an offset of its own.
func reopen(f *os.File) (*os.File, error) { return os.Open(f.Name()) }

// closeMemoryFile closes f and removes it. Files that reopen returned go on where the
// system allows that.
func closeMemoryFile(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}

// writeVector writes bufs at offset and returns how many bytes they are.
func writeVector(f *os.File, bufs [][]byte, offset int64) (int64, error) {
	var total int64
	for _, b := range bufs {
		n, err := f.WriteAt(b, offset+total)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// punchHole does nothing: the file gives its space back when it is removed.
func punchHole(*os.File, int64, int64) {}
