package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
)

const (
	secretPrefix = "whsec_" // Standard Webhooks: symmetric secrets
	secretBytes  = 32       // of 24 to 64
)

// newSecret returns a new secret to sign with, as its owner is shown it.
func newSecret() string {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // it never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(raw)
}

// signature returns the header webhook-signature for a message: an HMAC-SHA256 over
// its id, its time and its body. Standard Webhooks 1.0, signature scheme.
func signature(secret, id string, at time.Time, body string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", errors.New("webhook: the secret is not one of ours")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// boxes encrypts secrets for the database: signing needs them again, and whoever
// reads the database alone should not be able to sign.
type boxes struct {
	current string
	ciphers map[string]cipher.AEAD // by the name of the key: the current one and those before it
}

func newBoxes(secret []byte, previous [][]byte) (*boxes, error) {
	b := &boxes{ciphers: map[string]cipher.AEAD{}}
	for i, s := range append([][]byte{secret}, previous...) {
		key, err := auth.DeriveKey(s, "bandstand webhook secrets")
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("make a cipher: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("make a cipher: %w", err)
		}
		sum := sha256.Sum256(key)
		name := hex.EncodeToString(sum[:4])
		b.ciphers[name] = aead
		if i == 0 {
			b.current = name
		}
	}
	return b, nil
}

// seal returns secret encrypted, for the webhook with id and no other.
func (b *boxes) seal(id uuid.UUID, secret string) string {
	aead := b.ciphers[b.current]
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	box := aead.Seal(nonce, nonce, []byte(secret), id[:])
	return b.current + "." + base64.RawStdEncoding.EncodeToString(box)
}

// open returns the secret that seal encrypted.
func (b *boxes) open(id uuid.UUID, text string) (string, error) {
	name, encoded, _ := strings.Cut(text, ".")
	aead, ok := b.ciphers[name]
	if !ok {
		return "", errors.New("webhook: a secret is encrypted with a key that this server no longer has")
	}
	box, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(box) < aead.NonceSize() {
		return "", errors.New("webhook: an encrypted secret is damaged")
	}
	secret, err := aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], id[:])
	if err != nil {
		return "", errors.New("webhook: an encrypted secret is damaged")
	}
	return string(secret), nil
}
