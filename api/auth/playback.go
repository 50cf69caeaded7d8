package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

// ErrPassExpired is the outcome of a playback token that was good once.
var ErrPassExpired = errors.New("auth: the playback token has expired")

// A playback token is, in base64url: one byte that names the key, four of the time
// when it expires, sixteen of whom it was made for (zero if nobody in particular),
// and an HMAC-SHA256 of these and the channel's slug.
const (
	passHeadBytes = 1 + 4 + 16
	passBytes     = passHeadBytes + sha256.Size
)

// passText takes one text for each token: Strict refuses other last bits.
var passText = base64.RawURLEncoding.Strict()

// PlaybackConfig is what Playback needs. Fields without a default are required.
type PlaybackConfig struct {
	Secret   []byte           // as of Tokens
	Previous [][]byte         // secrets whose tokens are still good
	Now      func() time.Time // time.Now if nil
}

// Playback signs and verifies the short-lived tokens that stand in the paths of
// private channels' playlists and media. To verify one takes the secret and nothing
// else. It is safe for concurrent use.
type Playback struct {
	now  func() time.Time
	name byte
	key  []byte
	keys map[byte][][]byte // by name; two secrets may have the same
}

// NewPlayback returns Playback that signs with a key derived from cfg.Secret.
func NewPlayback(cfg PlaybackConfig) (*Playback, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Playback{now: cfg.Now, keys: map[byte][][]byte{}}
	for i, secret := range append([][]byte{cfg.Secret}, cfg.Previous...) {
		key, err := DeriveKey(secret, "bandstand playback")
		if err != nil {
			return nil, fmt.Errorf("playback: %w", err)
		}
		sum := sha256.Sum256(key)
		name := sum[0]
		p.keys[name] = append(p.keys[name], key)
		if i == 0 {
			p.name, p.key = name, key
		}
	}
	return p, nil
}

// Pass is what a playback token says.
type Pass struct {
	UserID  uuid.UUID // whom it was made for; uuid.Nil if for whoever has it
	Expires time.Time
}

// Sign returns a token for whoever has it, with which the channel can be watched
// for ttl.
func (p *Playback) Sign(slug string, ttl time.Duration) string {
	return p.SignFor(uuid.Nil, slug, ttl)
}

// SignFor is Sign for one person, whom logs can then tell of.
func (p *Playback) SignFor(user uuid.UUID, slug string, ttl time.Duration) string {
	expires := min(max(0, p.now().Add(ttl).Unix()), math.MaxUint32)
	token := make([]byte, 0, passBytes)
	token = append(token, p.name)
	token = binary.BigEndian.AppendUint32(token, uint32(expires))
	token = append(token, user[:]...)
	token = append(token, sumOf(p.key, token, slug)...)
	return passText.EncodeToString(token)
}

// Verify reports whether token opens the channel now: ErrPassExpired if it did once,
// and ErrBadToken if it never did.
func (p *Playback) Verify(slug, token string) error {
	_, err := p.Read(slug, token)
	return err
}

// Read is Verify that returns what the token says. Of an expired one that is known too.
func (p *Playback) Read(slug, token string) (Pass, error) {
	if len(token) != passText.EncodedLen(passBytes) {
		return Pass{}, fmt.Errorf("%w: %d characters", ErrBadToken, len(token))
	}
	var raw [passBytes]byte
	if _, err := passText.Decode(raw[:], []byte(token)); err != nil {
		return Pass{}, fmt.Errorf("%w: not base64url", ErrBadToken)
	}
	head := raw[:passHeadBytes]
	good := false
	for _, key := range p.keys[head[0]] {
		good = hmac.Equal(raw[passHeadBytes:], sumOf(key, head, slug)) || good
	}
	if !good {
		return Pass{}, fmt.Errorf("%w: not signed for this channel", ErrBadToken)
	}
	pass := Pass{UserID: uuid.UUID(head[5:]), Expires: time.Unix(int64(binary.BigEndian.Uint32(head[1:])), 0).UTC()}
	if !p.now().Before(pass.Expires) {
		return pass, ErrPassExpired
	}
	return pass, nil
}

// sumOf signs the head of a token for a channel. The head has a fixed length, so that
// nothing of it can pass for a part of the slug.
func sumOf(key, head []byte, slug string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(head)
	mac.Write([]byte(slug))
	return mac.Sum(nil)
}
