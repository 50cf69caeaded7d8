// Package idempotency lets a request be sent again when nobody knows whether it
// arrived: with the same Idempotency-Key it is served once, and its reply is given
// again. draft-ietf-httpapi-idempotency-key-header.
package idempotency

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Outcomes of a request with an Idempotency-Key.
var (
	ErrBadKey     = rest.BadRequest("bad_idempotency_key", "an Idempotency-Key has 1 to 255 visible characters of ASCII")
	ErrReused     = rest.Invalid("idempotency_key_reused", "this Idempotency-Key was sent with another request")
	ErrInProgress = rest.Conflict("idempotency_in_progress", "the first request with this Idempotency-Key is still under way")
)

const (
	// keptFor is how long a reply can be had again.
	keptFor = 24 * time.Hour
	// claimedFor is when a request that left no reply is taken for lost, with the
	// process that served it. It is longer than any request may take.
	claimedFor = time.Minute
	// waitFor bounds how long a request waits for the first one with its key.
	waitFor = 2 * time.Second
	// minSecretBytes is the least a secret may have, as that of tokens.
	minSecretBytes = 8
)

// Config is what a Store needs. Fields without a default are required.
type Config struct {
	DB     *db.DB
	Secret []byte // known to every node and to nobody else
	Logger *slog.Logger
	Now    func() time.Time // time.Now if nil
}

// Store keeps replies, each encrypted with a key that takes both the secret and the
// Idempotency-Key: replies hold secrets that are shown once. What it keeps of keys and
// requests are keyed hashes.
type Store struct {
	db     *db.DB
	secret []byte
	names  []byte // keys the hashes
	log    *slog.Logger
	now    func() time.Time
}

// NewStore returns a Store. A bad cfg is an error.
func NewStore(cfg Config) (*Store, error) {
	switch {
	case cfg.DB == nil:
		return nil, errors.New("idempotency: DB is required")
	case cfg.Logger == nil:
		return nil, errors.New("idempotency: Logger is required")
	case len(cfg.Secret) < minSecretBytes:
		return nil, fmt.Errorf("idempotency: the secret has %d bytes: want at least %d", len(cfg.Secret), minSecretBytes)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	names, err := hkdf.Key(sha256.New, cfg.Secret, nil, "bandstand idempotency names", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("idempotency: derive a key: %w", err)
	}
	return &Store{db: cfg.DB, secret: cfg.Secret, names: names, log: cfg.Logger, now: cfg.Now}, nil
}

// Purge forgets the replies that can no longer be had, and returns how many.
func (s *Store) Purge(ctx context.Context) (int64, error) {
	n, err := s.db.Write().PurgeIdempotencyKeys(ctx, column.At(s.now()))
	if err != nil {
		return 0, fmt.Errorf("idempotency: purge: %w", err)
	}
	return n, nil
}

// request is what makes two requests the same.
type request struct {
	who  string // whose request it is
	key  string // the Idempotency-Key
	what []byte // hash of everything else
}

// name returns the keyed hash of texts, of which none can pass for a part of another.
func (s *Store) name(texts ...[]byte) string {
	mac := hmac.New(sha256.New, s.names)
	for _, text := range texts {
		sum := sha256.Sum256(text)
		mac.Write(sum[:])
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// claim is the right to serve a request, until finish or free.
type claim struct {
	store *Store
	box   *box
	name  string
	made  column.Time
}

// begin claims r, or returns the reply that it had. While another serves it, begin
// waits a little; then the error is ErrInProgress. Another request with the same key
// is ErrReused.
func (s *Store) begin(ctx context.Context, r request) (*claim, *reply, error) {
	name, what := s.name([]byte("key"), []byte(r.who), []byte(r.key)), s.name([]byte("request"), r.what)
	box, err := newBox(s.secret, r.key, name)
	if err != nil {
		return nil, nil, err
	}
	pause := 10 * time.Millisecond
	for waited := time.Duration(0); ; waited, pause = waited+pause, min(2*pause, 200*time.Millisecond) {
		made := column.At(s.now())
		n, err := s.db.Write().ClaimIdempotencyKey(ctx, store.ClaimIdempotencyKeyParams{
			KeyHash: name, RequestHash: what, CreatedAt: made, ExpiresAt: column.At(made.Add(claimedFor)),
		})
		if err != nil {
			return nil, nil, fmt.Errorf("idempotency: claim a key: %w", err)
		}
		if n == 1 {
			return &claim{store: s, box: box, name: name, made: made}, nil, nil
		}
		row, err := s.db.Read().IdempotencyKey(ctx, name)
		switch {
		case errors.Is(err, db.ErrNotFound): // freed in the meantime
		case err != nil:
			return nil, nil, fmt.Errorf("idempotency: look a key up: %w", err)
		case !hmac.Equal([]byte(row.RequestHash), []byte(what)):
			return nil, nil, ErrReused
		case row.Status != 0:
			reply, err := box.open(row.Reply)
			if err != nil {
				return nil, nil, err
			}
			reply.status = int(row.Status)
			return nil, reply, nil
		}
		if waited >= waitFor {
			return nil, nil, rest.Later(ErrInProgress, time.Second)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, nil, err
		}
	}
}

// finish keeps the reply of a request that has been served.
func (c *claim) finish(ctx context.Context, r *reply) error {
	sealed, err := c.box.seal(r)
	if err != nil {
		return err
	}
	n, err := c.store.db.Write().FinishIdempotencyKey(ctx, store.FinishIdempotencyKeyParams{
		KeyHash: c.name, CreatedAt: c.made,
		Status: int64(r.status), Reply: sealed, ExpiresAt: column.At(c.store.now().Add(keptFor)),
	})
	if err != nil {
		return fmt.Errorf("idempotency: keep a reply: %w", err)
	}
	if n != 1 {
		return errors.New("idempotency: the claim was lost before the request was served")
	}
	return nil
}

// free gives the key back, so that the request can be sent again and be served.
func (c *claim) free(ctx context.Context) error {
	err := c.store.db.Write().FreeIdempotencyKey(ctx, store.FreeIdempotencyKeyParams{KeyHash: c.name, CreatedAt: c.made})
	if err != nil {
		return fmt.Errorf("idempotency: free a key: %w", err)
	}
	return nil
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
