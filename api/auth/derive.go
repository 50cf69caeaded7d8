package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// DeriveKey derives from the server's secret 32 bytes of key for one purpose, which
// says nothing of the secret nor of the keys for other purposes. A short secret is
// stretched first. It takes a tenth of a second then: keep the key.
func DeriveKey(secret []byte, purpose string) ([]byte, error) {
	if len(secret) < minSecretBytes {
		return nil, fmt.Errorf("auth: the secret has %d bytes: want at least %d", len(secret), minSecretBytes)
	}
	if len(secret) < StrongSecretBytes {
		secret = argon2.IDKey(secret, []byte("bandstand token secret"), 3, 64<<10, 1, sha256.Size)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("auth: derive a key: %w", err)
	}
	return key, nil
}
