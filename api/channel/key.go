package channel

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Bounds of stream keys.
const (
	maxKeys       = 50 // of a channel, without those that are revoked
	maxLabel      = 60 // characters
	maxSecret     = 128
	hintLength    = 4
	secretPrefix  = "live_"
	keepRevoked   = 7 * 24 * time.Hour // how long a revoked key stays in the list
	firstKeyLabel = "default"
)

// Key is a stream key as its owner sees it: without the secret, which nobody has
// but whoever was shown it.
type Key struct {
	ID         uuid.UUID
	Label      string
	Hint       string // last characters of the secret
	CreatedAt  time.Time
	LastUsedAt time.Time // zero if never
	RevokedAt  time.Time // zero if good
}

// newSecret returns the text of a new stream key, with at least 128 random bits.
func newSecret() string {
	return secretPrefix + strings.ToLower(rand.Text())
}

// hashSecret returns what is stored of a secret. One round of SHA-256 is enough:
// there is nothing to guess in 128 random bits.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func hintOf(secret string) string {
	return secret[len(secret)-hintLength:]
}
