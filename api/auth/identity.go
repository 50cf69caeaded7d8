package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/storage/cache"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	// PersonalTokenPrefix begins a personal access token.
	PersonalTokenPrefix = "bst_"
	// keepPeople is how long who somebody was stands in while the database cannot be
	// asked. A JWT ends before.
	keepPeople = time.Hour
)

// IdentityConfig is what an Identity needs. Fields without a default are required.
type IdentityConfig struct {
	Tokens *Tokens
	DB     *db.DB
	// Fresh is how long what is known of a login, a token or a person is not asked for
	// again, unless TopicUser or TopicPersonalToken tell that it has changed; 5s if zero.
	Fresh      time.Duration
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now if nil
}

func (cfg *IdentityConfig) validate() error {
	if cfg.Tokens == nil || cfg.DB == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return errors.New("tokens, a database, a logger and a registerer are required")
	}
	if cfg.Fresh == 0 {
		cfg.Fresh = usuallyFresh
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

// Identity finds out who a token speaks for: a JSON Web Token or a personal access
// token. It is one for the API, sockets and whatever else has a database to ask;
// nodes without one make do with Tokens.
//
// A JWT alone is good until it expires. An Identity also looks whether its login was
// revoked and its user suspended or deleted, and takes name and role from there.
// It hears of such changes at once on this node and soon on others; what it missed it
// learns after Fresh.
//
// While the database cannot be asked, whoever was known lately is believed to be the
// same, and of others a JWT is believed within its lifetime, a quarter of an hour: so
// that viewers stay who they are. Such a Principal is Unchecked, and the guard lets it
// read only. A personal access token that nobody knows is then "could not ask".
//
// It is safe for concurrent use.
type Identity struct {
	cfg    IdentityConfig
	people *cache.Cache[personKey, person]
	tokens *cache.Cache[string, personalToken] // by hash
	notes  *notes
}

// personKey is a user, on one of the user's logins or uuid.Nil.
type personKey struct{ user, login uuid.UUID }

// person is what is known of a user, and of the login if there is one.
type person struct {
	asked   time.Time // when
	name    string
	role    Role
	active  bool      // neither suspended nor deleted, and the login not revoked
	used    time.Time // when the login was used last
	expires time.Time // of the login; zero if never
}

// personalToken is what is known of a personal access token.
type personalToken struct {
	asked   time.Time // when
	id      uuid.UUID
	user    uuid.UUID
	scopes  []string
	revoked bool
	used    time.Time // zero if never
	expires time.Time // zero if never
}

// NewIdentity returns an Identity that hears of changes as long as cfg.DB is open.
// Run notes when logins and tokens are used; without it nobody does.
func NewIdentity(cfg IdentityConfig) (*Identity, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("auth: identity: %w", err)
	}
	i := &Identity{cfg: cfg, notes: newNotes(cfg.DB, cfg.Logger)}
	var err error
	i.people, err = cache.New[personKey, person](cache.Config[personKey]{
		DB: cfg.DB, Topic: TopicUser, Key: func(k personKey) string { return k.user.String() },
		TTL: cfg.Fresh, MaxStale: keepPeople, Now: cfg.Now, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: identity: %w", err)
	}
	i.tokens, err = cache.New[string, personalToken](cache.Config[string]{
		DB: cfg.DB, Topic: TopicPersonalToken, Key: func(hash string) string { return hash },
		TTL: cfg.Fresh, MaxStale: keepPeople, Now: cfg.Now, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: identity: %w", err)
	}
	return i, nil
}

// Run notes in the database which logins and tokens are used, until ctx ends. It
// returns nil after the last are noted.
func (i *Identity) Run(ctx context.Context) error { return i.notes.run(ctx) }

// Verify implements Verifier.
func (i *Identity) Verify(ctx context.Context, token string) (Principal, error) {
	if strings.HasPrefix(token, PersonalTokenPrefix) {
		return i.verifyPersonal(ctx, token)
	}
	p, err := i.cfg.Tokens.Verify(ctx, token)
	if err != nil || p.Service {
		return p, err
	}
	known, err := i.person(ctx, personKey{p.UserID, p.Login})
	switch {
	case errors.Is(err, db.ErrNotFound):
		return Principal{}, fmt.Errorf("%w: its login or user is gone", ErrBadToken)
	case db.IsUnavailable(err):
		p.Unchecked = true
		return p, nil
	case err != nil:
		return Principal{}, fmt.Errorf("auth: look a token up: %w", err)
	case !known.good(i.cfg.Now()):
		return Principal{}, fmt.Errorf("%w: its login or user is not good any more", ErrBadToken)
	}
	p.Name, p.Role, p.Unchecked = known.name, known.role, i.isOld(known.asked)
	if p.Login != uuid.Nil {
		i.note(ctx, p.Login, false, known.used)
	}
	return p, nil
}

func (i *Identity) verifyPersonal(ctx context.Context, text string) (Principal, error) {
	if !IsSecret(PersonalTokenPrefix, text) {
		return Principal{}, fmt.Errorf("%w: not a personal access token", ErrBadToken)
	}
	token, err := i.personalToken(ctx, HashSecret(text))
	var known person
	if err == nil {
		known, err = i.person(ctx, personKey{user: token.user})
	}
	switch {
	case errors.Is(err, db.ErrNotFound):
		return Principal{}, fmt.Errorf("%w: no such personal access token", ErrBadToken)
	case err != nil:
		return Principal{}, fmt.Errorf("auth: look a personal access token up: %w", err)
	case token.revoked || isOver(token.expires, i.cfg.Now()) || !known.good(i.cfg.Now()):
		return Principal{}, fmt.Errorf("%w: a personal access token that is not good any more", ErrBadToken)
	}
	p := Principal{
		UserID: token.user, Name: known.name, Role: known.role,
		Token: token.id, Scopes: token.scopes, Unchecked: i.isOld(known.asked) || i.isOld(token.asked),
	}
	if !slices.Contains(token.scopes, ScopeAdmin) {
		p.Role = RoleUser // what the role allows beyond one's own things takes that scope
	}
	i.note(ctx, token.id, true, token.used)
	return p, nil
}

func (p *person) good(now time.Time) bool { return p.active && !isOver(p.expires, now) }

// isOver reports whether something that ends at end, never if that is zero, is over.
func isOver(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

// isOld reports whether an answer of then stands in because nobody could be asked now.
func (i *Identity) isOld(then time.Time) bool { return i.cfg.Now().Sub(then) >= i.cfg.Fresh }

// note notes that a login or token is used, unless that was noted a moment ago.
func (i *Identity) note(ctx context.Context, id uuid.UUID, personal bool, used time.Time) {
	now := i.cfg.Now()
	if now.Sub(used) < notedEvery {
		return
	}
	client := ClientOf(ctx)
	n := note{at: now, personal: personal, userAgent: client.Agent()}
	if client.Addr.IsValid() {
		n.address = client.Addr.String()
	}
	i.notes.add(id, n)
}

// person returns what is known of a user. One that does not exist, or has no such
// login, is db.ErrNotFound.
func (i *Identity) person(ctx context.Context, key personKey) (person, error) {
	return i.people.Get(ctx, key, func(ctx context.Context) (person, error) {
		asked := i.cfg.Now()
		if key.login == uuid.Nil {
			row, err := i.cfg.DB.Read().IdentityOfUser(ctx, key.user)
			return person{
				asked: asked, name: row.Username, role: Role(row.Role),
				active: row.DeletedAt == nil && row.SuspendedAt == nil,
			}, err
		}
		row, err := i.cfg.DB.Read().IdentityOfLogin(ctx, store.IdentityOfLoginParams{ID: key.login, UserID: key.user})
		return person{
			asked: asked, name: row.Username, role: Role(row.Role),
			active: row.DeletedAt == nil && row.SuspendedAt == nil && row.RevokedAt == nil,
			used:   row.LastUsedAt.Time, expires: row.ExpiresAt.Time,
		}, err
	})
}

// personalToken returns what is known of a token. One that does not exist is
// db.ErrNotFound.
func (i *Identity) personalToken(ctx context.Context, hash string) (personalToken, error) {
	return i.tokens.Get(ctx, hash, func(ctx context.Context) (personalToken, error) {
		asked := i.cfg.Now()
		row, err := i.cfg.DB.Read().IdentityOfPersonalToken(ctx, hash)
		return personalToken{
			asked: asked, id: row.ID, user: row.UserID, scopes: strings.Fields(row.Scopes), revoked: row.RevokedAt != nil,
			used: timeOf(row.LastUsedAt), expires: timeOf(row.ExpiresAt),
		}, err
	})
}

// timeOf returns the time of a column; zero if that is null.
func timeOf(t *column.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
