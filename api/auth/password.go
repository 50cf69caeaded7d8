package auth

import (
	"context"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// hashing is OWASP's second recommendation for argon2id: 19 MiB, two passes.
var hashing = argon2id.Params{
	Memory:      19 * 1024, // KiB
	Iterations:  2,
	Parallelism: 1,
	SaltLength:  16,
	KeyLength:   32,
}

// Passwords hashes and checks passwords, in NFC: not all keyboards make an é of the
// same characters. Each hash takes 19 MiB and some tens of milliseconds of a core, so
// only a few are computed at a time: the others wait.
type Passwords struct {
	slots chan struct{}
	dummy string // what is checked when there is no account
}

// NewPasswords returns Passwords that computes at most parallel hashes at a time.
func NewPasswords(parallel int) (*Passwords, error) {
	if parallel < 1 {
		return nil, fmt.Errorf("auth: %d parallel password hashes: want at least 1", parallel)
	}
	dummy, err := argon2id.CreateHash("", &hashing)
	if err != nil {
		return nil, fmt.Errorf("auth: hash a password: %w", err)
	}
	return &Passwords{slots: make(chan struct{}, parallel), dummy: dummy}, nil
}

// Hash returns what to store for password. It waits for its turn until ctx ends.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	hash, err := argon2id.CreateHash(norm.NFC.String(password), &hashing)
	if err != nil {
		return "", fmt.Errorf("auth: hash a password: %w", err)
	}
	return hash, nil
}

// Check reports whether password is the one that hash was made of. An empty hash
// stands for an account that does not exist: it takes as long and is never right.
// Check waits for its turn until ctx ends.
func (p *Passwords) Check(ctx context.Context, password, hash string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave()
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	ok, err := argon2id.ComparePasswordAndHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, fmt.Errorf("auth: check a password: %w", err)
	}
	return ok && known, nil
}

func (p *Passwords) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("auth: wait to hash a password: %w", ctx.Err())
	}
}

func (p *Passwords) leave() { <-p.slots }
