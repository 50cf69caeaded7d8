package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// fanoutFlag has this program be the peer of the sockets scenario.
const fanoutFlag = "--fanout"

// serveFanout is the least that a chat can do: whatever one socket sends goes to all,
// and nothing is checked, stored or numbered.
func serveFanout(ctx context.Context, addr string) error {
	f := &fanout{members: map[chan []byte]bool{}}
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type fanout struct {
	mu      sync.RWMutex
	members map[chan []byte]bool // guarded by mu
}

// ServeHTTP serves one socket.
func (f *fanout) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow() //nolint:errcheck // it is gone either way
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	queue := make(chan []byte, 64)
	f.mu.Lock()
	f.members[queue] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.members, queue)
		f.mu.Unlock()
	}()
	go func() {
		defer cancel()
		for {
			select {
			case text := <-queue:
				if conn.Write(ctx, websocket.MessageText, text) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		f.mu.RLock()
		for member := range f.members {
			select {
			case member <- text:
			default: // too slow
			}
		}
		f.mu.RUnlock()
	}
}

// startFanout starts this program as the peer.
func (b *bench) startFanout(ctx context.Context) (*server, error) {
	s := &server{}
	var err error
	if s.http, _, err = freePorts(ctx); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(b.dir, "fanout."); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return s, b.start(ctx, s, nil, self, fanoutFlag, s.http)
}
