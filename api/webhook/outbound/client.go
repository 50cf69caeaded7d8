// Package outbound makes HTTP clients for addresses that others chose: they reach the
// internet and nothing inside, whatever names resolve to, and go where they were sent
// and nowhere else.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Errors of requests, told apart by errors.Is.
var (
	// ErrInternal means that the address is not of the internet. Nothing was sent.
	ErrInternal = errors.New("outbound: the address is internal")
	// ErrAddress means that a URL is none that a client asks.
	ErrAddress = errors.New("outbound: the URL cannot be asked")
)

// Config is what a client needs.
type Config struct {
	Allow    []netip.Prefix // internal networks that may be asked all the same
	Timeout  time.Duration  // from the first packet to the end of the body; 10s if zero
	Resolver *net.Resolver  // the system's if nil
}

// maxHeaderBytes bounds the header of a response.
const maxHeaderBytes = 32 << 10

// NewClient returns a client that asks only the internet, and what cfg allows. The
// address is checked when it is connected to, after its name was resolved. Redirects
// are not followed: they are the response. No proxy is used, no connection kept.
func NewClient(cfg Config) *http.Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	dialer := &net.Dialer{
		Timeout:        cfg.Timeout,
		Resolver:       cfg.Resolver,
		ControlContext: cfg.control,
	}
	return &http.Client{
		Timeout: cfg.Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			TLSHandshakeTimeout:    cfg.Timeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// control is called with the address of each connection about to be made.
func (cfg Config) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return ErrInternal
	}
	if !cfg.Allows(at.Addr()) {
		return ErrInternal
	}
	return nil
}

// Allows reports whether a client of cfg may connect to addr.
func (cfg Config) Allows(addr netip.Addr) bool {
	return IsPublic(addr) || within(cfg.Allow, plain(addr))
}

// maxURL is the most bytes of a URL.
const maxURL = 1024

// ParseURL returns the URL in text if a client of cfg can ask it: http or https, a
// host, the usual port or one that is not reserved, no credentials. An address of
// digits is checked here already, so that whoever enters it hears of it; names are
// checked when they are asked. The failure is ErrAddress or ErrInternal, and does not
// show the text.
func (cfg Config) ParseURL(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("%w: it is too long", ErrAddress)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: it is not a URL", ErrAddress)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: want http or https", ErrAddress)
	case u.Opaque != "" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: it has no host", ErrAddress)
	case u.User != nil:
		return nil, fmt.Errorf("%w: credentials do not belong in it", ErrAddress)
	case u.Fragment != "" || u.RawFragment != "":
		return nil, fmt.Errorf("%w: a fragment does not belong in it", ErrAddress)
	case !isPort(u):
		return nil, fmt.Errorf("%w: want port 80, 443, or one from 1024 on", ErrAddress)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !cfg.Allows(addr) {
		return nil, ErrInternal
	}
	return u, nil
}

func isPort(u *url.URL) bool {
	text := u.Port()
	if text == "" {
		return u.Host[len(u.Host)-1] != ':'
	}
	port, err := strconv.Atoi(text)
	return err == nil && (port == 80 || port == 443 || (port >= 1024 && port <= 65535))
}
