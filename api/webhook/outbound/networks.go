package outbound

import "net/netip"

// internal4 are the networks in IPv4 that are not for everybody, or lead to such.
// IANA IPv4 Special-Purpose Address Registry.
var internal4 = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // behind a carrier's NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, metadata of clouds among it
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast among it
)

// global6 is all of IPv6 that is given out for everybody. Outside of it are loopback,
// private, link-local, multicast, mapped and translated (NAT64) addresses.
var global6 = netip.MustParsePrefix("2000::/3")

// internal6 are the networks in global6 that are not for everybody, or lead to such.
var internal6 = prefixes(
	"2001::/23",     // protocol assignments, Teredo and ORCHID among them
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which carries IPv4
	"3fff::/20",     // documentation
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// IsPublic reports whether addr is of the internet, where everybody can reach it.
func IsPublic(addr netip.Addr) bool {
	addr = plain(addr)
	switch {
	case !addr.IsValid():
		return false
	case addr.Is4():
		return !within(internal4, addr)
	}
	return global6.Contains(addr) && !within(internal6, addr)
}

// plain returns the IPv4 address in one that is mapped into IPv6, and no zone.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

func within(networks []netip.Prefix, addr netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
