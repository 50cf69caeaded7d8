package idempotency

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// reply is what a request was answered with.
type reply struct {
	status int
	header http.Header // of those in keptHeaders
	body   []byte
}

// keptHeaders are the headers that belong to a reply; the others are of the moment.
var keptHeaders = []string{"Content-Type", "Location", "Etag", "Link", "Set-Cookie", "Cache-Control"}

// isFinal reports whether a request that was answered with status would be answered
// the same again. Others may do better the next time: whoever was not let in, came too
// often, sent too slowly, or met a failure of ours.
func isFinal(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return status >= 200 && status < 500
}

// box encrypts replies for whoever has an Idempotency-Key.
type box struct {
	aead cipher.AEAD
	name []byte // which row the reply belongs to
}

func newBox(secret []byte, key, name string) (*box, error) {
	salt := sha256.Sum256([]byte(key))
	k, err := hkdf.Key(sha256.New, secret, salt[:], "bandstand idempotent reply", 32)
	if err != nil {
		return nil, fmt.Errorf("idempotency: derive a key: %w", err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("idempotency: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("idempotency: %w", err)
	}
	return &box{aead, []byte(name)}, nil
}

// envelope is a reply as it is encrypted.
type envelope struct {
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

func (b *box) seal(r *reply) (string, error) {
	plain, err := json.Marshal(envelope{r.header, r.body})
	if err != nil {
		return "", fmt.Errorf("idempotency: encode a reply: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b.aead.Seal(nil, nil, plain, b.name)), nil //nolint:gosec // this mode makes its nonces itself
}

func (b *box) open(sealed string) (*reply, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, errors.New("idempotency: a reply is not base64")
	}
	plain, err := b.aead.Open(nil, nil, raw, b.name)
	if err != nil {
		return nil, errors.New("idempotency: a reply is not encrypted for its key")
	}
	var e envelope
	if err := json.Unmarshal(plain, &e); err != nil {
		return nil, fmt.Errorf("idempotency: decode a reply: %w", err)
	}
	return &reply{header: e.Header, body: e.Body}, nil
}

// maxReplyBytes bounds the body of a reply that can be had again.
const maxReplyBytes = 256 << 10

// recorder holds a reply back until it has been kept. One that is too large to be kept
// goes out as it comes.
type recorder struct {
	http.ResponseWriter

	status  int
	body    bytes.Buffer
	spilled bool
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements io.Writer.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if !r.spilled && r.body.Len()+len(p) <= maxReplyBytes {
		return r.body.Write(p)
	}
	if !r.spilled {
		r.flush()
		r.spilled = true
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController see the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// flush sends what has been held back.
func (r *recorder) flush() {
	if r.spilled || r.status == 0 {
		return
	}
	r.ResponseWriter.WriteHeader(r.status)
	if r.body.Len() > 0 {
		_, _ = r.ResponseWriter.Write(r.body.Bytes()) // a client that has left
	}
}

// reply returns what was recorded.
func (r *recorder) reply() *reply {
	kept := http.Header{}
	for _, name := range keptHeaders {
		if values := r.Header().Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	return &reply{status: r.status, header: kept, body: r.body.Bytes()}
}
