package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sinkBytes is how much one read drops at most.
const sinkBytes = 1 << 20

// sink is what dropped bytes are nominally read into. The kernel does not write
// to it.
var sink [sinkBytes]byte

// viewer fetches media over one kept-alive connection and drops the bodies
// inside the kernel (MSG_TRUNC, tcp(7)), so that one core takes in more than a
// server sends.
type viewer struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	in   *bufio.Reader
}

func newViewer(ctx context.Context, addr string) (*viewer, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	v := &viewer{conn: conn, in: bufio.NewReaderSize(conn, 4096)}
	v.raw, err = conn.SyscallConn()
	return v, err
}

// dial connects to a server under test.
func dial(ctx context.Context, addr string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// get sends a request, which has been written out before, and returns the size
// of the body. Any answer but 200 with a Content-Length is an error.
func (v *viewer) get(request []byte) (int64, error) {
	if _, err := v.conn.Write(request); err != nil {
		return 0, err
	}
	status, size, err := readHead(v.in)
	if err != nil {
		return 0, err
	}
	if status != 200 || size < 0 {
		return 0, fmt.Errorf("status %d, length %d", status, size)
	}
	rest := size
	n, err := v.in.Discard(int(min(rest, int64(v.in.Buffered()))))
	for rest -= int64(n); rest > 0 && err == nil; rest -= int64(n) {
		n, err = v.drop(rest)
	}
	return size, err
}

// drop takes up to limit bytes off the socket without copying them.
func (v *viewer) drop(limit int64) (n int, err error) {
	errRead := v.raw.Read(func(fd uintptr) bool {
		n, _, err = syscall.Recvfrom(int(fd), sink[:min(limit, sinkBytes)], syscall.MSG_TRUNC)
		return !errors.Is(err, syscall.EAGAIN)
	})
	if errRead == nil && err == nil && n == 0 {
		err = errors.New("connection ended in a body")
	}
	return n, errors.Join(errRead, err)
}

// readHead reads the head of an HTTP/1.1 response; size is -1 when it is not told.
func readHead(in *bufio.Reader) (status int, size int64, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, fmt.Errorf("bad status line %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	size = -1
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if !found {
			return status, size, nil
		}
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if size, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, 0, err
			}
		}
	}
}

// flood is what a crowd of greedy viewers got.
type flood struct {
	requests, bytes atomic.Int64
}

// run fetches the paths over so many connections, as fast as they come, until d
// has passed.
func (f *flood) run(ctx context.Context, addr string, paths []string, conns int, d time.Duration) error {
	requests := make([][]byte, len(paths))
	for i, p := range paths {
		requests[i] = []byte("GET " + p + " HTTP/1.1\r\nHost: " + addr + "\r\nAccept: */*\r\n\r\n")
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	errs := make([]error, conns)
	var group sync.WaitGroup
	for c := range conns {
		group.Go(func() { errs[c] = f.view(ctx, addr, requests, c) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (f *flood) view(ctx context.Context, addr string, requests [][]byte, begin int) error {
	v, err := newViewer(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = v.conn.Close() }()
	for i := begin; ctx.Err() == nil; i++ {
		n, err := v.get(requests[i%len(requests)])
		if err != nil {
			return err
		}
		f.requests.Add(1)
		f.bytes.Add(n)
	}
	return nil
}
