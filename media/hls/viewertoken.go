package hls

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	weak "math/rand/v2"
	"net/netip"
	"time"
)

const (
	// viewerParam is the parameter that carries a viewer's token. It is as short as
	// can be: players send it with every playlist.
	viewerParam = "v"

	// viewerTTL is how long a token is good. Longer than most watch: whoever shows an
	// older one is still served, and found by address and user agent.
	viewerTTL = 24 * time.Hour

	tokenBytes  = 24 // id, expiry, 12 of the HMAC
	tokenLength = 32 // of the text

	// playerBits of an id tell the players of one address and user agent apart; the
	// bits above say which these are.
	playerBits = 24
	playerMask = 1<<playerBits - 1

	maxAgent = 256 // of a user agent, what counts
)

// viewerText is how a token is written.
var viewerText = base64.RawURLEncoding

// ViewerTokens makes and reads the tokens that viewers' playlists carry. What it does
// depends on its key alone: processes that share one know each other's viewers. A
// token says who somebody is for the count, and opens nothing.
type ViewerTokens struct {
	sign []byte
	tell [sha256.Size]byte // hashes addresses and user agents
}

// NewViewerTokens returns the ViewerTokens of a secret key, or of one that nobody else
// has if that is empty.
func NewViewerTokens(key []byte) *ViewerTokens {
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	derive := func(purpose string) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(purpose))
		return mac.Sum(nil)
	}
	return &ViewerTokens{sign: derive("viewer tokens"), tell: [sha256.Size]byte(derive("viewers"))}
}

// crowdOf returns the upper part of an id, a number below 2^40: what those have in
// common who come from one address with one user agent. Nothing can be turned back
// to either.
func crowdOf(id uint64) uint64 { return id >> playerBits }

// Read returns whom token was made for: one of the players of a crowd, which is all who
// came from one address with one user agent. It returns false for a token that is
// forged or has expired.
func (t *ViewerTokens) Read(token string, now time.Time) (crowd, player uint64, ok bool) {
	id, ok := t.read(token, now)
	return crowdOf(id), id & playerMask, ok
}

func (t *ViewerTokens) read(token string, now time.Time) (id uint64, ok bool) {
	raw, ok := parseToken(token)
	if !ok || !raw.fresh(now) || !t.signed(raw) {
		return 0, false
	}
	return raw.id(), true
}

// Crowd returns the crowd of those who come from addr with a user agent.
func (t *ViewerTokens) Crowd(addr netip.Addr, agent string) uint64 {
	return crowdOf(t.stranger(addr, agent))
}

// stranger returns the id of a viewer without a token.
func (t *ViewerTokens) stranger(addr netip.Addr, agent string) uint64 {
	if addr = addr.Unmap().WithZone(""); addr.Is6() { // a household has as many as it likes
		addr = netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	var buf [sha256.Size + 16 + maxAgent]byte
	text := append(buf[:0], t.tell[:]...)
	if addr.IsValid() {
		from := addr.As16()
		text = append(text, from[:]...)
	}
	text = append(text, agent[:min(len(agent), maxAgent)]...)
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:]) &^ playerMask
}

// player returns an id for one more player of the same address and user agent as id.
func player(id uint64) uint64 { return id&^playerMask | (1 + weak.Uint64N(playerMask)) }

// token returns a token for id that is good until expires.
func (t *ViewerTokens) token(id uint64, expires time.Time) string {
	var raw viewerToken
	binary.BigEndian.PutUint64(raw[:], id)
	binary.BigEndian.PutUint32(raw[8:], uint32(expires.Unix())) //nolint:gosec // good until 2106
	mac := t.mac(raw)
	copy(raw[12:], mac[:])
	return viewerText.EncodeToString(raw[:])
}

func (t *ViewerTokens) mac(raw viewerToken) [tokenBytes - 12]byte {
	h := hmac.New(sha256.New, t.sign)
	h.Write(raw[:12])
	var sum [sha256.Size]byte
	return [tokenBytes - 12]byte(h.Sum(sum[:0]))
}

// signed says whether raw was made here, or where the key is the same.
func (t *ViewerTokens) signed(raw viewerToken) bool {
	mac := t.mac(raw)
	return hmac.Equal(mac[:], raw[12:])
}

// viewerToken is a token as bytes.
type viewerToken [tokenBytes]byte

// parseToken reads the text of a token, which may be forged.
func parseToken(token string) (raw viewerToken, ok bool) {
	if len(token) != tokenLength {
		return raw, false
	}
	var text [tokenLength]byte
	copy(text[:], token)
	n, err := viewerText.Decode(raw[:], text[:])
	return raw, err == nil && n == tokenBytes
}

func (raw *viewerToken) id() uint64 { return binary.BigEndian.Uint64(raw[:]) }

// fresh says whether raw is good now, if it was made here.
func (raw *viewerToken) fresh(now time.Time) bool {
	return now.Unix() < int64(binary.BigEndian.Uint32(raw[8:]))
}
