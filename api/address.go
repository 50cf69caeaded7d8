package api

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"
)

// addressFunc returns the address that a request comes from; the zero Addr if it
// does not come over a network.
type addressFunc func(*http.Request) netip.Addr

// newAddressFunc returns an addressFunc that believes X-Forwarded-For as far as
// it was written by trusted proxies, and without any ignores it.
func newAddressFunc(trusted []netip.Prefix) addressFunc {
	extract := echo.ExtractIPDirect()
	if len(trusted) > 0 {
		options := []echo.TrustOption{
			echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false),
		}
		for _, p := range trusted {
			options = append(options, echo.TrustIPRange(&net.IPNet{
				IP:   p.Masked().Addr().AsSlice(),
				Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
			}))
		}
		extract = echo.ExtractIPFromXFFHeader(options...)
	}
	return func(r *http.Request) netip.Addr {
		addr, err := netip.ParseAddr(extract(r))
		if err != nil {
			return netip.Addr{}
		}
		return addr.Unmap().WithZone("")
	}
}

// household returns what of an address stands for one customer: all of an IPv4
// address, the first 64 bits of an IPv6 one.
func household(addr netip.Addr) string {
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}
