package dbtest

import (
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a program and Postgres and can fail like a network.
type Proxy struct {
	ln net.Listener
	to string

	mu    sync.Mutex
	state proxyState            // guarded by mu
	moved chan struct{}         // guarded by mu; closed when state changes
	conns map[net.Conn]struct{} // guarded by mu
	wg    sync.WaitGroup
}

type proxyState int

const (
	proxyUp proxyState = iota
	proxyDown
	proxyHanging
)

// Postgres returns a URL of an empty database on Postgres, as EachURL does, which is
// reached through a Proxy. Where tests have no Postgres, t is skipped.
func Postgres(t *testing.T) (string, *Proxy) {
	t.Helper()
	newURL := urls(t)["postgres"]
	if newURL == nil {
		t.Skip(PostgresURL + " is not set")
	}
	u, err := url.Parse(newURL(t))
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresURL)
	}
	to := u.Host
	if u.Port() == "" {
		to = net.JoinHostPort(u.Hostname(), "5432")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &Proxy{ln: ln, to: to, moved: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.Cut()
		p.wg.Wait()
	})
	u.Host = ln.Addr().String()
	return u.String(), p
}

// Cut ends all connections and refuses new ones.
func (p *Proxy) Cut() { p.set(proxyDown) }

// Hang lets nothing through any more, in either direction, and says nothing.
func (p *Proxy) Hang() { p.set(proxyHanging) }

// Restore lets connections work again. Those that hung go on.
func (p *Proxy) Restore() { p.set(proxyUp) }

func (p *Proxy) set(state proxyState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	close(p.moved)
	p.moved = make(chan struct{})
	if state == proxyDown {
		for c := range p.conns {
			c.Close()
		}
	}
}

// now returns the state, and a channel that is closed when it changes.
func (p *Proxy) now() (proxyState, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.moved
}

func (p *Proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(in) })
	}
}

func (p *Proxy) serve(in net.Conn) {
	defer in.Close()
	var dialer net.Dialer
	out, err := dialer.DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.keep(in, out) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(in, out) })
	both.Go(func() { p.pass(out, in) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, in)
	delete(p.conns, out)
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == proxyDown {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

// pass copies from one to the other until one of them ends, and then ends both.
func (p *Proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		for {
			state, moved := p.now()
			if state == proxyUp {
				break
			}
			if state == proxyDown {
				return
			}
			<-moved
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
