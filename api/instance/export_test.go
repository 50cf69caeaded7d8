package instance

import (
	"net/netip"
	"time"
)

// Suspects returns of how many households s remembers something.
func Suspects(s *Service) int {
	s.suspects.mu.Lock()
	defer s.suspects.mu.Unlock()
	return len(s.suspects.seen)
}

// SetOfBans returns what looks addresses up among n bans, of widths as they occur.
func SetOfBans(n int) func(netip.Addr) bool {
	until := map[netip.Prefix]time.Time{netip.MustParsePrefix("198.51.100.0/24"): {}, netip.MustParsePrefix("198.18.0.0/16"): {}}
	for i := range n {
		until[netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 32)] = time.Time{}
	}
	set, now := newBanSet(until), time.Now()
	return func(addr netip.Addr) bool {
		_, banned := set.find(addr, now)
		return banned
	}
}
