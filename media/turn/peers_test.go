package turn

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeersAreOnTheInternet(t *testing.T) {
	t.Parallel()
	p := &peers{
		allowed: prefixes("10.1.0.0/16", "fd00:1::/64"),
		public:  []netip.Addr{netip.MustParseAddr("192.168.7.7"), netip.MustParseAddr("2a01:4f8::7")},
		host:    []netip.Addr{netip.MustParseAddr("192.168.7.7"), netip.MustParseAddr("5.9.1.1")},
	}
	tests := map[string]bool{
		"8.8.8.8":            true,
		"2a01:4f8::8":        true,
		"::ffff:8.8.8.8":     true,
		"10.1.2.3":           true, // allowed
		"::ffff:10.1.2.3":    true,
		"fd00:1::5":          true,
		"192.168.7.7":        true, // another relay
		"2a01:4f8::7":        true,
		"5.9.1.1":            false, // this machine
		"10.2.0.1":           false,
		"127.0.0.1":          false,
		"::1":                false,
		"0.0.0.0":            false,
		"0.1.2.3":            false,
		"::":                 false,
		"172.16.0.1":         false,
		"172.31.255.255":     false,
		"192.168.1.1":        false,
		"100.64.0.1":         false,
		"169.254.169.254":    false,
		"192.0.2.1":          false,
		"198.18.0.1":         false,
		"198.51.100.1":       false,
		"203.0.113.1":        false,
		"192.88.99.1":        false,
		"224.0.0.1":          false,
		"255.255.255.255":    false,
		"fe80::1":            false,
		"fe80::1%eth0":       false,
		"fc00::1":            false,
		"fd00:2::1":          false,
		"ff02::1":            false,
		"2001:db8::1":        false,
		"3fff::1":            false,
		"2001::1":            false, // Teredo
		"2002:7f00:1::":      false, // 6to4
		"::ffff:127.0.0.1":   false,
		"::ffff:192.168.0.1": false,
		"::127.0.0.1":        false,
		"64:ff9b::7f00:1":    false, // NAT64
		"64:ff9b:1::a00:1":   false,
		"::ffff:0:127.0.0.1": false, // SIIT
		"100::1":             false, // discarded
		"5f00::1":            false,
	}
	for addr, want := range tests {
		require.Equal(t, want, p.allow(netip.MustParseAddr(addr)), addr)
	}
	require.False(t, p.allow(netip.Addr{}))
}
