package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"sync"
	"time"

	"bandstand/api/rest"
)

const (
	// maxFailures is how often a login may fail from one place within failureWindow,
	// which begins with the first failure, and maxFailuresAnywhere how often from all
	// places together. Then it cannot be tried until the window ends: from there, or from
	// anywhere. The second is so much more because strangers can bring it about.
	maxFailures         = 10
	maxFailuresAnywhere = 100
	failureWindow       = 15 * time.Minute
	// maxNames bounds the memory: of names that failed more, those with fewest failures
	// are forgotten.
	maxNames = 1 << 16
	// sampledNames is among how many the one with fewest failures is looked for.
	sampledNames = 8
)

// Attempts counts failed attempts to log in, by a hash of the name that was tried,
// whether or not there is such an account: so that passwords cannot be guessed from
// many addresses. Implementations are safe for concurrent use, and fail rather than
// take long: a failure lets people in.
type Attempts interface {
	// Wait returns how long name may not be tried that failed most times; zero if it may.
	Wait(ctx context.Context, name string, most int) (time.Duration, error)
	// Failed counts a failure. If that is one more than most, it returns how long name
	// may not be tried.
	Failed(ctx context.Context, name string, most int) (time.Duration, error)
	// Succeeded forgets the failures.
	Succeeded(ctx context.Context, name string) error
}

// tally is one of the counts that a failure adds to.
type tally struct {
	name string
	most int
}

// talliesOf returns what attempts with a login are counted under: from where they
// come, and altogether.
func talliesOf(login string, from netip.Addr) [2]tally {
	login = strings.ToLower(login)
	return [2]tally{{nameOf(login + " " + rest.Household(from)), maxFailures}, {nameOf(login), maxFailuresAnywhere}}
}

func nameOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// MemoryAttempts counts in this process.
type MemoryAttempts struct {
	now func() time.Time

	mu    sync.Mutex
	names map[string]failures // guarded by mu
}

type failures struct {
	count int
	until time.Time
}

// NewMemoryAttempts returns a MemoryAttempts that has counted nothing.
func NewMemoryAttempts(now func() time.Time) *MemoryAttempts {
	return &MemoryAttempts{now: now, names: map[string]failures{}}
}

// Wait implements Attempts. It never fails.
func (a *MemoryAttempts) Wait(_ context.Context, name string, most int) (time.Duration, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.names[name]; f.count >= most {
		return max(0, f.until.Sub(a.now())), nil
	}
	return 0, nil
}

// Failed implements Attempts. It never fails.
func (a *MemoryAttempts) Failed(_ context.Context, name string, most int) (time.Duration, error) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	f, known := a.names[name]
	if !known && len(a.names) >= maxNames {
		a.makeRoom(now)
	}
	if !now.Before(f.until) {
		f = failures{until: now.Add(failureWindow)}
	}
	f.count++
	a.names[name] = f
	if f.count > most {
		return f.until.Sub(now), nil
	}
	return 0, nil
}

// Succeeded implements Attempts. It never fails.
func (a *MemoryAttempts) Succeeded(_ context.Context, name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.names, name)
	return nil
}

// makeRoom forgets the names whose window is over or else, of a few, the one with
// fewest failures. The caller holds mu.
func (a *MemoryAttempts) makeRoom(now time.Time) {
	least, seen := "", 0
	for name, f := range a.names { // in no order
		if !now.Before(f.until) {
			delete(a.names, name)
			return
		}
		if least == "" || f.count < a.names[least].count {
			least = name
		}
		seen++
		if seen == sampledNames {
			break
		}
	}
	delete(a.names, least)
}
