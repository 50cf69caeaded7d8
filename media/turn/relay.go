package turn

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const maxPeers = 256 // addresses, and channels, of one relay

// relay is the socket of one allocation: what its owner sends goes out of here, and
// what peers send comes in. The library reads and writes it as a net.PacketConn.
type relay struct {
	*net.UDPConn
	table   *relays
	public  netip.AddrPort // what peers see
	user    string
	name    string // that the owner signed in with
	expires time.Time
	opened  time.Time

	toPeers, fromPeers atomic.Int64 // bytes

	mu      sync.Mutex
	bucket  bucket                  // guarded by mu
	peers   map[netip.Addr]struct{} // guarded by mu; that the owner may send to
	chans   int                     // guarded by mu
	owner   string                  // guarded by mu; the key of its connection
	end     *time.Timer             // guarded by mu
	closed  bool                    // guarded by mu
	unread  sync.Once
	closing sync.Once
}

// WriteTo sends to a peer. What may not go there, or is too much, is dropped and
// counted, as a network would.
func (r *relay) WriteTo(p []byte, addr net.Addr) (int, error) {
	to, ok := addrPort(addr)
	if !ok {
		return 0, net.InvalidAddrError("not UDP")
	}
	if to, ok = r.table.route(to); !ok {
		r.table.metrics.dropped("own_port")
		return len(p), nil
	}
	if !r.spend(len(p)) {
		return len(p), nil
	}
	if _, err := r.WriteToUDPAddrPort(p, to); err != nil {
		r.table.metrics.dropped("send") // no route, or a full buffer; the next may do better
		return len(p), nil
	}
	r.toPeers.Add(int64(len(p)))
	r.table.metrics.toPeers.Add(float64(len(p)))
	return len(p), nil
}

// ReadFrom returns the next packet of a peer. An error is its last word.
func (r *relay) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.ReadFromUDPAddrPort(p)
		if err != nil {
			r.unread.Do(r.table.unread.Done)
			return 0, nil, err
		}
		from = r.table.origin(netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()))
		if !r.knows(from.Addr()) || !r.spend(n) {
			continue
		}
		r.fromPeers.Add(int64(n))
		r.table.metrics.fromPeers.Add(float64(n))
		return n, net.UDPAddrFromAddrPort(from), nil
	}
}

func (r *relay) spend(n int) bool {
	rate := float64(r.table.cfg.MaxBitrateBPS) / 8
	r.mu.Lock()
	ok := r.bucket.take(time.Now(), float64(n), rate, max(rate/2, 2*maxFrame))
	r.mu.Unlock()
	if !ok {
		r.table.metrics.dropped("bitrate")
	}
	return ok
}

// grant notes that the owner may send to a peer, of which there is a limited number:
// the library would remember any number.
func (r *relay) grant(peer netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.peers[peer]; !known && len(r.peers) >= maxPeers {
		return false
	}
	r.peers[peer] = struct{}{}
	return true
}

// knows reports whether the owner has asked for packets of a peer, lately or not.
func (r *relay) knows(peer netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.peers[peer]
	return ok
}

// channel counts a channel, and reports whether that was not too many.
func (r *relay) channel(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chans += n
	return r.chans <= maxPeers
}

// prolong lets the relay live on for lifetime, if its owner's credentials do.
func (r *relay) prolong(lifetime time.Duration) {
	lifetime = min(lifetime, r.expires.Sub(r.table.cfg.Now()))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.end == nil {
		r.end = time.AfterFunc(lifetime, r.kill)
		return
	}
	r.end.Reset(lifetime)
}

// kill ends the relay: the library notices, and closes it.
func (r *relay) kill() { _ = r.SetReadDeadline(time.Unix(1, 0)) }

// Close is called by the library when the allocation ends, for whatever reason. It
// returns no error, of which the library would make too much.
func (r *relay) Close() error {
	r.closing.Do(func() {
		_ = r.UDPConn.Close()
		r.mu.Lock()
		r.closed = true
		if r.end != nil {
			r.end.Stop()
		}
		owner := r.owner
		r.mu.Unlock()
		r.table.remove(r, owner)
	})
	return nil
}

// addrPort returns the address in a, not mapped and without a zone.
func addrPort(a net.Addr) (netip.AddrPort, bool) {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	default:
		return ap, false
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), ap.IsValid()
}
