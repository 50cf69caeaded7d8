package turn

import (
	"net"
	"net/netip"
	"slices"
)

// special are the networks of IPv4 that are nobody's public address: RFC 6890 and
// what came after it.
var special = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared by customers of a provider
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, with the metadata of clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // relays of 6to4
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
)

// global is where the public addresses of IPv6 are. Loopback, mapped and compatible
// addresses, NAT64, unique local, link-local and multicast ones are outside of it.
var global = netip.MustParsePrefix("2000::/3")

// special6 is inside of global and nobody's public address.
var special6 = prefixes(
	"2001::/23",     // protocol assignments: Teredo and such, with an IPv4 address inside
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, with an IPv4 address inside
	"3fff::/20",     // documentation
)

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, p := range all {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// peers decides whom packets may be relayed to: public addresses. Anything else would
// lend people the server's place in its own network.
type peers struct {
	allowed []netip.Prefix // in spite of the rest
	public  []netip.Addr   // where the relays are reached: one relay may talk to another
	host    []netip.Addr   // the other addresses of this machine
}

func newPeers(cfg Config) *peers {
	p := &peers{allowed: cfg.AllowNetworks, public: cfg.PublicIPs}
	addrs, _ := net.InterfaceAddrs() // without them, its public addresses are left to the firewall
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				p.host = append(p.host, addr.Unmap())
			}
		}
	}
	return p
}

// allow reports whether packets may be relayed to addr.
func (p *peers) allow(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	switch {
	case p.explicit(addr), p.own(addr):
		return true
	case slices.Contains(p.host, addr):
		return false
	}
	return isPublic(addr)
}

// explicit reports whether the operator has allowed addr.
func (p *peers) explicit(addr netip.Addr) bool { return within(p.allowed, addr) }

// own reports whether addr is where the relays are.
func (p *peers) own(addr netip.Addr) bool { return slices.Contains(p.public, addr) }

// isPublic reports whether addr, which is not mapped, is somewhere on the internet.
func isPublic(addr netip.Addr) bool {
	switch {
	case addr.Is4():
		return !within(special, addr)
	case addr.Is6():
		return global.Contains(addr) && !within(special6, addr)
	}
	return false
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}
