package hls

import (
	"crypto/subtle"
	weak "math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxViewers bounds how many players one stream remembers: beyond it, new ones are
	// served but not counted.
	maxViewers = 1 << 16

	// maxTotal bounds how many crowds one stream can tell apart over time.
	maxTotal = 1 << 18

	// maxLook bounds how many seats are looked at for one that may be taken.
	maxLook = 64
)

// viewers counts who asks for the media playlists of a stream.
//
// A player is whoever shows a token, or shows none, from one address with one user
// agent. Players of the same address and user agent are a crowd. A crowd of one is the
// usual case, also when it has had several tokens: somebody loaded the page again, or
// a program looked before it played. So a new player takes the seat of the one in its
// crowd that was not heard of for longest, and only if that one is heard of again they
// are two, and sit apart. Viewers are seats. Whoever shows no token has one only where
// nobody else of the crowd does: players lose tokens on the way.
type viewers struct {
	tokens *ViewerTokens

	mu      sync.Mutex
	players map[uint64]*viewer // guarded by mu; by id
	crowds  map[uint64]*crowd  // guarded by mu; by what the ids of players have in common
	seats   int                // guarded by mu
	oldest  time.Time          // guarded by mu; nobody has left before
	most    map[uint64]int32   // guarded by mu; the most seats that each crowd ever had
	total   int                // guarded by mu; the sum of these
}

// viewer is one player.
type viewer struct {
	id    uint64
	token viewerToken // that was checked; zero without
	crowd *crowd
	seat  int // index in the crowd, -1 if somebody has taken it

	seen     time.Time
	until    time.Time // counts until then
	pictures time.Time // counts as more than a listener until then
	hungUp   bool      // its last request
}

func (p *viewer) isStranger() bool { return p.id&playerMask == 0 }

// watching prolongs how long p counts.
func (p *viewer) watching(s sighting) {
	until := s.now.Add(s.stay)
	if until.After(p.until) {
		p.until = until
	}
	if s.pictures && until.After(p.pictures) {
		p.pictures = until
	}
}

// crowd is the players of one address and user agent.
type crowd struct {
	key     uint64
	seats   []*viewer
	players int // those without a seat included
}

func newViewers(tokens *ViewerTokens) *viewers {
	return &viewers{
		tokens: tokens, players: make(map[uint64]*viewer), crowds: make(map[uint64]*crowd), most: make(map[uint64]int32),
	}
}

// sighting is a request for a media playlist.
type sighting struct {
	now      time.Time
	stay     time.Duration // how long that makes a viewer
	pictures bool          // not audio alone
}

// saw notes that the sender of r, who shows token, is watching. It returns the
// player's id for later.
func (v *viewers) saw(r *http.Request, token string, s sighting) uint64 {
	raw, ok := parseToken(token)
	if ok && raw.fresh(s.now) {
		v.mu.Lock()
		if p := v.players[raw.id()]; p != nil && subtle.ConstantTimeCompare(p.token[:], raw[:]) == 1 {
			v.note(p, s)
			v.mu.Unlock()
			return p.id
		}
		v.mu.Unlock()
		ok = v.tokens.signed(raw)
	} else {
		ok = false
	}
	if !ok {
		return v.sawPlayer(v.tokens.strangerOf(r), viewerToken{}, s)
	}
	return v.sawPlayer(raw.id(), raw, s)
}

// sawPlayer notes that the player with id, and with token if it is not zero, is
// watching. It returns id.
func (v *viewers) sawPlayer(id uint64, token viewerToken, s sighting) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.players[id]
	if p == nil {
		if len(v.players) >= maxViewers {
			return id
		}
		p = &viewer{id: id, seat: -1}
		v.players[id] = p
		v.join(p)
	}
	p.token = token
	v.note(p, s)
	return id
}

// strangerOf returns the id of who sends r, without a token.
func (t *ViewerTokens) strangerOf(r *http.Request) uint64 {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		addr, _ := netip.ParseAddr(r.RemoteAddr) // all without one are one
		from = netip.AddrPortFrom(addr, 0)
	}
	return t.stranger(from.Addr(), r.UserAgent())
}

