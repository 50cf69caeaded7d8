package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// userHZ is the unit of CPU times in /proc, 100 a second on every Linux that Go
// runs on.
const userHZ = 100

// usage is what a process and its descendants have used.
type usage struct {
	cpu     time.Duration // with that of children that ended
	own     time.Duration // of the process alone
	rss     int64         // bytes
	memfd   int64         // bytes that memory files hold and RSS does not show
	threads int
}

// procStat is the part of /proc/PID/stat that is of use.
type procStat struct {
	pid, parent, threads int
	cpu, own             time.Duration // with children that ended; without
	rss                  int64
}

// readStat parses /proc/PID/stat, proc(5). A process that is gone is ok false.
func readStat(pid int) (s procStat, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, false
	}
	_, after, found := bytes.Cut(text, []byte(") ")) // the name before it may hold blanks
	fields := strings.Fields(string(after))
	if !found || len(fields) < 22 {
		return s, false
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return n
	}
	return procStat{
		pid: pid, parent: int(number(4)), threads: int(number(20)),
		cpu: time.Duration(number(14)+number(15)+number(16)+number(17)) * time.Second / userHZ,
		own: time.Duration(number(14)+number(15)) * time.Second / userHZ,
		rss: number(24) * int64(os.Getpagesize()),
	}, true
}

// tree returns a process and its living descendants.
func tree(root int) []procStat {
	children := map[int][]procStat{}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, n := range names {
		pid, _ := strconv.Atoi(filepath.Base(n))
		if s, ok := readStat(pid); ok {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	top, ok := readStat(root)
	if !ok {
		return nil
	}
	all := []procStat{top}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].pid]...)
	}
	return all
}

// measure reads what a process tree has used up to now.
func measure(root int) (usage, error) {
	all := tree(root)
	if len(all) == 0 {
		return usage{}, fmt.Errorf("process %d is gone", root)
	}
	u := usage{own: all[0].own}
	seen := map[uint64]bool{}
	for _, s := range all {
		u.cpu += s.cpu
		u.rss += s.rss
		u.threads += s.threads
		u.memfd += memoryFiles(s.pid, seen)
	}
	return u, nil
}

// memoryFiles sums up the blocks of the memory files that a process has open. A
// file that is written and sent by the kernel is mapped nowhere, so RSS does not
// have it. seen holds the inodes already counted.
func memoryFiles(pid int, seen map[uint64]bool) int64 {
	var sum int64
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, n := range names {
		target, err := os.Readlink(n)
		if err != nil || !strings.HasPrefix(target, "/memfd:") {
			continue
		}
		var st syscall.Stat_t
		if syscall.Stat(n, &st) != nil || seen[st.Ino] {
			continue
		}
		seen[st.Ino] = true
		sum += st.Blocks * 512
	}
	return sum
}

// folderBytes is the size of the files below dir.
func folderBytes(dir string) int64 {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // a live folder: what has just left is not counted
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0
	}
	return sum
}
