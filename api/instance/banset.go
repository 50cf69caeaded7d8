package instance

import (
	"net/netip"
	"slices"
	"time"
)

// banSet is the networks that are banned, until when; for good if that is zero. It
// does not change once made, so that it is read without a lock.
type banSet struct {
	until   map[netip.Prefix]time.Time
	widths4 []int // lengths of prefixes that occur
	widths6 []int
}

func newBanSet(until map[netip.Prefix]time.Time) *banSet {
	b := &banSet{until: until}
	for network := range until {
		widths := &b.widths6
		if network.Addr().Is4() {
			widths = &b.widths4
		}
		if !slices.Contains(*widths, network.Bits()) {
			*widths = append(*widths, network.Bits())
		}
	}
	return b
}

// find returns until when addr is banned, by the ban that lasts longest.
func (b *banSet) find(addr netip.Addr, now time.Time) (until time.Time, banned bool) {
	widths := b.widths6
	if addr.Is4() {
		widths = b.widths4
	}
	for _, width := range widths {
		network, err := addr.Prefix(width)
		if err != nil {
			continue
		}
		end, ok := b.until[network]
		switch {
		case !ok:
		case end.IsZero():
			return end, true
		case end.After(now) && end.After(until):
			until, banned = end, true
		}
	}
	return until, banned
}

// addBan adds a ban to a set in the making: the longer one counts.
func addBan(until map[netip.Prefix]time.Time, network netip.Prefix, end time.Time) {
	old, ok := until[network]
	if !ok || (!old.IsZero() && (end.IsZero() || end.After(old))) {
		until[network] = end
	}
}
