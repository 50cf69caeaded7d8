package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

const (
	secretBytes = 20 // random bytes of a secret: nobody guesses 160 bits
	hintLength  = 4
)

// secretText is base32 in small letters, without what only fills up.
var secretText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret returns prefix with 160 random bits behind it: a token that says by its
// prefix what it is, so that searches for leaked secrets find it.
func NewSecret(prefix string) string {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // it never fails
	return prefix + strings.ToLower(secretText.EncodeToString(raw))
}

// IsSecret reports whether text may have been made by NewSecret, so that it is worth
// looking up.
func IsSecret(prefix, text string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != secretText.EncodedLen(secretBytes) {
		return false
	}
	return !strings.ContainsFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// HashSecret returns what is stored of a secret. One round of SHA-256 is enough:
// there is nothing to guess in so many random bits.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// HintOf returns the end of a secret, by which its owner knows it again.
func HintOf(secret string) string { return secret[max(0, len(secret)-hintLength):] }
