package instance

import (
	"net/netip"
	"strings"
)

// Networks that no ban touches: nobody comes from there, or the program itself.
var untouchable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("::/127"), // unspecified, loopback
	netip.MustParsePrefix("ff00::/8"),
}

// parseNetwork returns the network in text. An IPv6 address alone stands for its /64,
// which is one customer.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, ErrBadNetwork
		}
		return touchable(household(addr.Unmap()))
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, ErrBadNetwork
	}
	if network.Addr().Is4In6() {
		if network.Bits() < 96 {
			return netip.Prefix{}, ErrBadNetwork
		}
		network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
	}
	return touchable(network.Masked())
}

func touchable(network netip.Prefix) (netip.Prefix, error) {
	if overlaps(untouchable, network) {
		return netip.Prefix{}, ErrBadNetwork
	}
	return network, nil
}

func overlaps(networks []netip.Prefix, network netip.Prefix) bool {
	for _, n := range networks {
		if n.Overlaps(network) {
			return true
		}
	}
	return false
}

// household returns what of an address stands for one customer: all of an IPv4
// address, the first 64 bits of an IPv6 one.
func household(addr netip.Addr) netip.Prefix {
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked()
	}
	return netip.PrefixFrom(addr, addr.BitLen())
}

// isWide reports whether a network is too wide to be banned by staff of that kind.
func isWide(network netip.Prefix, admin bool) bool {
	switch {
	case network.Addr().Is4() && admin:
		return network.Bits() < 8
	case network.Addr().Is4():
		return network.Bits() < 16
	case admin:
		return network.Bits() < 16
	}
	return network.Bits() < 32
}

// plain returns addr as bans know it.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
