package turn

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Server needs. Fields without a default are required.
type Config struct {
	Realm  string // shown to clients; usually the host of the website
	Secret []byte // what Credentials were made with; at least 16 bytes

	// PublicIPs are the addresses at which the relays are reached from outside, at
	// most one of IPv4 and one of IPv6. Where this machine does not have one itself,
	// something in front of it has to pass the ports on as they are.
	PublicIPs []netip.Addr

	// Relays are on UDP ports from MinPort to MaxPort; 49152 to 65535 if zero.
	MinPort, MaxPort uint16

	// AllowNetworks may be relayed to though they are not on the internet.
	AllowNetworks []netip.Prefix

	// A relay lives for Lifetime after each time that its owner asks for more, and not
	// beyond the owner's credentials. 10m if zero.
	Lifetime time.Duration

	MaxRelays        int // 1000 if zero
	MaxRelaysPerUser int // 64 if zero; a browser opens several for each connection, and anew at restarts
	MaxBitrateBPS    int // of one relay, both ways together; 8 Mbit/s if zero

	MaxConnections        int // over TCP; 2000 if zero
	MaxConnectionsPerAddr int // 64 if zero

	// RequestsPerSecond is how many requests an address may send over UDP, where a
	// forged address would get the answers. 200 if zero.
	RequestsPerSecond int

	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (c *Config) validate() error {
	setDefault(&c.MinPort, 49152)
	setDefault(&c.MaxPort, 65535)
	setDefault(&c.Lifetime, 10*time.Minute)
	setDefault(&c.MaxRelays, 1000)
	setDefault(&c.MaxRelaysPerUser, 64)
	setDefault(&c.MaxBitrateBPS, 8_000_000)
	setDefault(&c.MaxConnections, 2000)
	setDefault(&c.MaxConnectionsPerAddr, 64)
	setDefault(&c.RequestsPerSecond, 200)
	if c.Now == nil {
		c.Now = time.Now
	}
	var errs []error
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Realm", c.Realm == ""},
		{"PublicIPs", len(c.PublicIPs) == 0},
		{"Logger", c.Logger == nil},
		{"Registerer", c.Registerer == nil},
	} {
		if need.missing {
			errs = append(errs, errors.New(need.name+" is required"))
		}
	}
	if len(c.Secret) < minSecret {
		errs = append(errs, fmt.Errorf("Secret needs %d bytes", minSecret))
	}
	var v4, v6 int
	for _, ip := range c.PublicIPs {
		switch {
		case ip.Is4() && !ip.IsUnspecified():
			v4++
		case ip.Is6() && !ip.Is4In6() && !ip.IsUnspecified():
			v6++
		default:
			errs = append(errs, errors.New("PublicIPs are addresses that others can reach"))
		}
	}
	if v4 > 1 || v6 > 1 {
		errs = append(errs, errors.New("PublicIPs has one address of a kind"))
	}
	for _, n := range c.AllowNetworks {
		if !n.IsValid() || n.Addr().Is4In6() {
			errs = append(errs, errors.New("AllowNetworks has what is no network"))
		}
	}
	if c.MinPort > c.MaxPort || c.MinPort < 1024 {
		errs = append(errs, errors.New("MinPort is between 1024 and MaxPort"))
	}
	for _, n := range []int{c.MaxRelays, c.MaxRelaysPerUser, c.MaxBitrateBPS, c.MaxConnections, c.MaxConnectionsPerAddr, c.RequestsPerSecond} {
		if n < 0 {
			errs = append(errs, errors.New("limits cannot be negative"))
			break
		}
	}
	if c.Lifetime < time.Second {
		errs = append(errs, errors.New("Lifetime is a second at least"))
	}
	return errors.Join(errs...)
}

func setDefault[T int | uint16 | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}
