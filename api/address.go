package api

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"
)

// TrustProxies returns a handler that gives next requests with the address of the
// viewer or client in RemoteAddr, where one of the trusted proxies names it in
// X-Forwarded-For. What others write there is ignored. The port is then 0. The
// ResponseWriter goes through as it is.
func TrustProxies(next http.Handler, trusted []netip.Prefix) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	options := []echo.TrustOption{
		echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false),
	}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP:   p.Masked().Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	extract := echo.ExtractIPFromXFFHeader(options...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr, err := netip.ParseAddr(extract(r)); err == nil {
			forwarded := *r
			forwarded.RemoteAddr = netip.AddrPortFrom(addr.Unmap(), 0).String()
			r = &forwarded
		}
		next.ServeHTTP(w, r)
	})
}

// remote returns the address that a request comes from; the zero Addr if it does
// not come over a network.
func remote(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap().WithZone("")
}
