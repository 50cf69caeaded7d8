package mail

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

const keyBytes = 32 // AES-256

// errSealed is the outcome of a job that no key opens.
var errSealed = errors.New("mail: the job was sealed with a key that is not known (any more)")

// Seal keeps what a job holds from whoever reads the table of jobs. It is safe for
// concurrent use.
type Seal struct{ keys []cipher.AEAD } // the first seals, all open

// NewSeal returns a Seal with a key of 32 bytes that serves nothing else. Jobs sealed
// with the previous keys can still be opened.
func NewSeal(key []byte, previous ...[]byte) (*Seal, error) {
	s := &Seal{}
	for _, key := range append([][]byte{key}, previous...) {
		if len(key) != keyBytes {
			return nil, fmt.Errorf("mail: a key of %d bytes: want %d", len(key), keyBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		s.keys = append(s.keys, aead)
	}
	return s, nil
}

// envelope is what a job holds in secret.
type envelope struct {
	ID      string  `json:"id"` // of the mail: the same whenever it is tried again
	Message Message `json:"message"`
}

func (s *Seal) close(e envelope) (Job, error) {
	plain, err := json.Marshal(e)
	if err != nil {
		return Job{}, fmt.Errorf("mail: seal: %w", err)
	}
	box := s.keys[0].Seal(nil, nil, plain, []byte(e.Message.Template)) //nolint:gosec // it draws a nonce itself
	return Job{Template: e.Message.Template, Box: base64.StdEncoding.EncodeToString(box)}, nil
}

func (s *Seal) open(j Job) (envelope, error) {
	box, err := base64.StdEncoding.DecodeString(j.Box)
	if err != nil {
		return envelope{}, errSealed
	}
	for _, key := range s.keys {
		plain, err := key.Open(nil, nil, box, []byte(j.Template))
		if err != nil {
			continue
		}
		var e envelope
		if err := json.Unmarshal(plain, &e); err != nil {
			return envelope{}, fmt.Errorf("mail: open a job: %w", err)
		}
		return e, nil
	}
	return envelope{}, errSealed
}
