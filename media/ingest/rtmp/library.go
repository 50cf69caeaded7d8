package rtmp

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"

	gortmp "github.com/yutopp/go-rtmp"
)

// library runs go-rtmp's server on connections that were accepted elsewhere: its own
// accept loop has no limits, and spins on errors.
type library struct {
	srv  *gortmp.Server
	feed *feed
}

func newLibrary() *library {
	return &library{
		srv: gortmp.NewServer(&gortmp.ServerConfig{
			OnConnect: func(nc net.Conn) (io.ReadWriteCloser, *gortmp.ConnConfig) {
				h := nc.(*handover)
				return h, h.cfg
			},
		}),
		feed: &feed{conns: make(chan net.Conn), closed: make(chan struct{})},
	}
}

// run lets serve work until stop.
func (l *library) run() { _ = l.srv.Serve(l.feed) }

// stop ends run, also one that has yet to begin. Connections go on.
func (l *library) stop() {
	_ = l.srv.Close()
	_ = l.feed.Close()
}

// serve has the library handle the connection rwc, and returns when it has closed it.
func (l *library) serve(nc net.Conn, rwc io.ReadWriteCloser, cfg *gortmp.ConnConfig, log *slog.Logger) {
	h := &handover{Conn: nc, rwc: rwc, cfg: cfg, log: log, ended: make(chan struct{})}
	select {
	case l.feed.conns <- h:
		<-h.ended
	case <-l.feed.closed:
		_ = rwc.Close()
	}
}

// feed is a listener that accepts what it is given.
type feed struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case nc := <-f.conns:
		return nc, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func (f *feed) Addr() net.Addr { return nil }

// handover carries a connection through the library's accept loop. The library reads
// and writes rwc, and closing it is the last thing that it does.
type handover struct {
	net.Conn
	rwc   io.ReadWriteCloser
	cfg   *gortmp.ConnConfig
	log   *slog.Logger
	once  sync.Once
	ended chan struct{}
}

var errPanic = errors.New("rtmp: internal error")

// Read passes on. The library would swallow a panic beneath it, and during the
// handshake not even that.
func (h *handover) Read(p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			h.log.Error("panic on an RTMP connection", "panic", v, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return h.rwc.Read(p)
}

func (h *handover) Write(p []byte) (int, error) { return h.rwc.Write(p) }

func (h *handover) Close() error {
	err := h.rwc.Close()
	h.once.Do(func() { close(h.ended) })
	return err
}
