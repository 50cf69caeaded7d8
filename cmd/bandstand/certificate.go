package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bandstand/configs"
)

// recheckEvery is how long a certificate is used before its files are read again.
const recheckEvery = time.Minute

// certificate is a TLS certificate that is renewed on disk while the server runs.
type certificate struct {
	load func() (tls.Certificate, error)
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate // guarded by mu
	at     time.Time        // guarded by mu; of the last look at the files
}

// loadTLS returns a TLS configuration, nil if no certificate is named. It reads the
// files again for new connections after they change, at most once a minute.
func loadTLS(files configs.TLS, log *slog.Logger) (*tls.Config, error) {
	if files.Cert == "" {
		return nil, nil //nolint:nilnil // no certificate is a valid outcome, not an error
	}
	c := &certificate{
		load: func() (tls.Certificate, error) { return tls.LoadX509KeyPair(files.Cert, files.Key) },
		now:  time.Now,
		log:  log,
	}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// get returns the certificate. Once it has been read, one that cannot be read any
// more leaves the old one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.loaded != nil && now.Sub(c.at) < recheckEvery {
		return c.loaded, nil
	}
	c.at = now
	pair, err := c.load()
	switch {
	case err == nil:
		c.loaded = &pair
	case c.loaded == nil:
		return nil, err
	default:
		c.log.Warn("certificate cannot be read again, the old one stays in use", "err", err)
	}
	return c.loaded, nil
}
