package main

import (
	"crypto/tls"
	"sync"
	"time"

	"bandstand/configs"
)

// certificate is a TLS certificate that is renewed on disk while the server runs.
type certificate struct {
	files configs.TLS

	mu     sync.Mutex
	loaded *tls.Certificate // guarded by mu
	at     time.Time        // guarded by mu; of the last look at the files
}

// get returns the certificate. Once it has been read, one that cannot be read any
// more leaves the old one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.at) < time.Minute {
		return c.loaded, nil
	}
	c.at = time.Now()
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		if c.loaded != nil {
			return c.loaded, nil
		}
		return nil, err
	}
	c.loaded = &pair
	return c.loaded, nil
}
