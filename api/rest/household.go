package rest

import "net/netip"

// Household returns what of an address stands for one customer: all of an IPv4
// address, the first 64 bits of an IPv6 one.
func Household(addr netip.Addr) string {
	if addr = addr.Unmap(); addr.Is6() {
		return netip.PrefixFrom(addr.WithZone(""), 64).Masked().String()
	}
	return addr.String()
}