// note brings p up to date. One whose seat was taken sits down elsewhere: it and
// whoever has taken it are two. v.mu is held.
func (v *viewers) note(p *viewer, s sighting) {
	switch {
	case p.seat >= 0:
	case p.isStranger() && len(p.crowd.seats) > 0:
		p.crowd.seats[0].watching(s)
	default:
		v.sit(p)
	}
	p.seen, p.hungUp = s.now, false
	p.watching(s)
	if v.oldest.IsZero() || p.until.Before(v.oldest) {
		v.oldest = p.until
	}
}

// join gives a new player the seat of the one in its crowd that is most likely to be
// gone. v.mu is held.
func (v *viewers) join(p *viewer) {
	key := crowdOf(p.id)
	if p.crowd = v.crowds[key]; p.crowd == nil {
		p.crowd = &crowd{key: key}
		v.crowds[key] = p.crowd
	}
	p.crowd.players++
	var gone *viewer
	seats := p.crowd.seats
	if len(seats) > maxLook {
		from := weak.IntN(len(seats) - maxLook)
		seats = seats[from : from+maxLook]
	}
	for _, other := range seats {
		if gone == nil || (other.hungUp && !gone.hungUp) || (other.hungUp == gone.hungUp && other.seen.Before(gone.seen)) {
			gone = other
		}
	}
	switch {
	case gone == nil:
		v.sit(p)
		return
	case p.isStranger():
		return
	}
	p.seat, gone.seat = gone.seat, -1
	p.crowd.seats[p.seat] = p
}

// sit gives p a seat of its own. v.mu is held.
func (v *viewers) sit(p *viewer) {
	c := p.crowd
	p.seat = len(c.seats)
	c.seats = append(c.seats, p)
	v.seats++
	if most, known := v.most[c.key]; int32(len(c.seats)) > most && (known || len(v.most) < maxTotal) { //nolint:gosec // at most maxViewers
		v.most[c.key]++
		v.total++
	}
}

// leave forgets p. v.mu is held.
func (v *viewers) leave(p *viewer) {
	c := p.crowd
	delete(v.players, p.id)
	c.players--
	if c.players == 0 {
		delete(v.crowds, c.key)
	}
	if p.seat < 0 {
		return
	}
	end := len(c.seats) - 1
	last := c.seats[end]
	c.seats[p.seat], last.seat = last, p.seat
	c.seats[end] = nil
	c.seats = c.seats[:end]
	p.seat = -1
	v.seats--
}

// answered notes that the player with id was answered after it had waited, or has
// hung up.
func (v *viewers) answered(id uint64, s sighting, hungUp bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.players[id]
	switch {
	case p == nil:
	case hungUp:
		p.hungUp = true
	default:
		p.watching(s)
	}
}

// ever returns how many different ones were seen: of each crowd, the most at one time.
func (v *viewers) ever() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.total
}

// count forgets who left and returns how many are left.
func (v *viewers) count(now time.Time) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweep(now)
	return v.seats
}

// each forgets who left and calls f with every crowd, how many of it there are and
// how many of these hear audio only. f must be quick.
func (v *viewers) each(now time.Time, f func(crowd uint64, viewers, listeners int)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweep(now)
	for key, c := range v.crowds {
		listeners := 0
		for _, p := range c.seats {
			if now.After(p.pictures) {
				listeners++
			}
		}
		if len(c.seats) > 0 {
			f(key, len(c.seats), listeners)
		}
	}
}

// sweep forgets who left, if anybody may have. v.mu is held.
func (v *viewers) sweep(now time.Time) {
	if !now.After(v.oldest) {
		return
	}
	v.oldest = time.Time{}
	for _, p := range v.players {
		if now.After(p.until) {
			v.leave(p)
			continue
		}
		if v.oldest.IsZero() || p.until.Before(v.oldest) {
			v.oldest = p.until
		}
	}
}
