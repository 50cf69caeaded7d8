//go:build unix

package main

import "golang.org/x/sys/unix"

// freeBytes returns what an ordinary user may still write below dir.
func freeBytes(dir string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return fs.Bavail * uint64(fs.Bsize), nil //nolint:gosec,unconvert // a block size is positive; its type differs by system
}
