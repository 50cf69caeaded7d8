package auth

// DeriveKey derives from the server's secret 32 bytes of key for one purpose, which
// says nothing of the secret nor of the keys for other purposes. A short secret is
// stretched first. It takes a tenth of a second then: keep the key.
func DeriveKey(secret []byte, purpose string) ([]byte, error) { return deriveKey(secret, purpose) }
